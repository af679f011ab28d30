"""Every file of a run, damaged in every way, before every verb: the clean answer, or its name.

Never a traceback, never a wait, never silently another answer.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file, save

from bossline import api
from bossline import api as verification
from bossline.core.errors import UserError
from bossline.reports.page import write_report
from bossline.runs.run import Run
from bossline.studies.compare import compare
from tests.conftest import train_on_voices, write_voices

QUIET = Console(quiet=True)
RUN = Path("runs/a")

_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
_HTML = b"<!DOCTYPE html>\n<html><title>Sign in</title></html>\n"


def _replaced(content: bytes) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.write_bytes(content)

    return replace


def _truncated(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flipped(share: float) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        if content:
            content[int(share * (len(content) - 1))] ^= 0x04
        path.write_bytes(content)

    return flip


def _utf16(path: Path) -> None:
    path.write_bytes(path.read_bytes().decode("latin-1").encode("utf-16"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": _replaced(b""),
    "truncated": _truncated,
    "flipped at a fifth": _flipped(0.2),
    "flipped in the middle": _flipped(0.5),
    "flipped at the end": _flipped(0.97),
    "a number": _replaced(b"3\n"),
    "a list": _replaced(b'[["kind"]]\n'),
    "an object": _replaced(b'{"a": {"b": null}}\n'),
    "nested": _replaced(b"[" * 100_000),
    "utf-16": _utf16,
    "a folder": _folder,
    "a fifo": _fifo,
    "html": _replaced(_HTML),
    "lfs": _replaced(_LFS),
}
if not hasattr(os, "mkfifo"):
    del DAMAGES["a fifo"]


def _page() -> str:
    return write_report([Run(RUN)], Path("page.html")).read_text(encoding="utf-8")


def _resumed() -> dict[str, Any]:
    run = api.resume(RUN, console=QUIET)
    records = [{k: v for k, v in r.items() if k not in TIMES} for r in run.metrics()]
    return {"scores": run.scores, "weights": run.best_weights.read_bytes(), "records": records}


def _submitted() -> str:
    api.submit(RUN, "submission.csv", device="cpu")
    return Path("submission.csv").read_text(encoding="utf-8")


Finished = tuple[Path, dict[str, Any]]
TIMES = ("seconds", "per_second")
VERBS: dict[str, Callable[[], Any]] = {
    "evaluate": lambda: api.evaluate(RUN, device="cpu"),
    "predict": lambda: [p.outputs.tolist() for p in api.predict(RUN, "test", device="cpu")],
    "submit": _submitted,
    "report": _page,
    "compare": lambda: [c.difference for c in compare([RUN, "runs/b"]).standings.comparisons],
    "embed": lambda: verification.embed(RUN, ["test"], device="cpu").vectors.tolist(),
    "verify": lambda: verification.verify(RUN, "u00.pt", "u04.pt", device="cpu"),
    "identify": lambda: verification.identify(RUN, "u00.pt", device="cpu"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished run with all that it may keep, another to compare it with, and all answers."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOSSLINE_HOME", str(folder / "home"))
        patch.chdir(folder)
        corpus = write_voices()
        run = train_on_voices()
        train_on_voices("optimiser.lr=2e-2", run="runs/b")
        Path("trials.txt").write_text(
            "".join(f"{int(k % 4 == 0)} u00.pt {corpus.ids[k]}\n" for k in range(1, 20))
        )
        verification.calibrate(run, "trials.txt", score_norm="as-norm", device="cpu")
        verification.evaluate_trials(run, "trials.txt", score_norm="as-norm", device="cpu")
        for speaker in ("zoe", "ann"):
            verification.enroll(run, speaker, ["u00.pt" if speaker == "zoe" else "u01.pt"])
        return folder, {verb: do() for verb, do in VERBS.items()}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that was stopped after its second epoch of three, and what it comes to."""
    folder = tmp_path_factory.mktemp("stopped")

    def stop(epoch: int, score: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOSSLINE_HOME", str(folder / "home"))
        patch.chdir(folder)
        write_voices()
        train = api.train
        patch.setattr(api, "train", lambda *a, **k: train(*a, **k, watch=stop))
        with pytest.raises(KeyboardInterrupt):
            train_on_voices()
        shutil.copytree("runs", "before")
        clean = _resumed()
        shutil.rmtree("runs")
        Path("before").rename("runs")
    return folder, clean


def _brought(folder: Path, home: Path) -> None:
    """A copy of a folder of runs and its cache, where the test works."""
    shutil.copytree(folder / "home", home)
    shutil.copytree(folder / "runs", "runs")
    if (folder / "trials.txt").exists():
        shutil.copy(folder / "trials.txt", ".")


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / RUN).iterdir() if path.is_file())


