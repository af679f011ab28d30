"""Verbs for many inputs: each is accounted for, by what is printed and by the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bossline import api, cli
from bossline.cli.answering import runs_and_inputs
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs.folders import DEFAULT
from bossline.runs.run import Run

Bossline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bossline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bossline:
    """Runs one command line in this process; returns exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def frames_run(toy: Corpus) -> Run:
    run = api.train(
        "phoneme/simple", toy, {"epochs": 1, "batches.size": 64, "model.width": 8},
        run="runs/a", device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    Path("in/deep").mkdir(parents=True)
    for name in ("in/one.npy", "in/two.npy", "in/deep/three.npy"):
        np.save(name, rng.normal(size=(6, 6)))
    return run


def test_a_folder_is_predicted_as_json(frames_run: Run, bossline: Bossline) -> None:
    code, out, err = bossline("predict", "a", "in", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found == [one.to_dict() for one in api.predict("runs/a", "in")]
    assert [one["id"] for one in found] == ["deep/three", "one", "two"]
    assert bossline("predict", "a", "in/one.npy", "in/two.npy", "-o", "p.csv")[0] == 0
    assert len(Path("p.csv").read_text().splitlines()) == 1 + 2 * 6


def test_what_cannot_be_read_is_named_and_the_rest_is_written(
    frames_run: Run, bossline: Bossline
) -> None:
    np.save("in/bad.npy", np.zeros((6, 7)))
    Path("in/notes.txt").write_text("none of it")
    code, out, err = bossline("predict", "a", "in", "gone.wav", "-o", "p.csv")
    assert code == 1
    assert "p.csv: 3 utterances" in out
    lines = err.splitlines()
    assert lines[0] == "note: in: passed over 1 .txt file in the folder itself"
    assert lines[1].startswith("error: in/bad.npy: expected (frames, 6), found (6, 7)")
    assert lines[2] == "error: gone.wav: no such file"
    assert lines[3] == "2 of 5 inputs could not be answered"
    code, out, err = bossline("predict", "a", "in/bad.npy", "gone.wav", "-o", "none.csv")
    assert (code, out) == (2, "")
    assert not Path("none.csv").exists()
    code, out, err = bossline("predict", "a", "in/bad.npy", "gone.wav", "--json")
    assert (code, json.loads(out)) == (2, [])
    assert err.count("error: ") == 2


@pytest.mark.usefixtures("frames_run")
def test_runs_come_before_inputs(bossline: Bossline) -> None:
    assert runs_and_inputs(["a", "runs/a", "in"]) == ([Path("a"), Path("runs/a")], ["in"])
    assert runs_and_inputs(["nowhere", "in", "a"]) == ([Path("nowhere")], ["in", "a"])
    assert runs_and_inputs(["gone.wav"]) == (
        [Path(DEFAULT)],
        ["gone.wav"],
    )  # as recordings are named
    Path("runs/a").rename("runs/test")
    assert runs_and_inputs(["runs/test", "test"]) == ([Path("runs/test")], ["test"])
    Path("runs/test").rename("runs/in")
    assert runs_and_inputs(["runs/in", "in"]) == ([Path("runs/in")], ["in"])
    with pytest.raises(UserError, match="give a run and what it is to answer for"):
        runs_and_inputs(["runs/in"])
    with pytest.raises(UserError, match="nowhere: no such file or folder, and no run of this name"):
        runs_and_inputs(["nowhere"])
    assert "give --json or --output" in bossline("predict", "in", "x", "--json", "-o", "p.csv")[2]


def test_voices_are_answered_for_one_by_one(speaker_run: Run, bossline: Bossline) -> None:
    corpus = speaker_run.corpus()
    Path("in").mkdir()
    for number in range(4):
        np.save(f"in/{number}.npy", corpus.frames(number))
    np.save("in/flat.npy", np.zeros((9, 5)))
    code, out, err = bossline("embed", "a", "in", "--json")
    assert code == 1
    assert "in/flat.npy: all frames are equal" in err
    found = json.loads(out)
    assert [one["id"] for one in found] == [f"in/{number}.npy" for number in range(4)]
    vectors = np.array([one["embedding"] for one in found])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    code, out, _ = bossline("verify", "a", "in/0.npy", "in", "--json")
    assert code == 1
    cosines = [one["cosine"] for one in json.loads(out)]
    np.testing.assert_allclose(cosines, vectors @ vectors[0], atol=1e-5)
    code, out, _ = bossline("verify", "a", "in/0.npy", "in/1.npy", "in/2.npy")
    assert (code, out.count("in/")) == (0, 2)

    for number, name in enumerate(("zoe", "ann")):
        assert bossline("enroll", "a", "--speaker", name, f"in/{number}.npy")[0] == 0
    code, out, err = bossline("identify", "a", "in", "gone.npy", "--json")
    assert code == 1
    assert "gone.npy" in err
    found = json.loads(out)
    for one, vector in zip(found, vectors, strict=True):
        scores = {"zoe": vector @ vectors[0], "ann": vector @ vectors[1]}
        told = {each["speaker"]: each["score"] for each in one["candidates"]}
        assert told == pytest.approx(scores, abs=1e-5)
        assert one["speaker"] == max(scores, key=scores.__getitem__)
    code, out, _ = bossline("identify", "a", "in/0.npy", "in/1.npy")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if "in/" in line] == ["zoe", "ann"]
    assert bossline("identify", "a", "gone.npy", "in/flat.npy")[0] == 2
    assert "give --output FILE.safetensors or --json" in bossline("embed", "a", "in")[2]
