"""Averages of weights against their closed formulas, on weights recorded step by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from safetensors.numpy import load_file
from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.phoneme.task import PhonemeLesson
from bossline.tasks.trained import TrainedModel
from bossline.training import loop
from bossline.training.averaging import AveragingConfig, EmaConfig, SwaConfig, WeightAverage
from bossline.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from bossline.training.contract import Validation
from bossline.training.schedules import Span
from bossline.training.tally import Diverged

Floats = npt.NDArray[np.float64]
Weights = dict[str, Floats]

QUIET = Console(quiet=True)
EMA = "averaging={kind: ema, decay: 0.9}"
SWA = "averaging={kind: swa, start: 0.5}"


def train(*overrides: str, run: str = "runs/r") -> Run:
    settings = (
        "epochs=4", "batches.size=32", "batches.frames=5", "optimiser.lr=1e-2", "precision=float32",
        "model.norm=batch", "model.dropout=0.3", *overrides,
    )  # fmt: skip
    return api.train(
        "phoneme/simple", "toy", settings, run=run, device="cpu", threads=1, console=QUIET
    )


def weights_of(model: nn.Module) -> Weights:
    return {key: value.double().numpy().copy() for key, value in model.state_dict().items()}


def ema_of(weights: list[Floats], decay: float) -> Floats:
    """Each set of weights with its share in the sum, not step after step."""
    decays = [0.0] + [min(decay, (1 + n) / (10 + n)) for n in range(1, len(weights))]
    shares = [(1 - d) * np.prod(decays[n + 1 :]) for n, d in enumerate(decays)]
    assert sum(shares) == pytest.approx(1)
    return np.asarray(sum(share * w for share, w in zip(shares, weights, strict=True)))


def trace(config: AveragingConfig, span: Span, seed: int) -> tuple[WeightAverage, list[Weights]]:
    """Steps of a network with batch norm; its weights and buffers after every one."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.3)
    average = WeightAverage(config, model, span)
    after = []
    for step in range(1, span.epochs * span.steps_per_epoch + 1):
        optimiser.zero_grad()
        (model(torch.randn(8, 3)) - torch.randn(8, 2)).square().mean().backward()
        optimiser.step()
        average.blend(model, average.counted(step))
        after.append(weights_of(model))
    return average, after


@given(decay=st.floats(0.01, 0.9999), steps=st.integers(1, 40), seed=st.integers(0, 99))
def test_ema_is_the_closed_formula(decay: float, steps: int, seed: int) -> None:
    average, after = trace(EmaConfig(decay=decay), Span(1, steps), seed)
    assert average.n_averaged == steps
    for key, value in weights_of(average.module).items():
        if key.endswith("num_batches_tracked"):
            assert value == steps  # as the model's own
        else:
            np.testing.assert_allclose(value, ema_of([w[key] for w in after], decay), 1e-5, 1e-5)