EVERY = tuple(VERBS)
ANSWERS = ("evaluate", "predict", "submit", "embed", "verify", "identify")
READ_BY = {
    "run.json": EVERY,
    "recipe.yaml": ("evaluate", "report", "compare", "verify"),
    "best.safetensors": ANSWERS,
    "scores.json": ("report", "compare"),
    "predictions.safetensors": ("report",),
    "det.safetensors": ("report",),
    "metrics.jsonl": ("report",),
    "threshold.json": ("verify", "identify"),
    "gallery.safetensors": ("identify",),
    "cohort.safetensors": ("verify", "identify"),
    ".lock": ("evaluate",),
}
UNREAD = {"log.txt", "report.html", "verification.json"}  # written for people and programs


def test_the_files_are_those_that_are_meant(finished: Finished) -> None:
    assert set(_files(finished[0])) - UNREAD == set(READ_BY)


def _answer(do: Callable[[], Any]) -> tuple[Any, str | None]:
    try:
        return do(), None
    except UserError as error:
        return None, str(error)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_or_does_not_matter(
    finished: Finished, home: Path, damage: str
) -> None:
    folder, clean = finished
    _brought(folder, home)
    for name, verbs in READ_BY.items():
        path = RUN / name
        whole, info = path.read_bytes(), (RUN / "run.json").read_bytes()
        for verb in verbs:
            DAMAGES[damage](path)
            found, error = _answer(VERBS[verb])
            if error is None:
                assert found == clean[verb], (name, verb)
            else:
                assert str(path) in error, (name, verb, error)
            _restore(path, whole)
            _restore(RUN / "run.json", info)


