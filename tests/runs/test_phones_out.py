"""Phones as files: one a recording, nothing lost, nothing outside of the folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import bossline
from bossline import cli
from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Corpus
from bossline.runs.answers import write_predictions
from bossline.runs.phones_out import PhoneFiles
from bossline.runs.run import Run
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.prediction import Segment
from bossline.tasks.transcribe.prediction import StringPrediction
from bossline.tasks.transcribe.transcripts import Transcript, answers_of

SPEC = FeatureSpec(kind="mfcc", dim=39)


def said(id: str = "a") -> FramePrediction:
    labels = np.repeat([0, 1, 2, 0], [3, 4, 2, 3])
    outputs = np.full((12, 3), 0.1, np.float32)
    outputs[np.arange(12), labels] = 0.8
    return FramePrediction(id, outputs, labels, ("SIL", "AA", "B"), SPEC)


@pytest.mark.parametrize("format", alignments.WRITTEN)
def test_a_file_holds_what_was_said(tmp_path: Path, format: str) -> None:
    files = PhoneFiles(tmp_path / "out", format)
    files.write(said())
    found = alignments.read(files.path("a"), format).phones()
    assert [one.label for one in found.intervals if one.label] == ["AA", "B"]
    spoken = [one for one in said().segments if one.phone != "SIL"]
    for interval, segment in zip((i for i in found.intervals if i.label), spoken, strict=True):
        assert interval.start == pytest.approx(segment.start, abs=1e-4)
        assert interval.end == pytest.approx(segment.end, abs=1e-4)


def test_how_sure_it_is_stands_in_a_tier_of_its_own(tmp_path: Path) -> None:
    write_predictions([said()], tmp_path / "a.TextGrid")
    found = alignments.read(tmp_path / "a.TextGrid")
    assert found.end == said().segments[-1].end  # the silence at the end, too
    sure = found.tier("confidence")
    assert isinstance(sure, alignments.IntervalTier)
    assert [one.label for one in sure.intervals if one.label] == ["0.80", "0.80"]


def test_a_phone_without_length_stands_in_no_file() -> None:
    string = Transcript(
        np.array([1, 2, 1]), np.array([0.5, 0.6, 0.7]), np.array([0.0, 2.5, 2.5]),
        np.array([2.5, 2.5, 4.0]), score=-1.0,
    )  # fmt: skip
    prediction = StringPrediction("a", answers_of([[string]]).array, ("AA", "B"), SPEC)
    edges = SPEC.frame_edges(4)
    half = float((edges[2] + edges[3]) / 2)
    assert prediction.segments == [
        Segment(0.0, half, "AA", 0.5),
        Segment(half, half, "B", 0.6),
        Segment(half, float(edges[4]), "AA", 0.7),
    ]
    tier = prediction.alignment().phones("phones")
    assert [(one.start, one.end, one.label) for one in tier.intervals] == [
        (0.0, half, "AA"),
        (half, float(edges[4]), "AA"),
    ]


@pytest.mark.parametrize("id", ["/etc/a", "../../a", "x/../../a", "a"])
def test_files_stay_in_their_folder(tmp_path: Path, id: str) -> None:
    files = PhoneFiles(tmp_path / "out", "textgrid")
    files.write(said(id))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == [files.path(id)]
    assert (tmp_path / "out") in written[0].parents


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'textgrid'"):
        PhoneFiles(tmp_path / "out", "textgird")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: a file; --format writes a folder"):
        PhoneFiles(tmp_path / "file", "ctm")
    with pytest.raises(UserError, match="here are 2: give --format textgrid and a folder"):
        write_predictions([said("a"), said("b")], tmp_path / "a.TextGrid")
    assert not (tmp_path / "a.TextGrid").exists()


@pytest.fixture
def run(toy: Corpus) -> Run:
    return bossline.train(
        "phoneme/simple", "toy", {"epochs": 1, "batches.size": 64, "model.width": 8},
        run="runs/a", device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip


@pytest.fixture
def features(run: Run) -> Path:
    corpus, folder = run.corpus(), Path("features")
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("one", "more/two", "more/three")):
        np.save(folder / f"{name}.npy", corpus.frames(number))
    (folder / "damaged.npy").write_bytes(b"no array")
    return folder


def test_a_folder_is_gone_on_with(
    run: Run, features: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bossline", "predict", "runs/a", "features", "-o", "out"]

    def status(*more: str) -> object:
        monkeypatch.setattr("sys.argv", [*words, *more])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code

    assert status() == 1
    out, err = capsys.readouterr()
    assert "out: 3 recordings" in out
    assert "features/damaged.npy" in err
    assert "1 of 4 inputs could not be answered" in err
    names = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.TextGrid"))
    assert names == ["more/three.TextGrid", "more/two.TextGrid", "one.TextGrid"]
    model = bossline.load(run, device="cpu")
    (alone,) = model.predict("features/one.npy")
    assert alignments.read("out/one.TextGrid") == alone.alignment()
    Path("out/one.TextGrid").unlink()
    (features / "more" / "two.npy").write_bytes(b"is not looked at")
    os.utime(features / "more" / "two.npy", (0, 0))
    assert status() == 1
    out, err = capsys.readouterr()
    assert "out: 1 recording, 2 there already" in out
    assert "two.npy" not in err
    assert "1 of 4 inputs could not be answered" in err
    assert alignments.read("out/one.TextGrid") == alone.alignment()
    # What is newer than its file is answered anew, and all of it where something else is asked.
    os.utime(features / "more" / "three.npy")
    assert status() == 1
    assert "out: 1 recording, 2 there already" in capsys.readouterr().out
    assert status("--smoothing", "median") == 1
    out, err = capsys.readouterr()
    assert "out: 2 recordings" in out
    assert "two.npy" in err
    assert (
        list(model.predict_each(str(features), refused=lambda *_: None, passed=lambda _: True))
        == []
    )


def test_only_phones_have_times(speaker_run: Run, tmp_path: Path) -> None:
    (prediction, *_) = bossline.predict(speaker_run, "test", device="cpu")
    with pytest.raises(UserError, match="labels over time are of phones"):
        PhoneFiles(tmp_path / "out", "textgrid").write(prediction)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "textgrid"], "give --output, the folder"),
        (["-o", "phones.docx"], "write predictions to a .csv or .npy file, the phones of one"),
        (["-o", "out", "--format", "praat"], "--format praat: "),
    ],
)
@pytest.mark.usefixtures("home")
def test_asked_wrongly(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.argv", ["bossline", "predict", "runs/a", "x.wav", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
