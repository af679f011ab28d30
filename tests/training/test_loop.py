from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.evaluation.scores import ACCURACY, MSE, Metric
from bossline.recipes import load_recipe
from bossline.runs import engine
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.phoneme.pictures import example_of
from bossline.training import journal, loop
from bossline.training.checkpoint import load_weights, weights_of
from bossline.training.contract import StepLoss
from bossline.training.signals import Interrupted
from bossline.training.tally import Diverged, Tally
from tests.conftest import over

QUIET = Console(quiet=True)
FAST = (
    "epochs=3",
    "batches.size=32",
    "batches.frames=5",
    "optimiser.lr=1e-2",
    "precision=float32",
)


def train(*overrides: str, recipe: str = "phoneme/simple", run: str = "runs/r") -> Run:
    return api.train(
        recipe, "toy", over(FAST, *overrides), run=run, device="cpu", threads=1, console=QUIET
    )


def test_it_learns_and_scores_what_it_saved(toy: Corpus) -> None:
    run = train()
    assert run.info.state == "finished"
    assert run.scores["test"].score.value > 0.6  # five classes: chance is about 0.2
    best = max(r["validation_accuracy"] for r in run.metrics() if r["kind"] == "epoch")
    assert run.scores["validation"].score.value == pytest.approx(best)
    assert not run.checkpoint.exists()
    assert not list(run.path.glob(".*.part"))


def test_epoch_record_is_exact(toy: Corpus) -> None:
    """Loss and accuracy of an epoch against a plain pass over all its batches."""
    run = train("epochs=1", "optimiser={kind: sgd, lr: 1e-12}", "schedule.kind=constant")
    recipe = run.recipe
    task = lesson_of(recipe, toy, Runtime.choose("cpu", 1))
    model = task.build_model()
    losses, right, count = 0.0, 0, 0
    with torch.no_grad():
        for step in range(task.steps_per_epoch):
            windows, labels = task.batch(0, step)
            logits = model(windows)
            losses += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(1) == labels).sum())
            count += len(labels)
    (record,) = [r for r in run.metrics() if r["kind"] == "epoch"]
    assert count == len(task.training)
    assert record["train_loss"] == pytest.approx(losses / count, rel=1e-5)
    assert record["train_accuracy"] == pytest.approx(right / count)


def test_an_epoch_sees_every_training_frame_once(toy: Corpus) -> None:
    recipe = load_recipe("phoneme/simple", FAST)
    task = lesson_of(recipe, toy, Runtime.choose("cpu", 1))
    seen = torch.cat([task.batch(1, step)[0] for step in range(task.steps_per_epoch)])
    whole = torch.cat([inputs for inputs, _, _ in task.training.in_order()])
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, whole.tolist()))


def test_the_learning_rate_follows_the_schedule(toy: Corpus) -> None:
    run = train("schedule={kind: step, unit: epoch, every: 1, gamma: 0.1}")
    rates = [r["lr"] for r in run.metrics() if r["kind"] == "epoch"]
    assert rates == pytest.approx([1e-2, 1e-3, 1e-4])


def test_patience_ends_the_training(toy: Corpus) -> None:
    run = train("epochs=50", "patience=2", "optimiser={kind: sgd, lr: 1e-12}")
    epochs = [r for r in run.metrics() if r["kind"] == "epoch"]
    assert run.info.best_epoch == 1
    assert len(epochs) == 3


def test_a_diverging_loss_names_step_and_rate_and_keeps_the_checkpoint(toy: Corpus) -> None:
    with pytest.raises(Diverged, match=r"step \d+ \(learning rate 1e\+30\)"):
        train("optimiser={kind: sgd, lr: 1e30}", "schedule.kind=constant")
    run = Run("runs/r")
    assert run.info.state == "training"
    if run.checkpoint.exists():
        weights = torch.load(run.checkpoint, weights_only=True)["model"]
        assert all(value.isfinite().all() for value in weights.values())