def _restore(path: Path, whole: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(whole)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_goes_on_from_sound_files_only(stopped: Finished, home: Path, damage: str) -> None:
    folder, clean = stopped
    shutil.copytree(folder / "home", home)
    for name in _files(folder):
        shutil.rmtree("runs", ignore_errors=True)
        shutil.copytree(folder / "runs", "runs")
        DAMAGES[damage](RUN / name)
        found, error = _answer(_resumed)
        if error is None:
            assert found == clean, name
            continue
        assert name in error, (name, error)
        if name != "metrics.jsonl":  # it was found before any training
            before = (folder / RUN / "metrics.jsonl").read_bytes()
            assert (RUN / "metrics.jsonl").read_bytes() == before, name


def test_one_nan_in_the_weights_is_no_class_0(finished: Finished, home: Path) -> None:
    """Sound as a file, and even written by the run itself: the answers give it away."""
    _brought(finished[0], home)
    run = Run(RUN)
    weights = load_file(run.best_weights)
    name = max(weights, key=lambda key: weights[key].size)
    weights[name].flat[0] = np.nan
    run.write("best.safetensors", save(weights))
    before = (RUN / "scores.json").read_bytes()
    for verb in ANSWERS:
        with pytest.raises(UserError, match=r"runs/a/best\.safetensors: the model answers"):
            VERBS[verb]()
    assert (RUN / "scores.json").read_bytes() == before


def _forget() -> None:
    """As an earlier version left it: without checksums."""
    path = RUN / "run.json"
    content = json.loads(path.read_text())
    del content["checksum"], content["sha256"]
    path.write_text(json.dumps(content))


def test_runs_of_earlier_versions_have_no_checksums(finished: Finished, home: Path) -> None:
    folder, clean = finished
    _brought(folder, home)
    _forget()
    assert {verb: do() for verb, do in VERBS.items()} == clean
    assert Run(RUN).info.sha256.keys() >= {"scores.json", "predictions.safetensors"}


@pytest.mark.parametrize("damage", ["truncated", "flipped in the middle", "a list", "an object"])
def test_without_checksums_damage_is_no_traceback(
    finished: Finished, home: Path, damage: str
) -> None:
    """Only what cannot be told from a sound file may give another answer."""
    folder, _ = finished
    _brought(folder, home)
    _forget()
    for name, verbs in READ_BY.items():
        path = RUN / name
        whole, info = path.read_bytes(), (RUN / "run.json").read_bytes()
        for verb in verbs:
            DAMAGES[damage](path)
            _, error = _answer(VERBS[verb])
            assert error is None or str(RUN) in error, (name, verb, error)
            _restore(path, whole)
            _restore(RUN / "run.json", info)


Arrays = dict[str, np.ndarray]
MISFITS: dict[str, tuple[str, Callable[[Arrays], Arrays], str]] = {
    "utterances beyond the corpus": (
        "predictions.safetensors",
        lambda a: {**a, "utterances": a["utterances"] + 10_000},
        "report",
    ),
    "utterances before it": (
        "predictions.safetensors",
        lambda a: {**a, "utterances": -1 - a["utterances"]},
        "report",
    ),
    "utterances in two dimensions": (
        "predictions.safetensors",
        lambda a: {**a, "utterances": a["utterances"][None]},
        "report",
    ),
    "utterances as floats": (
        "predictions.safetensors",
        lambda a: {**a, "utterances": a["utterances"].astype(np.float32)},
        "report",
    ),
    "classes that are none": (
        "predictions.safetensors",
        lambda a: {**a, "predicted": a["predicted"] + np.int16(99)},
        "report",
    ),
    "fewer predictions": (
        "predictions.safetensors",
        lambda a: {**a, "predicted": a["predicted"][1:]},
        "report",
    ),
    "embeddings of NaN": (
        "predictions.safetensors",
        lambda a: {**a, "embeddings": a["embeddings"] * np.float16("nan")},
        "report",
    ),
    "a short curve": ("det.safetensors", lambda a: {k: v[:1] for k, v in a.items()}, "report"),
    "one side": ("det.safetensors", lambda a: {"false_accepts": a["false_accepts"]}, "report"),
    "a curve of NaN": (
        "det.safetensors",
        lambda a: {k: v * np.nan for k, v in a.items()},
        "report",
    ),
    "a curve backwards": (
        "det.safetensors",
        lambda a: {k: v[::-1].copy() for k, v in a.items()},
        "report",
    ),
    "a curve of integers": (
        "det.safetensors",
        lambda a: {k: v.astype(np.int64) for k, v in a.items()},
        "report",
    ),
    "weights of another type": (
        "best.safetensors",
        lambda a: {k: v.astype(np.float64) for k, v in a.items()},
        "predict",
    ),
}


def test_arrays_that_do_not_fit_are_named(finished: Finished, home: Path) -> None:
    _brought(finished[0], home)
    _forget()
    for misfit, (name, change, verb) in MISFITS.items():
        path = RUN / name
        whole = path.read_bytes()
        path.write_bytes(save(change(load_file(path))))
        _, error = _answer(VERBS[verb])
        assert error is not None, misfit
        assert str(path) in error, (misfit, error)
        path.write_bytes(whole)


def _put(*keys: str | int, value: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("name", "change", "verb"),
    [
        ("scores.json", _put("test", "lengths", value=[1]), "compare"),
        ("scores.json", _put("test", "utterances", value=["u00.pt"] * 8), "compare"),
        ("scores.json", _put("test", "confusion", 0, value=[1]), "compare"),
        ("scores.json", _put("test", "confusion", 0, 0, value=999), "compare"),
        ("scores.json", _put("test", "metric", value="mse"), "compare"),
        ("scores.json", _put("tset", value={}), "compare"),
        ("run.json", _put("classes", value=[]), "predict"),
        ("run.json", _put("classes", 0, value=7), "predict"),
        ("run.json", _put("parameters", value="many"), "predict"),
        ("run.json", _put("features", value={"kind": "image"}), "predict"),
        ("run.json", _put("threads", value=0), "predict"),
        ("threshold.json", _put("value", value="high"), "verify"),
        ("threshold.json", _put("targets", value=0), "verify"),
    ],
)  # fmt: skip
def test_json_that_does_not_fit_is_named(
    finished: Finished, home: Path, name: str, change: Callable[[Any], None], verb: str
) -> None:
    _brought(finished[0], home)
    _forget()
    path = RUN / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    _, error = _answer(VERBS[verb])
    assert error is not None
    assert str(path) in error