@given(
    percent=st.integers(0, 99),
    epochs=st.integers(1, 12),
    steps=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_swa_is_the_mean_of_the_ends_of_epochs(
    percent: int, epochs: int, steps: int, seed: int
) -> None:
    average, after = trace(SwaConfig(start=percent / 100), Span(epochs, steps), seed)
    ends = [after[e * steps - 1] for e in range(1, epochs + 1) if e * 100 >= percent * epochs]
    assert average.n_averaged == len(ends) > 0
    for key, value in weights_of(average.module).items():
        if key.endswith("num_batches_tracked"):
            assert value == ends[-1][key]  # as the model's own
        else:
            np.testing.assert_allclose(value, np.mean([w[key] for w in ends], 0), 1e-5, 1e-5)


def test_the_average_leaves_the_model_alone() -> None:
    """Neither shares memory with the other."""
    model = nn.Linear(2, 2)
    average = WeightAverage(EmaConfig(), model, Span(1, 9))
    average.blend(model, average.counted(1))
    before = weights_of(average.module)
    with torch.no_grad():
        model.weight.add_(1)
    np.testing.assert_equal(weights_of(average.module), before)
    average.blend(model, average.counted(2))
    assert not np.array_equal(weights_of(average.module)["weight"], before["weight"])
    assert average.module.weight.grad is None


@pytest.fixture
def after_steps() -> Iterator[list[list[Floats]]]:
    """The parameters, in the model's order, after every step that any optimiser makes."""
    steps: list[list[Floats]] = []

    def record(optimiser: Optimizer, *_: Any) -> None:
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        steps.append([p.detach().double().numpy().copy() for p in parameters])

    handle = register_optimizer_step_post_hook(record)
    yield steps
    handle.remove()


def saved_parameters(run: Run) -> list[Floats]:
    saved = load_file(run.best_weights)
    model = TrainedModel(run, Runtime.choose("cpu", 1)).model
    assert saved.keys() == model.state_dict().keys()
    return [saved[key].astype(np.float64) for key, _ in model.named_parameters()]


@pytest.fixture
def ever_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last epoch is the best."""
    validate, scores = PhonemeLesson.validate, iter(range(99))

    def better(self: PhonemeLesson, model: nn.Module) -> Validation:
        return Validation(validate(self, model).loss, float(next(scores)))

    monkeypatch.setattr(PhonemeLesson, "validate", better)


@pytest.mark.usefixtures("ever_better")
def test_a_run_saves_its_ema(toy: Corpus, after_steps: list[list[Floats]]) -> None:
    run = train(EMA)
    for saved, *history in zip(saved_parameters(run), *after_steps, strict=True):
        np.testing.assert_allclose(saved, ema_of(history, 0.9), atol=1e-5)


@pytest.mark.usefixtures("ever_better")
def test_a_run_saves_its_swa(toy: Corpus, after_steps: list[list[Floats]]) -> None:
    run = train(SWA)
    length = len(after_steps) // 4
    ends = [after_steps[end * length - 1] for end in (2, 3, 4)]
    for saved, *history in zip(saved_parameters(run), *ends, strict=True):
        np.testing.assert_allclose(saved, np.mean(history, 0), atol=1e-6)


def test_before_swa_starts_the_weights_themselves_are_saved(
    toy: Corpus, after_steps: list[list[Floats]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhonemeLesson, "validate", lambda *_: Validation(1.0, 0.5))  # first is best
    run = train(SWA)
    assert run.info.best_epoch == 1
    last = after_steps[len(after_steps) // 4 - 1]
    for saved, raw in zip(saved_parameters(run), last, strict=True):
        np.testing.assert_array_equal(saved, raw)


@pytest.mark.parametrize("averaging", [EMA, SWA])
def test_the_validation_is_that_of_the_saved_weights(toy: Corpus, averaging: str) -> None:
    """And nothing but the validation changes: the training itself knows of no average."""
    plain, averaged = train("seed=3", run="runs/p"), train("seed=3", averaging, run="runs/a")
    runtime = Runtime.choose("cpu", 1)
    task = lesson_of(averaged.recipe, toy, runtime)
    validation = task.validate(TrainedModel(averaged, runtime).model)
    pairs = [
        (p, a)
        for p, a in zip(plain.metrics(), averaged.metrics(), strict=True)
        if p["kind"] == "epoch"
    ]
    best = pairs[averaged.info.best_epoch - 1][1]  # type: ignore[operator]
    assert (best["validation_loss"], best["validation_accuracy"]) == (
        validation.loss,
        validation.score,
    )
    assert [p["train_loss"] for p, _ in pairs] == [a["train_loss"] for _, a in pairs]
    assert pairs[-1][0]["validation_loss"] != pairs[-1][1]["validation_loss"]


@pytest.mark.parametrize("averaging", [EMA, SWA])
def test_diverging_weights_are_noticed_behind_a_good_average(
    toy: Corpus, averaging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights become NaN after the average took them: only they are bad."""
    blend = WeightAverage.blend
    blended = 0

    def blend_then_break(self: WeightAverage, model: nn.Module, kept: float) -> None:
        nonlocal blended
        blend(self, model, kept)
        blended += 1
        if blended == 80:  # of 88
            nn.utils.vector_to_parameters(
                torch.full_like(nn.utils.parameters_to_vector(model.parameters()), torch.nan),
                model.parameters(),
            )

    monkeypatch.setattr(WeightAverage, "blend", blend_then_break)
    monkeypatch.setattr(loop.train, "__defaults__", (loop.Cadence(checkpoint_seconds=0), None))
    with pytest.raises(Diverged, match="weights became NaN or infinite at step 80 "):
        train(averaging)


def test_a_checkpoint_brings_average_and_count_back(tmp_path: Path) -> None:
    path, device = tmp_path / "c.pt", torch.device("cpu")
    model = nn.Linear(2, 2)
    optimiser = torch.optim.SGD(model.parameters())
    average = WeightAverage(EmaConfig(), model, Span(1, 9))
    average.blend(model, average.counted(1))
    save_checkpoint(path, Progress(), model, average, optimiser, {}, device)
    other = WeightAverage(EmaConfig(), nn.Linear(2, 2), Span(1, 9))
    load_checkpoint(path, model, other, optimiser, device)
    assert other.n_averaged == 1
    np.testing.assert_equal(weights_of(other), weights_of(average))

    save_checkpoint(path, Progress(), model, None, optimiser, {}, device)
    with pytest.raises(UserError, match=r"another model: module\.bias is missing there"):
        load_checkpoint(path, model, average, optimiser, device)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("{kind: ema, decay: 1}", "averaging.decay: input should be less than 1"),
        ("{kind: ema, start: 0.5}", "averaging.start: unknown key"),
        ("{kind: swa, start: 1}", "averaging.start: input should be less than 1"),
        ("{kind: mean}", "averaging.kind"),
    ],
)
def test_bad_settings_are_refused(wrong: str, where: str) -> None:
    with pytest.raises(UserError, match=where):
        load_recipe("phoneme/simple", [f"averaging={wrong}"])


def test_a_line_in_the_recipe_is_enough() -> None:
    assert load_recipe("phoneme/simple").averaging is None
    assert load_recipe("phoneme/simple", ["averaging.kind=ema"]).averaging == EmaConfig()
    assert load_recipe("phoneme/simple", ["averaging={kind: swa}"]).averaging == SwaConfig()
