"""The training loop, top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.evaluation.scores import MSE, Metric
from bossline.models.shared_norms import share_statistics
from bossline.training.averaging import WeightAverage
from bossline.training.checkpoint import Progress, load_checkpoint, save_checkpoint, weights_of
from bossline.training.contents import OF_STEP, WEIGHTS
from bossline.training.contract import Keeper, LessonLike, Settings, StepLoss, Validation
from bossline.training.graphs import Loss, Number, steps_of
from bossline.training.journal import Journal, Unheard
from bossline.training.schedules import Span
from bossline.training.signals import Interrupted, stop_on_signal
from bossline.training.tally import HOPELESS, Diverged, Tally

Watch = Callable[[int, float], None]
"""Told of an epoch that has ended, 1-based, and its validation score."""

READINGS_PER_EPOCH = 20  # each waits for the device once


@dataclass(frozen=True)
class Cadence:
    """How often a training saves; no result depends on it."""

    checkpoint_seconds: float = 60.0
    """Within an epoch, and between the ends of two at most."""
    saving_share: float = 0.1
    """Of the time, at most: where epochs are shorter than that allows, not each ends in a save."""
    bar_seconds: float = 0.2


def train(
    keeper: Keeper,
    lesson: LessonLike,
    model: nn.Module,
    settings: Settings,
    runtime: Runtime,
    console: Console,
    cadence: Cadence = Cadence(),
    watch: Watch | None = None,
) -> None:
    """Train a model to the end, from the checkpoint where there is one.

    Killed at any instant and started again, it ends with the same weights, bit for bit on a CPU.

    Several processes (core/ranks.py) go through it side by side, each with its rows of every batch;
    what they decide by clocks and signals they decide together.

    Args:
        model: prepared, or as built where a checkpoint fills it.
        watch: told of every epoch. What it raises ends the training, which is saved and can be
            resumed.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the checkpoint is written.
        Diverged: the loss became NaN or infinite; the last good checkpoint is kept.
    """
    assert settings.optimiser is not None  # a recipe's schema sees to it
    peak, ranks = settings.optimiser.lr, runtime.ranks
    ranks.equalise(model)
    share_statistics(model, ranks)
    optimiser = settings.optimiser.build(model)
    span = Span(settings.epochs, lesson.steps_per_epoch)
    average = WeightAverage(settings.averaging, model, span) if settings.averaging else None
    interval = max(1, span.steps_per_epoch // READINGS_PER_EPOCH)
    metric = lesson.metric
    tally = Tally(runtime.device, interval, metric)
    validates = lesson.count("validation") > 0
    chooses = validates and settings.keep == "best"  # else every epoch replaces the one before

    def learn(loss_of: Loss, batch: Any, kept: Number) -> StepLoss:
        """All of a step that a device does, at the rate that the optimiser's groups have.

        Args:
            kept: share of itself that the average keeps.
        """
        loss = loss_of(model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss = StepLoss(*ranks.backward(loss.mean, loss.count, loss.score, model))
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        if average is not None:
            average.blend(model, kept)
        return loss

    taken = steps_of(runtime, learn, lesson, optimiser, settings.seed, console)
    torch.manual_seed(settings.seed)
    newest_best: dict[str, Tensor] = {}  # not yet in a file
    progress = Progress()
    if keeper.checkpoint.exists():
        progress, sums = load_checkpoint(
            keeper.checkpoint, model, average, optimiser, runtime.device
        )
        try:
            _check(progress, span, validates)
            tally.restore(sums)
        except ValueError as error:
            raise UserError(f"{keeper.checkpoint}: damaged checkpoint ({error})") from error
        if progress.best_epoch:
            _check_best(keeper)
    ranks.check_same("checkpoint", progress.step)

    def check() -> None:
        tally.check(progress.step, lr)
        if not _finite(model.parameters()):
            raise Diverged("weights", progress.step, lr)

    def save() -> None:
        began = time.perf_counter()
        check()
        if newest_best:
            ranks.first(keep, WEIGHTS, newest_best)
            newest_best.clear()
        progress.seconds += (now := time.perf_counter()) - clock.began
        clock.began = now
        progress.metrics_bytes, progress.metrics_sha256 = journal.flushed()
        content = progress, model, average, optimiser, tally.state(), runtime.device
        ranks.first(save_checkpoint, keeper.checkpoint, *content)
        ranks.wait()
        clock.saved = time.perf_counter()
        clock.saving = clock.saved - began

    def is_over() -> bool:
        return progress.epoch >= settings.epochs or _patience_is_over(progress, settings.patience)

    def judged() -> nn.Module:
        return average.module if average is not None and average.n_averaged else model

    def keep(name: str, weights: dict[str, Tensor]) -> None:
        keeper.write(name, weights_of(weights))

    def validated(judged: nn.Module) -> Validation:
        found = lesson.validate(judged)  # shared out; rounding must not let ranks part ways
        return Validation(*ranks.told(lambda: astuple(found)))

    def rate_at(step: int) -> float:
        return peak * settings.schedule.factor(step, span, progress.gains)

    # Of the last step done: a run may be resumed between an epoch's last step and its validation.
    lr = rate_at(max(progress.step - 1, 0))
    clock = _Clock()
    go_on = f"go on with: bossline train --resume {keeper.path}"
    with (
        stop_on_signal(go_on) as stop,
        (Journal if ranks.writes else Unheard)(
            keeper,
            metric=metric,
            metrics_bytes=progress.metrics_bytes,
            metrics_sha256=progress.metrics_sha256,
            step=progress.step,
            total_steps=span.epochs * span.steps_per_epoch,
            unit=lesson.unit,
            console=console,
        ) as journal,
    ):
        if progress.step:
            journal.say(f"resumed at step {progress.step}, epoch {progress.epoch + 1}")
        while not is_over():
            epoch = progress.epoch
            clock.begin_epoch()
            for step in range(progress.step - epoch * span.steps_per_epoch, span.steps_per_epoch):
                if ranks.stop(stop):
                    save()
                    raise Interrupted(f"stopped at step {progress.step}; {go_on}")
                lr = rate_at(progress.step)
                kept = 1.0 if average is None else average.counted(progress.step + 1)
                ranks.seed(settings.seed, progress.step)
                loss = taken(lesson.batch(epoch, step), lr, kept, progress.step)
                progress.step += 1
                tally.add(loss)
                clock.count += loss.count

                if (step + 1) % interval == 0:
                    tally.check(progress.step, lr)
                    at = round(progress.step / span.steps_per_epoch, 4)
                    recent = tally.read_recent()
                    journal.record(
                        {"kind": "step", "step": progress.step, "epoch": at, **recent, "lr": lr}
                    )
                    clock.shown = f"epoch {epoch + 1}/{settings.epochs} loss {recent['loss']:.3f}"
                if clock.due("bar", cadence.bar_seconds):
                    journal.advance(progress.step, clock.shown, clock.rate())
                if settings.keep_every is not None and not progress.step % settings.keep_every:
                    check()
                    ranks.first(keep, OF_STEP.format(step=progress.step), judged().state_dict())
                if ranks.save(clock.due("saved", cadence.checkpoint_seconds)):
                    save()

            tally.check(progress.step, lr)
            tally.read_recent()
            trained = tally.read_epoch()
            rate = clock.rate()
            validation = validated(judged()) if validates else None
            if validation is not None and not abs(validation.loss) < HOPELESS:
                raise Diverged("the validation loss", progress.step, lr, validation.loss)
            progress.epoch += 1
            best = False
            if validation is not None:
                gain = lesson.gain(validation)
                best = gain > max(progress.gains, default=float("-inf"))
                progress.gains.append(gain)
            if best:
                progress.best_epoch = progress.epoch
            if best or not chooses:
                newest_best = {key: each.clone() for key, each in judged().state_dict().items()}
            journal.record(
                {
                    "kind": "epoch",
                    "step": progress.step,
                    "epoch": progress.epoch,
                    **trained,
                    **_named(validation, metric),
                    "lr": lr,
                    "per_second": round(rate),
                    "seconds": round(progress.seconds + time.perf_counter() - clock.began, 1),
                    "best": best,
                }
            )
            journal.say(
                f"epoch {progress.epoch:>{len(str(settings.epochs))}}/{settings.epochs}"
                f"  train {_told(trained['train_loss'], trained[f'train_{metric.name}'], metric)}"
                f"  {_validation(validation, metric)}"
                f"{' *' if best else '  '}  lr {lr:.2e}  {rate:,.0f} {lesson.unit}/s"
            )
            if is_over() or ranks.told(lambda: clock.epoch_is_due(cadence)):
                save()
            if watch is not None and validation is not None:
                try:
                    watch(progress.epoch, validation.score)
                except BaseException:
                    save()
                    raise
        _, metrics_sha256 = journal.flushed()
    best_epoch = progress.best_epoch if chooses else None
    account = progress.seconds, journal.training_rate(), best_epoch, metrics_sha256
    ranks.first(keeper.end_training, *account)


def _named(validation: Validation | None, metric: Metric) -> dict[str, float]:
    """As a record of an epoch has it."""
    if validation is None:
        return {}
    return {"validation_loss": validation.loss, f"validation_{metric.name}": validation.score}


def _validation(validation: Validation | None, metric: Metric) -> str:
    if validation is None:
        return "no validation"
    return f"validation {_told(validation.loss, validation.score, metric)}"


def _told(loss: float, score: float, metric: Metric) -> str:
    """Loss and score; once, where the score is the loss."""
    told = f"{metric.short} {score:.4f}"
    return told if metric == MSE and math.isclose(loss, score) else f"loss {loss:.4f} {told}"


class _Clock:
    """Wall-clock marks of the loop; none of them influences a result."""

    def __init__(self) -> None:
        self.began = self.saved = self.bar = time.perf_counter()
        self.saving = 0.0
        """Seconds that the last save took."""
        self.shown = ""
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self._epoch_began = time.perf_counter()
        self.count = 0

    def rate(self) -> float:
        """Training frames or items a second in this epoch."""
        return self.count / (time.perf_counter() - self._epoch_began)

    def epoch_is_due(self, cadence: Cadence) -> bool:
        """Whether to save at the end of an epoch."""
        pause = min(cadence.checkpoint_seconds, self.saving / cadence.saving_share)
        return time.perf_counter() - self.saved >= pause

    def due(self, mark: str, seconds: float) -> bool:
        """Whether so many seconds have passed since the mark; sets the mark if so."""
        now = time.perf_counter()
        if now - getattr(self, mark) < seconds:
            return False
        setattr(self, mark, now)
        return True


def _check(progress: Progress, span: Span, validates: bool) -> None:
    """
    Raises:
        ValueError: the training cannot have come so far.
    """
    into_epoch = progress.step - progress.epoch * span.steps_per_epoch
    if not 0 <= progress.epoch <= span.epochs or not 0 <= into_epoch <= span.steps_per_epoch:
        raise ValueError(
            f"progress: epoch {progress.epoch} of {span.epochs} at step {progress.step}, "
            f"{span.steps_per_epoch} an epoch"
        )
    validated = progress.epoch if validates else 0
    if len(progress.gains) != validated or not all(map(math.isfinite, progress.gains)):
        raise ValueError(f"progress: gains of {len(progress.gains)} of {progress.epoch} epochs")
    if not 0 <= progress.best_epoch <= validated or progress.metrics_bytes < 0:
        raise ValueError(f"progress: best_epoch {progress.best_epoch} of {progress.epoch}")


def _check_best(keeper: Keeper) -> None:
    """Find damage now rather than after hours of further training.

    Raises:
        UserError: the best weights so far are missing or damaged.
    """
    if keeper.tensors(WEIGHTS) is None:
        raise keeper.damaged(WEIGHTS, "it is missing")


def _finite(parameters: Iterable[nn.Parameter]) -> bool:
    return bool(torch.stack([p.detach().sum() for p in parameters]).isfinite().all())


def _patience_is_over(progress: Progress, patience: int | None) -> bool:
    return patience is not None and progress.epoch - progress.best_epoch >= patience
