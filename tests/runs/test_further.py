"""Trainings that begin at another run's weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from bossline import api
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.reports.page import write_report
from bossline.runs.run import Run
from tests.conftest import write_speakers

SMALL = ("epochs=2", "batches.size=64", "model.width=8")
NEARLY_STILL = "optimiser={kind: sgd, lr: 1e-30, momentum: 0}"


def train(**more: object) -> Run:
    arguments = {"device": "cpu", "threads": 1, "console": Console(quiet=True)}
    return api.train(**(arguments | more))  # type: ignore[arg-type]


def first(overrides: Sequence[str] = SMALL, run: str = "runs/first", **more: object) -> Run:
    return train(recipe="phoneme/simple", corpus="toy", overrides=overrides, run=run, **more)


def write_other(name: str, classes: tuple[str, ...], dim: int = 6) -> Corpus:
    """A corpus of its own with other phones."""
    rng = np.random.default_rng(3)
    path = pack_path(hashlib.sha256(name.encode()).hexdigest())
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=dim),
        classes=classes,
        source=Source(reader="test", path="test"),
    ) as writer:
        for number in range(20):
            labels = rng.integers(0, len(classes), 15)
            frames = rng.normal(size=(15, dim)).astype(np.float32)
            writer.add(f"o{number}", frames, part="train", labels=labels)
    register(name, path)
    return Corpus(path)


@pytest.mark.usefixtures("toy")
def test_it_begins_where_the_other_ended() -> None:
    start = first()
    run = train(from_run=start, overrides=["epochs=+1", NEARLY_STILL], run="runs/second")
    assert run.recipe.epochs == 1
    before, after = load_file(start.best_weights), load_file(run.best_weights)
    trained = [name for name in before if "running" not in name and "batches" not in name]
    assert all(np.allclose(before[name], after[name], atol=1e-12) for name in trained)
    fresh = first(["epochs=1", *SMALL[1:], NEARLY_STILL], run="runs/fresh")
    assert any((load_file(fresh.best_weights)[n] != after[n]).any() for n in trained)


@pytest.mark.usefixtures("toy")
def test_where_it_comes_from_is_kept_and_told() -> None:
    start = first()
    second = train(from_run="runs/first", overrides=["epochs=+1"], run="runs/second")
    third = train(from_run=second, overrides=["epochs=+1"], run="runs/third")
    (origin, before) = Run(third.path).info.origins
    weights = hashlib.sha256(second.best_weights.read_bytes()).hexdigest()
    assert (origin.run, origin.sha256, origin.new) == ("runs/second", weights, ())
    assert (before.run, before.epochs) == ("runs/first", 2)
    page = write_report([third], third.path / "report.html").read_text()
    assert f"Begun from {second.path}" in page
    assert "which began from" in page
    assert weights[:8] in page
    assert "--from runs/second" in page
    assert start.info.origins == ()


def test_other_classes_get_a_new_head(toy: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    start = first()
    write_other("other", ("p", "q", "r"))
    run = train(from_run=start, corpus="other", overrides=["epochs=1", NEARLY_STILL], console=None)
    (origin,) = run.info.origins
    before, after = load_file(start.best_weights), load_file(run.best_weights)
    new = [name for name in after if before[name].shape != after[name].shape]
    assert sorted(origin.new) == sorted(new)
    assert origin.taken == len(after) - len(new)
    assert np.allclose(before["layers.0.weight"], after["layers.0.weight"], atol=1e-12)
    told = capsys.readouterr().out
    assert "begun from runs/first" in told
    assert "new: layers.4.weight, layers.4.bias" in told


def test_as_many_classes_of_other_names_are_others(toy: Corpus) -> None:
    start = first()
    write_other("other", tuple("vwxyz"))
    run = train(from_run=start, corpus="other", overrides=["epochs=1"])
    assert len(run.info.origins[0].new) == 2  # weight and bias of the output layer


def test_another_head_of_voices(speaker_run: Run) -> None:
    run = train(
        from_run=speaker_run,
        overrides=["epochs=1", "model.head={kind: am-softmax}", NEARLY_STILL],
        run="runs/b",
    )
    (origin,) = run.info.origins
    assert origin.new
    assert all(name.startswith("head.") for name in origin.new)
    before, after = load_file(speaker_run.best_weights), load_file(run.best_weights)
    assert np.allclose(before["project.weight"], after["project.weight"], atol=1e-12)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.width=16"], r"layers\.0\.weight is \(8, \d+\) there, and \(16, \d+\) in this"),
        (["model.depth=3"], r"do not fit: layers\."),
        (["model.depth=1"], r"do not fit: .*layers\."),
        (["batches.frames=5"], r"layers\.0\.weight is"),
        (
            ["model={kind: lda}", "epochs=1", "optimiser=null", "schedule={kind: constant}"],
            "is fitted in one go",
        ),
        (["split.seed=9"], r"of the test split helped to train runs/first"),
        (["model.widht=3"], "model.widht: unknown key"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    toy: Corpus, overrides: list[str], message: str
) -> None:
    start = first()
    with pytest.raises(UserError, match=message) as caught:
        train(from_run=start, overrides=overrides)
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path("runs").iterdir()] == ["first"]


def test_other_features_are_refused(toy: Corpus) -> None:
    start = first()
    write_other("other", tuple("pq"), dim=7)
    with pytest.raises(UserError, match="was trained on other features"):
        train(from_run=start, corpus="other")


def test_further_epochs_want_a_run(toy: Corpus) -> None:
    with pytest.raises(UserError, match=r"'epochs=\+3': further epochs go on from a run"):
        first(["epochs=+3"])
    with pytest.raises(UserError, match="give a recipe"):
        train(corpus="toy")
    assert not Path("runs").exists()


def test_stopped_before_the_first_checkpoint_it_begins_there_again(toy: Corpus) -> None:
    """Killed between the folder and the checkpoint: resumed, it ends as if nothing had been."""
    start = first()
    whole = train(from_run=start, overrides=["epochs=1"], run="runs/whole")
    recipe = whole.recipe
    fresh: dict[str, object] = {
        "state": "training",
        "seconds": None,
        "best_epoch": None,
        "kept": None,
        "sha256": {},
    }
    info = whole.info.model_copy(update=fresh)
    begun = Run.create(Path("runs/begun"), recipe, info)
    resumed = api.resume(begun, console=Console(quiet=True))
    one, two = load_file(whole.best_weights), load_file(resumed.best_weights)
    assert all((one[name] == two[name]).all() for name in one)
    changed = Run.create(Path("runs/changed"), recipe, info)
    shutil.rmtree(start.path)
    first(["epochs=1", *SMALL[1:]])
    with pytest.raises(UserError, match="has other weights than those that this run began from"):
        api.resume(changed, console=Console(quiet=True))


def test_an_encoder_goes_to_another_task(toy: Corpus) -> None:
    """Of a tagger to a model of voices: the encoder is taken, the rest is new."""
    rng = np.random.default_rng(0)
    write_speakers("speakers", "7", 6, [rng.normal(size=(20, 6)) for _ in range(85)])
    encoder = "model={kind: tagger, encoder: {kind: rnn, width: 8, depth: 1}}"
    batches = "batches={kind: utterances, size: 200}"
    start = first([encoder, batches, "epochs=1"])
    run = train(
        recipe="speaker/simple", corpus="speakers", from_run=start,
        overrides=[
            "model.encoder={kind: rnn, width: 8, depth: 1}", "model.frame_stack=1", "epochs=1",
            "batches={kind: segments, frames: 12, size: 16, valid_every: 3}", NEARLY_STILL,
        ],
    )  # fmt: skip
    before, after = load_file(start.best_weights), load_file(run.best_weights)
    shared = [name for name in before if name.startswith("encoder.")]
    assert all(np.allclose(before[name], after[name], atol=1e-12) for name in shared)
    assert not any(name.startswith("encoder.") for name in run.info.origins[0].new)