def test_the_same_recipe_gives_the_same_weights_and_a_saved_one_repeats_it(toy: Corpus) -> None:
    first = train(run="runs/1")
    again = api.train(
        str(first.path / "recipe.yaml"), "toy", run="runs/2", device="cpu", threads=1, console=QUIET
    )
    assert first.best_weights.read_bytes() == again.best_weights.read_bytes()
    other = train("seed=2", run="runs/3")
    assert first.best_weights.read_bytes() != other.best_weights.read_bytes()


def test_weights_of_another_model_are_refused(toy: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_of(torch.nn.Linear(3, 4).state_dict()))
    with pytest.raises(UserError, match=r"belongs to another model: bias is \(4,\) there"):
        load_weights(path, torch.nn.Linear(3, 5))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match="damaged weights"):
        load_weights(path, torch.nn.Linear(3, 4))


def test_a_checkpoint_of_another_model_and_a_damaged_one_are_refused(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_score", stop_before_scoring)
    with pytest.raises(Interrupted, match="while scoring"):
        train()
    run = Run("runs/r")
    other = Run.create(
        Path("runs/o"), load_recipe("phoneme/simple", over(FAST, "model.width=65")), run.info
    )
    other.checkpoint.write_bytes(run.checkpoint.read_bytes())
    with pytest.raises(UserError, match=r"belongs to another model: layers\.0\.bias is \(64,\)"):
        api.resume(other.path, console=QUIET)
    content = bytearray(run.checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    run.checkpoint.write_bytes(content)
    with pytest.raises(UserError, match="damaged checkpoint"):
        api.resume(run.path, console=QUIET)


def stop_before_scoring(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_taken_folder_is_refused(toy: Corpus) -> None:
    train("epochs=1")
    with pytest.raises(UserError, match="runs/r exists"):
        train("epochs=1")


def test_diverging_within_one_step_is_noticed_too(toy: Corpus) -> None:
    with pytest.raises(Diverged, match="became NaN or infinite at step 1 "):
        train("optimiser={kind: sgd, lr: 1e30}", "batches.size=100000", "epochs=1")


def test_a_loss_beyond_all_bounds_has_diverged_though_it_is_a_number() -> None:
    tally = Tally(torch.device("cpu"), 4, ACCURACY)
    for loss in (1.0, 1e30):
        tally.add(StepLoss(torch.tensor(loss), 1, torch.tensor(0)))
    with pytest.raises(Diverged, match=r"the loss became 1e\+30 at step 2 "):
        tally.check(2, 0.1)


def test_a_training_without_a_bar_gives_signs_of_life(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(loop._Clock, "due", lambda clock, mark, seconds: mark == "bar")
    heard = io.StringIO()
    api.train(
        "phoneme/simple", "toy", over(FAST, "epochs=1"), run="runs/r", device="cpu", threads=1,
        console=Console(file=heard, width=200),
    )  # fmt: skip
    assert re.search(r"^step 1/\d+", heard.getvalue(), re.MULTILINE)
    assert "step 1/" not in Path("runs/r/log.txt").read_text()


@pytest.mark.parametrize(
    ("metric", "score", "told"),
    [
        (MSE, 2.5, "mse 2.5000"),
        (MSE, 2.0, "loss 2.5000 mse 2.0000"),
        (ACCURACY, 2.5, "loss 2.5000 acc 2.5000"),
    ],
)
def test_a_score_that_is_the_loss_is_told_once(metric: Metric, score: float, told: str) -> None:
    assert loop._told(2.5, score, metric) == told


def test_precision_bfloat16_learns_too(toy: Corpus) -> None:
    assert train("precision=bfloat16").scores["test"].score.value > 0.5


def test_example_is_a_test_utterance_with_its_own_predictions(toy: Corpus) -> None:
    run = train("epochs=1")
    example = example_of(run)
    assert example is not None
    utterance = toy.ids.index(example.id)
    np.testing.assert_array_equal(example.features, toy.frames(utterance).astype(np.float32))
    np.testing.assert_array_equal(example.true, toy.frame_labels(utterance))
    scores = run.scores["test"]
    right = int((example.true == example.predicted).sum())
    assert scores.sums[scores.ids.index(example.id)] == right
