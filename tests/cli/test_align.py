"""bossline align: every recording is written or named; words and phones in the tiers of the field.

Frames of the small corpus stand for sound: a recording is a file of features, a word its phones.
"""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

import bossline
from bossline import cli
from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier, PointTier
from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Corpus
from bossline.data.phones import ARPABET
from bossline.runs.phones_out import PhoneFiles
from bossline.runs.run import Run

Align = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(toy: Corpus) -> Run:
    return bossline.train(
        "phoneme/simple", "toy",
        {"epochs": 3, "batches.size": 16, "model.width": 16, "optimiser.lr": 1e-2},
        run="runs/a", device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip


@pytest.fixture
def align(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Align:
    monkeypatch.setenv("COLUMNS", "120")

    def called(*words: str) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["bossline", "align", *words])
        try:
            cli.main()
            code: object = 0
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return called


def phones_of(corpus: Corpus, number: int) -> tuple[str, list[str], npt.NDArray[np.int64]]:
    """The text of an utterance, its phones, and the frames at which they begin and end."""
    labels = corpus.frame_labels(number)
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    names = [corpus.header.classes[label] for label in labels[starts]]
    return " ".join(names), [name for name in names if name != "SIL"], starts


@pytest.fixture
def recordings(run: Run) -> Path:
    corpus, folder = run.corpus(), Path("recordings")
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("one", "more/two", "more/three")):
        np.save(folder / f"{name}.npy", corpus.frames(number))
        (folder / f"{name}.lab").write_text(phones_of(corpus, number)[0])
    return folder


