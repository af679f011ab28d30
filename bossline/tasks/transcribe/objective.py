"""What a transcriber learns from: CTC, the decoder's next symbol, and the labels of frames.

All parts are summed over a batch and divided by its symbols, so that the parts of a batch that
several processes share add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.core.config import Config
from bossline.models.layers import wide
from bossline.models.transcriber import Transcriber
from bossline.tasks.transcribe.decoding.ctc import best_paths
from bossline.tasks.transcribe.forward_backward import ctc_losses
from bossline.training.buffers import Known
from bossline.training.objectives import IGNORED
from bossline.training.schedules import ConstantConfig, ScheduleConfig


class _Scheduled(Config):
    schedule: ScheduleConfig = Field(
        ConstantConfig(), description="of the weight, or of the probability of the truth"
    )

    @model_validator(mode="after")
    def _known_beforehand(self) -> Self:
        if self.schedule.kind == "plateau":
            raise ValueError("plateau follows validation scores: take another kind of schedule")
        return self


class GuidedAttentionConfig(_Scheduled):
    """Attention that strays from the diagonal costs (Tachibana et al. 2017, arXiv 1710.08969)."""

    weight: float = Field(1.0, gt=0, description="at the schedule's 1, beside a symbol's loss of 1")
    width: float = Field(
        0.2, gt=0, le=1, description="how far from the diagonal is free, as a share of the string"
    )

    def loss(self, weights: Tensor, lengths: Tensor, memory: Padded) -> Tensor:
        """Summed over symbols, the mean over heads.

        Args:
            weights: (B, A, L + 1, T') of attention; rows sum to 1.
            lengths: (B,) symbols of each string, on the device.
            memory: the encoder's steps.
        """
        rows, steps = weights.shape[2:]
        ends = (lengths + 1).view(-1, 1, 1)
        row = torch.arange(rows, device=weights.device).view(1, -1, 1)
        step = torch.arange(steps, device=weights.device).view(1, 1, -1)
        away = row / ends - step / memory.lengths.view(-1, 1, 1)
        cost = 1 - torch.exp(-(away**2) / (2 * self.width**2))
        real = (row < ends) & memory.mask.unsqueeze(1)
        return (wide(weights).mean(1) * cost.masked_fill(~real, 0)).sum()


class ScheduledSamplingConfig(_Scheduled):
    """Some of what a decoder reads is its own draw (Bengio et al. 2015, arXiv 1506.03099).

    The schedule is the probability of the true symbol. `two-pass` draws all symbols at once from
    what the decoder makes of the truth (Mihaylova & Martins 2019, arXiv 1906.07651); `token` draws
    each behind those that were drawn before it.
    """

    form: Literal["two-pass", "token"] = Field("two-pass", description="how symbols are drawn")


class ObjectiveConfig(Config):
    """A weighted sum over the symbols of a batch."""

    kind: Literal["strings"] = "strings"
    ctc: float | None = Field(
        None,
        ge=0,
        le=1,
        description="weight of CTC, the decoder has the rest (Watanabe et al. 2017); none: 0.3 "
        "where the model has both, else all to the one that it has",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="weight of the uniform target in the decoder's cross entropy"
    )
    frames: float = Field(
        0.0, ge=0, description="weight of a frame's cross entropy beside the loss of a symbol"
    )
    guided: GuidedAttentionConfig | None = Field(None, description="keeps attention on a diagonal")
    sampling: ScheduledSamplingConfig | None = Field(
        None, description="what a decoder reads in training"
    )

    def weight_of_ctc(self, ctc: bool, decoder: bool) -> float:
        """Of a model that has these."""
        if self.ctc is not None:
            return self.ctc
        return 0.3 if ctc and decoder else float(ctc)


# A batch, and what is right of it.


@dataclass(frozen=True)
class Targets(Known):
    """The strings of a batch.

    Attributes:
        symbols: (B, L) int64 on the device, zeros beyond a string's end.
        on_device: (B,) int64, the lengths of the strings.
        lengths: the same on the host; None where what is computed is to hold for any.
    """

    symbols: Tensor
    on_device: Tensor
    lengths: tuple[int, ...] | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        return self.symbols, self.on_device

    def of(self, tensors: tuple[Tensor, ...]) -> Targets:
        symbols, lengths = tensors
        return Targets(symbols, lengths)


class Batch(NamedTuple):
    """What a step is given.

    Attributes:
        inputs: utterances.
        targets: their strings.
        labels: (B, T) int64, symbols of the frames, IGNORED in the padding; None where they teach
            nothing.
        guided: weight of guided attention at this step; 0: none. A tensor () in a graph.
        own: (B, L) bool, where a decoder reads its own draw; None: nowhere.
    """

    inputs: Padded
    targets: Targets
    labels: Tensor | None = None
    guided: float | Tensor = 0.0
    own: Tensor | None = None


@dataclass(frozen=True)
class Loss:
    """Of a batch.

    Attributes:
        total: summed over its symbols.
        wrong: errors of the best CTC path, or without CTC next symbols that a decoder misses.
    """

    total: Tensor
    wrong: Tensor


def loss_of(model: Transcriber, batch: Batch, objective: ObjectiveConfig) -> Loss:
    """All parts that the objective weighs."""
    encoded, targets = model(batch.inputs), batch.targets
    weight = objective.weight_of_ctc(model.ctc is not None, model.decoder is not None)
    total, wrong = torch.zeros((), device=encoded.frames.device), None
    if model.ctc is not None and weight:
        log_probs = wide(model.ctc_logits(encoded)).log_softmax(2)
        total = total + weight * ctc_loss(log_probs, encoded.padding.known, targets)
        with torch.no_grad():
            paths = best_paths(log_probs, encoded.padding.known)
            wrong = distances(
                targets.symbols, targets.on_device, paths.symbols[:, 0], paths.lengths[:, 0]
            ).sum()
    if model.decoder is not None and weight < 1:
        loss, missed = _decoder_loss(model, encoded, batch, objective)
        total = total + (1 - weight) * loss
        wrong = missed if wrong is None else wrong
    if batch.labels is not None:
        logits = model.frame_logits(encoded, batch.labels.shape[1])
        total = total + objective.frames * _of_frames(logits, batch.labels)
    assert wrong is not None  # the recipe's schema sees to it that something is learnt
    return Loss(total, wrong)


def loss_of_frames(model: nn.Module, batch: Batch) -> Loss:
    """Cross entropy of a model that labels frames; of its symbols as many count as wrong as of its
    frames are."""
    assert batch.labels is not None
    logits, real = model(batch.inputs), batch.labels != IGNORED
    missed = (logits.detach().argmax(2) != batch.labels) & real
    wrong = missed.sum() / real.sum() * batch.targets.on_device.sum()
    return Loss(_of_frames(logits, batch.labels), wrong)


def _of_frames(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy summed over the real frames."""
    return functional.cross_entropy(
        wide(logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def ctc_loss(log_probs: Tensor, steps: Tensor, targets: Targets) -> Tensor:
    """-log P(string) summed over a batch (Graves et al. 2006).

    A string that has no path counts 0 and has no gradient; lessons leave such utterances out.

    Args:
        log_probs: (B, T', V + 1) float32, the blank first.
        steps: (B,) int64, real steps of each utterance; on the CPU where the strings' lengths are
            known.
        targets: their strings, which may be empty.
    """
    if targets.lengths is None or torch.are_deterministic_algorithms_enabled():
        steps = steps.to(log_probs.device)
        losses: Tensor = ctc_losses(log_probs, steps, targets.symbols, targets.on_device)
        return losses.sum()
    loss: Tensor = functional.ctc_loss(
        log_probs.transpose(0, 1),
        targets.symbols,
        steps,
        torch.tensor(targets.lengths),
        reduction="sum",
        zero_infinity=True,
    )
    return loss


def _decoder_loss(
    model: Transcriber, memory: Padded, batch: Batch, objective: ObjectiveConfig
) -> tuple[Tensor, Tensor]:
    decoder, targets = model.decoder, batch.targets
    assert decoder is not None
    given, expected = next_symbols(targets)
    chosen = {}
    if batch.own is not None:
        own = functional.pad(batch.own[:, : given.shape[1] - 1], (1, 0))
        if objective.sampling is not None and objective.sampling.form == "token":
            chosen["choose"] = partial(_chosen, given, own)
        else:
            with torch.no_grad():
                drawn = _drawn(decoder(given, memory))
            given = _mixed(given, functional.pad(drawn[:, :-1], (1, 0)), own)
    guided = torch.zeros((), device=given.device)
    if objective.guided is not None and (isinstance(batch.guided, Tensor) or batch.guided):
        logits, weights = decoder.with_attention(given, memory, **chosen)
        guided = batch.guided * objective.guided.loss(weights, targets.on_device, memory)
    else:
        logits = decoder(given, memory, **chosen)
    logits = wide(logits).flatten(0, 1)
    loss = functional.cross_entropy(
        logits,
        expected.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=objective.label_smoothing,
    )
    missed = (logits.detach().argmax(1) != expected.flatten()) & (expected.flatten() != IGNORED)
    return loss + guided, missed.sum()


def next_symbols(targets: Targets) -> tuple[Tensor, Tensor]:
    """What a decoder is given and what is right of it, (B, L + 1) each.

    The boundary 0 comes before a string and after it; beyond, the target is IGNORED.
    """
    given = functional.pad(targets.symbols, (1, 0))
    expected = functional.pad(targets.symbols, (0, 1))
    places = torch.arange(expected.shape[1], device=expected.device)
    return given, expected.masked_fill(places > targets.on_device.unsqueeze(1), IGNORED)


def _drawn(logits: Tensor) -> Tensor:
    """(..., V + 1) -> (...): symbols drawn from the decoder's distribution (Gumbel's trick)."""
    logits = logits.detach().float()
    return (logits - torch.empty_like(logits).exponential_().log()).argmax(-1)


def _chosen(truth: Tensor, own: Tensor, place: int, logits: Tensor) -> Tensor:
    """What a decoder reads behind a place."""
    return _mixed(truth[:, place + 1], _drawn(logits), own[:, place + 1])


def _mixed(truth: Tensor, drawn: Tensor, own: Tensor) -> Tensor:
    """The truth, with draws where `own`; a boundary is no draw, and none replaces one."""
    return torch.where(own & (drawn > 0) & (truth > 0), drawn, truth)


def distances(one: Tensor, lengths: Tensor, other: Tensor, other_lengths: Tensor) -> Tensor:
    """(B,) Levenshtein's distances, on the device, which is asked nothing.

    Args:
        one: (B, L) symbols.
        lengths: (B,) of them that are real.
        other: (B, M) symbols.
        other_lengths: (B,) likewise.
    """
    places = torch.arange(other.shape[1] + 1, device=one.device)
    row = places.expand(len(one), -1)
    end = other_lengths.unsqueeze(1)
    found = row.gather(1, end)
    for i in range(one.shape[1]):
        pair = row[:, :-1] + (other != one[:, i : i + 1])
        best = torch.cat((row[:, :1] + 1, torch.minimum(row[:, 1:] + 1, pair)), 1)
        # Insertions: the least of all places before, each a symbol further.
        row = (best - places).cummin(1).values + places
        found = torch.where((lengths == i + 1).unsqueeze(1), row.gather(1, end), found)
    return found.squeeze(1)
