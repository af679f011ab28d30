"""A loaded model: the same answers whatever it is asked with, and in however many threads."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from rich.console import Console
from torch import nn

import bossline
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.models.base import evaluating
from bossline.runs.loaded import Model
from bossline.runs.run import Run
from bossline.tasks.base import answers_of
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.speaker.prediction import SpeakerPrediction
from bossline.tasks.trained import TrainedModel

QUIET = Console(quiet=True)
RATE = 16_000
SPEC = FeatureSpec(kind="mfcc", dim=39, deltas="time", normalisation="utterance")


def trained(recipe: str, corpus: str, *overrides: str, run: str = "runs/a") -> Run:
    return bossline.train(
        recipe, corpus, ["epochs=1", *overrides], run=run, device="cpu", threads=1, console=QUIET
    )


@pytest.fixture
def frames_run(toy: Corpus) -> Run:
    return trained("phoneme/simple", "toy", "batches.size=64", "model.width=8")


@pytest.fixture
def sounds_run(home: Path) -> Run:
    """Trained on MFCC of noise: what it says is no matter."""
    rng = np.random.default_rng(0)
    with writing(
        pack_path("c" * 64), features=SPEC, classes=("low", "high"),
        source=Source(reader="test", path=""),
    ) as writer:  # fmt: skip
        for number in range(20):
            frames = mfcc(rng.normal(size=RATE // 4).astype(np.float32) * 0.1, SPEC)
            labels = rng.integers(0, 2, len(frames))
            writer.add(f"u{number}", frames, part="train", labels=labels)
    register("noise", pack_path("c" * 64))
    return trained("phoneme/simple", "noise", "batches.size=64", "model.width=8")


def modes(model: Model) -> set[bool]:
    return {
        layer.training
        for member in model._ensemble.members
        for layer in member.model.modules()
    }  # fmt: skip


RUNS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "phoneme": ("toy", "phoneme/simple", ("batches.size=64", "model.width=8")),
    "transcribe": (
        "toy",
        "transcribe/simple",
        (
            "batches.size=150",
            "augment=null",
            "model={kind: transcriber, encoder: {kind: rnn, depth: 1, width: 12}}",
        ),
    ),
    "covid": ("survey", "covid/simple", ()),
    "food": (
        "dishes",
        "food/simple",
        (
            "batches={kind: images, side: 16, size: 8}",
            "model={kind: cnn, width: 4, depth: 2, hidden: [8]}",
        ),
    ),
}


def told(model: Model) -> list[np.ndarray]:
    return [one.outputs for one in model.predict("test")]


def asked_by_threads(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """8 threads with 96 questions get what one gets, and no thread sets a mode."""
    expected = told(model)

    def toggled(module: nn.Module, mode: bool = True) -> nn.Module:
        raise AssertionError("a loaded model was put into another mode")

    monkeypatch.setattr(nn.Module, "train", toggled)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: told(model), range(96)))
    for each in answers:
        for found, right in zip(each, expected, strict=True):
            np.testing.assert_array_equal(found, right)
    assert modes(model) == {False}


@pytest.mark.parametrize("task", RUNS)
def test_threads_share_a_model(
    task: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, recipe, overrides = RUNS[task]
    request.getfixturevalue(corpus)
    trained(recipe, corpus, *overrides)
    asked_by_threads(bossline.load("runs/a", device="cpu"), monkeypatch)


def test_threads_share_voices(speaker_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_by_threads(bossline.load(speaker_run, device="cpu"), monkeypatch)


def test_a_model_in_training_trains_on(frames_run: Run) -> None:
    """What validates in the midst of a training leaves dropout at work."""
    runtime = Runtime.choose("cpu", 1)
    model = TrainedModel(frames_run, runtime).model
    model.train()
    piece = frames_run.corpus().frames(0)
    answers_of(frames_run.task, model, [piece], frames_run.recipe, runtime)
    assert all(layer.training for layer in model.modules())
    with evaluating(model):
        assert not any(layer.training for layer in model.modules())
    assert all(layer.training for layer in model.modules())


def test_asked_once_or_often_it_is_the_same(frames_run: Run) -> None:
    model = bossline.load(frames_run, device="cpu")
    for one, other in zip(
        model.predict("test"), bossline.predict(frames_run, "test", device="cpu"), strict=True
    ):
        assert one.id == other.id
        np.testing.assert_array_equal(one.outputs, other.outputs)
    both = bossline.load([frames_run, frames_run], device="cpu").predict("test")
    for one, other in zip(model.predict("test"), both, strict=True):
        np.testing.assert_allclose(one.outputs, other.outputs, atol=1e-6)


def test_files_folders_and_arrays_answer_alike(frames_run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pieces = [rng.normal(size=(length, 6)).astype(np.float32) for length in (5, 9, 7)]
    for name, piece in zip(("one.npy", "in/two.npy", "in/deep/three.npy"), pieces, strict=True):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "data" / name, piece)
    model = bossline.load(frames_run, device="cpu")
    expected = [model.predict(piece)[0].outputs for piece in pieces]
    files = [tmp_path / "data" / name for name in ("one.npy", "in/two.npy", "in/deep/three.npy")]
    tensors = [torch.from_numpy(piece) for piece in pieces]
    for inputs in (pieces, tensors, files, [str(file) for file in files]):
        found = model.predict(inputs)
        for one, outputs in zip(found, expected, strict=True):
            np.testing.assert_allclose(one.outputs, outputs, atol=1e-6)
    by_id = {one.id: one.outputs for one in model.predict(tmp_path / "data")}
    assert set(by_id) == {"one", "in/two", "in/deep/three"}
    np.testing.assert_allclose(by_id["in/two"], expected[1], atol=1e-6)
    assert [one.id for one in model.predict(pieces)] == ["1", "2", "3"]
    mixed = model.predict([files[0], "test", pieces[2]])
    assert len(mixed) == 2 + len(model.predict("test"))
    np.testing.assert_allclose(mixed[-1].outputs, expected[2], atol=1e-6)


def test_equal_names_are_told_apart(frames_run: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "x.npy", np.zeros((4, 6)))
    found = bossline.load(frames_run).predict(["a/x.npy", "b/x.npy"])
    assert [one.id for one in found] == ["a/x.npy", "b/x.npy"]


def test_many_are_answered_in_groups(frames_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bossline.runs.loaded._AT_ONCE", 3)
    model = bossline.load(frames_run, device="cpu")
    rng = np.random.default_rng(2)
    pieces = [rng.normal(size=(4, 6)).astype(np.float32) for _ in range(8)]
    told: list[tuple[int, int]] = []
    found = model.predict(pieces, progress=lambda what, done, total: told.append((done, total)))
    assert told == [(done, 8) for done in range(1, 9)]
    for one, piece in zip(found, pieces, strict=True):
        np.testing.assert_allclose(one.outputs, model.predict(piece)[0].outputs, atol=1e-6)


def test_samples_answer_as_the_file_that_holds_them(sounds_run: Run, tmp_path: Path) -> None:
    model = bossline.load(sounds_run, device="cpu")
    rng = np.random.default_rng(3)
    stereo = (rng.normal(size=(RATE // 2, 2)) * 0.1).clip(-0.9, 0.9)
    coarse = (stereo * 2**15).astype(np.int16)
    soundfile.write(tmp_path / "coarse.wav", coarse, RATE)
    soundfile.write(tmp_path / "fine.wav", stereo, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "slow.wav", stereo, 11_025, subtype="FLOAT")
    single = stereo.astype(np.float32)
    for file, samples, rate in (
        ("coarse.wav", coarse, RATE),
        ("fine.wav", single, RATE),
        ("fine.wav", single.T, RATE),
        ("fine.wav", torch.from_numpy(single), RATE),
        ("fine.wav", single.mean(1), RATE),
        ("slow.wav", single, 11_025),
    ):
        (expected,) = model.predict(tmp_path / file)
        (found,) = model.predict(samples, rate=rate)
        np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "rate", "message"),
    [
        (lambda: np.zeros(800), None, "array 1: 800 samples of an unknown rate: say rate="),
        (lambda: np.zeros((5, 7)), None, r"array 1: expected \(frames, 39\), found \(5, 7\)"),
        (lambda: np.zeros((39, 5)), None, "the other way round"),
        (lambda: np.full((5, 39), np.nan), None, "array 1: has NaN"),
        (lambda: np.zeros((500, 39)), RATE, "at most 8 channels"),
        (lambda: np.zeros(0), RATE, "its length is 0"),
        (lambda: np.ones(100), RATE, "array 1: the recording is too short"),
        (lambda: np.zeros(RATE, np.uint8), RATE, "samples of uint8"),
        (lambda: np.full(RATE, np.inf), RATE, "samples that are no numbers"),
        (lambda: np.zeros(RATE), 3, "rate=3: expected 1,000 to"),
        (lambda: "a.wav", RATE, "a.wav: a file says its own rate"),
        (lambda: "a.wav", None, "a.wav: no such file"),
        (lambda: [1.0, 2.0], None, "expected a path, an array or a tensor, not float"),
        (lambda: "tset", None, "neither a file, a folder nor a split: did you mean 'test'"),
        (lambda: "empty", None, "empty: no recording, .npy or .pt file in it"),
    ],
)
def test_wrong_input_is_one_clear_line(
    sounds_run: Run, given: Callable[[], object], rate: float | None, message: str
) -> None:
    Path("empty").mkdir()
    model = bossline.load(sounds_run, device="cpu")
    with pytest.raises(UserError, match=message) as raised:
        model.predict(given(), rate=rate)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_what_is_refused_is_told_and_the_rest_is_answered(frames_run: Run) -> None:
    np.save("good.npy", np.zeros((4, 6)))
    np.save("wide.npy", np.zeros((4, 7)))
    refused: dict[str, str] = {}
    found = bossline.load(frames_run).predict(
        ["wide.npy", "good.npy", "gone.npy", "nowhere"],
        refused=lambda name, error: refused.update({name: str(error)}),
    )
    assert [one.id for one in found] == ["good"]
    assert list(refused) == ["nowhere", "wide.npy", "gone.npy"]
    assert all(name in why for name, why in refused.items())


def test_what_the_model_refuses_is_found_among_many(
    frames_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = bossline.load(frames_run, device="cpu")
    answer = model._ensemble.answers

    def short_only(pieces: list[np.ndarray], batches: None = None) -> object:
        if max(map(len, pieces)) > 10:
            raise UserError("too long")
        return answer(pieces, batches)

    monkeypatch.setattr(model._ensemble, "answers", short_only)
    pieces = [np.zeros((length, 6)) for length in (3, 11, 4, 5, 12, 6)]
    with pytest.raises(UserError, match="array 2: too long"):
        model.predict(pieces)
    refused: list[str] = []
    found = model.predict(pieces, refused=lambda name, _: refused.append(name))
    assert refused == ["array 2", "array 5"]
    assert [len(one.outputs) for one in found] == [3, 4, 5, 6]


def test_images_and_rows_as_arrays(dishes: Corpus, survey: Corpus, tmp_path: Path) -> None:
    trained("food/simple", "dishes", *RUNS["food"][2], run="runs/food")
    model = bossline.load("runs/food", device="cpu")
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "dish.png")
    (one,), (other,) = model.predict(pixels), model.predict("dish.png")
    np.testing.assert_array_equal(one.outputs, other.outputs)
    for wrong, hint in (
        (pixels.transpose(2, 0, 1), "channels come last"),
        (pixels / 255, "of values in 0..1"),
    ):
        with pytest.raises(UserError, match=hint):
            model.predict(wrong)

    trained("covid/simple", "survey", run="runs/covid")
    table = bossline.load("runs/covid", device="cpu")
    items = range(120, 140)
    rows = np.concatenate([survey.frames(item) for item in items])
    expected = [one.outputs[0] for one in table.predict("unlabelled")]
    assert [one.outputs[0] for one in table.predict(rows)] == pytest.approx(expected)
    assert table.predict(rows[3])[0].outputs[0] == pytest.approx(expected[3])
    with pytest.raises(UserError, match=r"expected numbers \(rows, 5\)"):
        table.predict(rows[:, :4])


def test_predictions_for_programs(frames_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    one, *_ = bossline.load(frames_run, device="cpu").predict("test")
    assert isinstance(one, FramePrediction)
    content = json.loads(one.to_json())
    assert content == one.to_dict()
    assert [segment["phone"] for segment in content["segments"]] == [
        segment.phone for segment in one.segments
    ]
    table = one.frame()
    assert list(table.columns) == list(one.columns)
    assert table["class"].tolist() == one.labels.tolist()
    np.testing.assert_allclose(table["probability"], one.outputs.max(1), rtol=1e-6)
    assert one.id in repr(one)
    assert len(repr(one)) < 200
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match="pip install pandas"):
        one.frame()


def test_embeddings_are_those_of_embed(speaker_run: Run) -> None:
    found = bossline.load(speaker_run, device="cpu").predict("test")
    vectors = bossline.embed(speaker_run, ["test"], device="cpu").vectors
    for one, vector in zip(found, vectors, strict=True):
        assert isinstance(one, SpeakerPrediction)
        np.testing.assert_allclose(one.embedding, vector, atol=1e-6)
        assert np.linalg.norm(one.embedding) == pytest.approx(1, abs=1e-5)
    (together, *_) = bossline.load([speaker_run, speaker_run]).predict("test")
    assert isinstance(together, SpeakerPrediction)
    with pytest.raises(UserError, match="no common embedding"):
        _ = together.embedding
