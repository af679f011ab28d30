"""bossline score: pairs by name whatever the formats, every file accounted for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bossline import cli
from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier
from bossline.evaluation.alignment_files import score_alignments
from tests.cli.test_imports import in_a_process

PHONES = Alignment.of(
    [IntervalTier("phones", tuple(Interval(k / 10, (k + 1) / 10, "abcde"[k]) for k in range(5)))]
)
LATE = Alignment.of(
    [
        IntervalTier(
            "labels",
            tuple(Interval(k / 10 + 0.01, (k + 1) / 10 + 0.01, "abcde"[k]) for k in range(5)),
        )
    ]
)

Bossline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder for each side, in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for side in ("ref", "hyp"):
        (tmp_path / side).mkdir()
    return Path("ref"), Path("hyp")


@pytest.fixture
def bossline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bossline:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_folders_of_other_formats(bossline: Bossline, sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    for name, suffix in {"s1": ".ctm", "s2": ".lab", "s3": ".txt", "s4": ".json"}.items():
        alignments.write(PHONES, ref / f"{name}.TextGrid")
        alignments.write(LATE, hyp / f"{name}{suffix}")
    code, out, err = bossline("score", "ref", "hyp")
    assert (code, err) == (0, "")
    assert "10.0 ms [no interval]" in out
    assert "0.0000 [0.0000, 0.4899], mapping 'none'" in out
    assert "4 recordings" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = bossline("score", "ref", "hyp", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["scores"]["errors"]["bias"]["value"] == pytest.approx(0.01)
    assert found["scores"]["boundaries"][1]["strict"]["f1"]["value"] == 1
    assert found["unreadable"] == found["without_hypothesis"] == []


def test_every_file_is_accounted_for(bossline: Bossline, sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    for side in sides:
        alignments.write(PHONES, side / "good.TextGrid")
        (side / "damaged.phn").write_text("0 5 a\n5\n")
    alignments.write(PHONES, ref / "only-ref.json")
    alignments.write(PHONES, hyp / "only-hyp.json")
    (ref / "words.lab").write_text("she had your\n")
    (ref / "good.wav").write_bytes(b"RIFF")
    (hyp / "two.csv").write_text("tier,start,end,label\na,0,1,x\nb,0,1,y\n")
    (ref / "two.csv").write_text("tier,start,end,label\na,0,1,x\n")
    code, out, err = bossline("score", "ref", "hyp")
    assert (code, err) == (1, "")
    assert "1 recording;" in out
    assert out.split("edges within")[1].split("\n", 2)[2].splitlines() == [
        "passed over: ref/words.lab: no alignment: a transcript, 'she had your', without times",
        "no hypothesis: only-ref",
        "no reference: only-hyp",
        "cannot be scored: ref/damaged.phn line 2: '5', expected a start, an end and a label",
        "cannot be scored: hyp/damaged.phn line 2: '5', expected a start, an end and a label",
        "cannot be scored: two: in hyp: 2 tiers may hold the phones: name one of 'a', 'b'",
    ]


def test_nothing_in_common_is_no_score(bossline: Bossline, sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    for name in ("a", "b"):
        alignments.write(PHONES, ref / f"{name}.json")
    alignments.write(PHONES, hyp / "c.json")
    code, out, _ = bossline("score", "ref", "hyp", "--json")
    assert code == 1
    assert json.loads(out)["scores"] is None
    code, out, _ = bossline("score", "ref", "hyp")
    assert out.splitlines() == ["no hypothesis: a", "no hypothesis: b", "no reference: c"]


def test_timits_files_are_tiers_of_one_recording(sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    for speaker in ("fcjf0", "mdab0"):  # both said sa1
        (ref / speaker).mkdir()
        (hyp / speaker).mkdir()
        alignments.write(PHONES, ref / speaker / "SA1.PHN")
        (ref / speaker / "SA1.WRD").write_text("0 8000 abcde\n")
        alignments.write(PHONES, hyp / speaker / "SA1.TextGrid")
    found = score_alignments(ref, hyp)
    assert found.complete
    assert found.scores is not None
    assert (found.scores.files, found.scores.phone_error_rate.value) == (2, 0)
    with pytest.raises(UserError, match="no boundary in any reference"):
        score_alignments(ref, hyp, tier="words", hypothesis_tier="phones")


def test_last_names_pair_where_they_are_unique(sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    (ref / "speaker").mkdir()
    alignments.write(PHONES, ref / "speaker" / "a.json")
    alignments.write(PHONES, ref / "speaker" / "b.json")
    lines = "".join(f"{name} 1 {k / 10} 0.1 {'abcde'[k]}\n" for name in "ab" for k in range(5))
    (hyp / "all.ctm").write_text(lines)
    for other in (hyp, hyp / "all.ctm"):
        found = score_alignments(ref, other)
        assert found.complete
        assert found.scores is not None
        assert found.scores.files == 2


def test_two_files_pair_whatever_they_are_called(sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    alignments.write(PHONES, ref / "hand.TextGrid")
    alignments.write(LATE, hyp / "machine.ctm")
    found = score_alignments(ref / "hand.TextGrid", hyp / "machine.ctm")
    assert found.complete
    assert found.scores is not None
    assert found.scores.matched == 5


def test_two_files_of_one_name_and_tier_are_told(sides: tuple[Path, Path]) -> None:
    ref, hyp = sides
    for name in ("a.json", "a.TextGrid"):
        alignments.write(PHONES, ref / name)
    alignments.write(PHONES, hyp / "a.json")
    found = score_alignments(ref, hyp)
    assert found.unreadable == ("ref: a: several files of this name have tier 'phones'",)
    assert not found.complete


def test_what_is_wrong_with_a_single_file_is_exit_2(
    bossline: Bossline, sides: tuple[Path, Path]
) -> None:
    alignments.write(PHONES, sides[0] / "a.json")
    assert "nowhere: no such file" in bossline("score", "ref", "nowhere")[2]
    code, _, err = bossline("score", "ref", "ref", "--mapping", "timit")
    assert (code, "did you mean 'timit3" in err) == (2, True)
    assert bossline("score", "ref", "ref", "--tier", "words")[0] == 1


@pytest.mark.usefixtures("sides")
def test_scoring_needs_no_torch() -> None:
    alignments.write(PHONES, "a.json")
    in_a_process([["score", "a.json", "a.json"]], None, 0)