def test_phones_are_where_the_labels_are(run: Run, recordings: Path, align: Align) -> None:
    code, out, err = align("runs/a", "recordings", "--phones", "-o", "out")
    assert code == 0, err
    assert "out: 3 recordings" in out
    assert "look at these first" in out
    corpus = run.corpus()
    _, phones, starts = phones_of(corpus, 0)
    found = alignments.read("out/one.TextGrid")
    assert [tier.name for tier in found.tiers] == ["words", "phones", "confidence"]
    said = [one for one in found.phones().intervals if one.label]
    assert [one.label for one in said] == phones
    labels = corpus.frame_labels(0)[starts]
    spec = corpus.header.features
    assert isinstance(spec, FeatureSpec)
    truth = spec.frame_edges(len(corpus.frames(0)))[starts]
    begins = [time for time, label in zip(truth, labels, strict=True) if label]
    assert np.median(np.abs(np.array([one.start for one in said]) - begins)) < 0.011
    with open("out/alignment_analysis.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == ["more/three", "more/two", "one"]
    assert all(float(row["speech_log_likelihood"]) <= 0 for row in rows)
    assert (Path("runs/a") / "alignment.safetensors").is_file()


def test_no_recording_is_lost(recordings: Path, align: Align) -> None:
    (recordings / "one.lab").unlink()
    (recordings / "more" / "two.lab").write_text(" \n")
    code, _, err = align("runs/a", "recordings", "--phones", "-o", "out")
    assert code == 1
    assert "one.npy: no text beside it: expected one.lab, one.txt, one.TextGrid" in err
    assert "two.lab: an empty text" in err
    assert "2 of 3 inputs could not be answered" in err
    written = [path.as_posix() for path in Path("out").rglob("*.TextGrid")]
    assert written == ["out/more/three.TextGrid"]


def test_a_folder_is_gone_on_with(recordings: Path, align: Align) -> None:
    assert align("runs/a", "recordings", "--phones", "-o", "out")[0] == 0
    before = Path("out/alignment_analysis.csv").read_text()
    Path("out/one.TextGrid").unlink()
    code, out, _ = align("runs/a", "recordings", "--phones", "-o", "out")
    assert code == 0
    assert "out: 1 recording, 2 there already" in out
    assert Path("out/alignment_analysis.csv").read_text() == before
    # A kill between a file and its line, or in the midst of that.
    lines = before.splitlines(keepends=True)
    Path("out/alignment_analysis.csv").write_text("".join(lines[:-1]) + lines[-1][:9])
    assert (
        "out: 1 recording, 2 there already"
        in align("runs/a", "recordings", "--phones", "-o", "out")[1]
    )
    assert Path("out/alignment_analysis.csv").read_text() == before
    # A text that was mended; other questions.
    soon = Path("out/one.TextGrid").stat().st_mtime_ns + 1_000_000
    os.utime(recordings / "one.lab", ns=(soon, soon))
    os.utime(recordings / "more" / "two.npy", ns=(soon, soon))
    assert (
        "out: 2 recordings, 1 there already"
        in align("runs/a", "recordings", "--phones", "-o", "out")[1]
    )
    assert (
        "out: 3 recordings"
        in align("runs/a", "recordings", "--phones", "-o", "out", "--text", "AA")[1]
    )


def test_a_stop_between_recordings(
    recordings: Path, align: Align, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = PhoneFiles.write

    def then_stop(self: PhoneFiles, one: Any) -> None:
        written(self, one)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(PhoneFiles, "write", then_stop)
        code, _, err = align("runs/a", "recordings", "--phones", "-o", "out")
    assert code == 130
    assert "stopped; out: 1 recording; the same command goes on" in err
    code, out, err = align("runs/a", "recordings", "--phones", "-o", "out")
    assert (code, err) == (0, "")
    assert "out: 2 recordings, 1 there already" in out
    with open("out/alignment_analysis.csv", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--text", "AA XY", "--phones"], 2, "phone 'XY' is none of the run's: AA S T M"),
        (["--text", "AA " * 2000, "--phones"], 2, "the text is longer than the recording: 1 word"),
        (["--text", " | ", "--phones"], 2, "no phone in the text"),
        (["--text", "?!"], 2, "no word in the text"),
        (["--text", "owl", "--dictionary", "none.dict"], 2, "none.dict: no such file"),
        (["--text", "mass", "--dictionary", "own.dict"], 0, ""),
        (["--text", "AA", "--phones", "--format", "praat"], 2, "--format praat: "),
        (["--text", "AA", "--phones", "--format", "ctm"], 0, ""),
    ],
)
def test_asked_rightly_and_wrongly(
    recordings: Path, align: Align, words: list[str], code: int, message: str
) -> None:
    Path("own.dict").write_text("mass M AA1 S\nmass M AA0 S S\n")
    found, _, err = align("runs/a", "recordings/one.npy", "-o", "out", *words)
    assert found == code
    assert message in err
    assert Path("out").exists() == (code == 0)


def test_texts_are_not_written_over(recordings: Path, align: Align) -> None:
    for place in ("recordings", "recordings/one.npy"):
        code, _, err = align("runs/a", place, "--phones", "-o", "recordings")
        assert code == 2
        assert "the recordings' own folder" in err


def test_speakers_have_tiers_of_their_own(run: Run, recordings: Path) -> None:
    model = bossline.load(run, device="cpu")
    end = 0.01 * len(np.load(recordings / "one.npy"))
    middle = round(end / 2, 2)
    tiers = (
        IntervalTier("ann", (Interval(0.0, middle, "AA | S"),)),
        IntervalTier("bob", (Interval(middle, end, "M"),)),
    )
    (recordings / "one.lab").unlink()
    alignments.write(Alignment(0.0, end, tiers), recordings / "one.TextGrid")
    (found,) = model.align(recordings / "one.npy", phones=True)
    names = [
        f"{who} - {what}" for who in ("ann", "bob") for what in ("words", "phones", "confidence")
    ]
    assert [tier.name for tier in found.alignment().tiers] == names
    assert [word.word for word in found.words] == ["AA", "S", "M"]
    assert found.words[1].end <= middle + 1e-9
    assert found.words[2].start >= middle - 1e-9
    assert found.to_dict()["utterances"][1]["speaker"] == "bob"


def test_several_runs_give_edges_with_an_interval(run: Run, recordings: Path) -> None:
    model = bossline.load([run, run], device="cpu")
    (found,) = model.align(recordings / "one.npy", phones=True)
    (alone,) = bossline.load(run, device="cpu").align(recordings / "one.npy", phones=True)
    tier = found.alignment().tier("edges")
    assert isinstance(tier, PointTier)
    (said,) = found.utterances
    assert len(tier.points) == len(said.edges)
    for edge in said.edges:
        assert edge.low == pytest.approx(edge.time, abs=2e-3)
        assert edge.low == edge.high
    np.testing.assert_allclose(
        [word.start for word in found.words], [word.start for word in alone.words], atol=0.011
    )


def test_arrays_and_one_word(run: Run) -> None:
    corpus = run.corpus()
    model = bossline.load(run, device="cpu")
    features = corpus.frames(0)
    (found,) = model.align(np.array(features), "M", phones=True)
    assert [word.word for word in found.words] == ["M"]
    assert "1 word, 1 phone" in repr(found)
    with pytest.raises(UserError, match="array 1: what is said in it"):
        model.align(np.array(features))


def test_a_run_of_speakers_tells_no_times(speaker_run: Run) -> None:
    model = bossline.load(speaker_run, device="cpu")
    with pytest.raises(UserError, match="a run of speaker that says nothing of frames"):
        model.align("x.npy", "owl")


def test_words_of_a_synthetic_recording(home: Path) -> None:
    """End to end: a recording at another rate, with two channels, and its sentence."""
    soundfile = pytest.importorskip("soundfile")
    from bossline.data.synthetic.corpus import say
    from bossline.data.synthetic.voices import make_voices

    quiet = Console(quiet=True)
    bossline.synth("tiny", hours=0.03, voices=3, console=quiet)
    run = bossline.train(
        "phoneme/simple", "tiny", {"epochs": 5, "model.width": 64},
        run="runs/tiny", device="cpu", threads=1, console=quiet,
    )  # fmt: skip
    voice = make_voices(3, 0)[0]
    waveform, starts, classes = say("the owl saw a big brown house", voice, seed=1)
    wave = np.pad(waveform, 3200)
    soundfile.write("a.wav", np.column_stack([wave, wave]), 16_000)
    (found,) = bossline.load(run, device="cpu").align("a.wav", "The owl saw a big, brown house.")
    assert [word.word for word in found.words] == "the owl saw a big brown house".split()
    assert found.seconds == pytest.approx(len(wave) / 16_000)
    truth = np.array([start for start, label in zip(starts, classes, strict=True) if label]) / 16000
    assert ARPABET[0] == "SIL"
    heard = np.array([phone.start for phone in found.segments])
    # The dictionary may say a word with other phones than the synthesiser does.
    assert abs(len(heard) - len(truth)) <= 2
    nearest = np.abs(heard[:, None] - truth - 0.2).min(1)
    assert np.median(nearest) < 0.02
