"""Which state of its chain each frame is in: likely (forward and backward), or best (Viterbi).

A chain goes from state to state, each of which lasts at least a frame, and may leave out a unit
(Rabiner 1989, "A tutorial on hidden Markov models"). Utterances go through side by side, those of
the most frames first, so that the ones still going on are the first rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bossline.tasks.labelling.chains import STATES, ChainBatch
from bossline.tasks.smoothing.arrays import Ints

_FAR = STATES + 1
"""How much further the state behind a unit is that is left out."""

_LEAST = -600.0
"""Of a logarithm, below the best of its frame: what is less likely counts as this."""

_TINY, _MOST = 1e-300, 1e300
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Occupied:
    """Which states frames are likely in.

    Attributes:
        likely: (T, B, S) float64, that utterance b is in its chain's state s at frame t; sums to
            1 over states, and to 0 behind its end.
        left: (B, S) float64, how often a state is left: as often as it is come to, at most once.
        log_likelihood: (B,) of each utterance; -inf where the chain is not got through, and then
            the others are 0.
    """

    likely: Tensor
    left: Tensor
    log_likelihood: Tensor


def occupied(batch: ChainBatch, scores: Tensor, stay: Tensor, lengths: list[int]) -> Occupied:
    """Forward and backward, scaled frame by frame.

    Args:
        scores: (T, B, S) log-likelihood of frames by state.
        stay: (B, S) probability that a state lasts a frame more.
        lengths: (B,) frames, falling.
    """
    frames, count, width = scores.shape
    going = _going(lengths, frames)
    best = scores.amax(2, keepdim=True)
    emitted = (scores.double() - best).clamp_min(_LEAST).exp()
    stay = stay.double()
    step, leap, leave = ((1 - stay) * one for one in (batch.step, batch.leap, batch.leave))
    ahead = torch.zeros(frames, count, width + _FAR, dtype=torch.float64)  # padded in front
    alpha = ahead[:, :, _FAR:]
    scale = torch.ones(frames, count, dtype=torch.float64)
    for t, rows in enumerate(going):
        here = alpha[t, :rows]
        if t:
            before = ahead[t - 1, :rows]
            torch.mul(before[:, _FAR:], stay[:rows], out=here)
            here[:, 1:] += before[:, _FAR:-1] * step[:rows, :-1]
            here[:, _FAR:] += before[:, _FAR:-_FAR] * leap[:rows, :-_FAR]
        else:
            here.copy_(batch.enter[:rows])
        here *= emitted[t, :rows]
        total = here.sum(1)
        scale[t, :rows] = total
        here /= total.clamp_min(_TINY).unsqueeze(1)
    last = torch.tensor([length - 1 for length in lengths])
    each = torch.arange(count)
    ends = (alpha[last, each] * leave).sum(1)
    likely = torch.zeros(frames, count, width, dtype=torch.float64)
    beta = torch.zeros(count, width, dtype=torch.float64)
    stayed = torch.zeros(count, width, dtype=torch.float64)
    for t in range(frames - 1, -1, -1):
        rows = going[t]
        further = going[t + 1] if t + 1 < frames else 0
        if further:
            behind = beta[:further] * emitted[t + 1, :further]
            behind /= scale[t + 1, :further].clamp_min(_TINY).unsqueeze(1)
            remained = behind * stay[:further]
            stayed[:further] += remained * alpha[t, :further]
            beta[:further] = remained
            beta[:further, :-1] += behind[:, 1:] * step[:further, :-1]
            beta[:further, :-_FAR] += behind[:, _FAR:] * leap[:further, :-_FAR]
        beta[further:rows] = leave[further:rows]
        beta.clamp_(max=_MOST)
        torch.mul(alpha[t, :rows], beta[:rows], out=likely[t, :rows])
    real = _real(lengths, frames)
    # Where numbers became too small on the way, frames do not agree on how likely all of it is.
    each_end = ends.clamp_min(_TINY).unsqueeze(1)
    sums = likely.sum(2) / each_end[:, 0]
    through = (((sums - 1).abs() < _ROUNDING) | ~real).all(0)
    likely = torch.where(through[:, None], likely / each_end, 0.0)
    left = torch.where(through[:, None], likely.sum(0) - stayed / each_end, 0.0)
    passed = torch.where(real, scale.log() + best[:, :, 0], 0.0).sum(0) + ends.log()
    return Occupied(likely, left, torch.where(through, passed, -torch.inf))


def best_states(
    batch: ChainBatch, scores: Tensor, stay: Tensor, lengths: list[int]
) -> list[Ints | None]:
    """Of each utterance (T,) the place in its chain of every frame's state, on the best path; None
    where the chain takes more frames than there are.

    Args: as of `occupied`.
    """
    frames, count, width = scores.shape
    going = _going(lengths, frames)
    stays, leaves = stay.log(), (1 - stay).log()
    steps, leaps = leaves + batch.step.log(), leaves + batch.leap.log()
    nowhere = float("-inf")
    best = torch.full((count, width + _FAR), nowhere, dtype=torch.float64)
    best[:, _FAR:] = batch.enter.log() + scores[0]
    came = torch.zeros(frames, count, width, dtype=torch.uint8)
    ends = torch.zeros(count, width, dtype=torch.float64)
    for t, rows in enumerate(going):
        if t:
            stayed = best[:rows, _FAR:] + stays[:rows]
            stepped = torch.full_like(stayed, nowhere)
            stepped[:, 1:] = best[:rows, _FAR:-1] + steps[:rows, :-1]
            leapt = torch.full_like(stayed, nowhere)
            leapt[:, _FAR:] = best[:rows, _FAR:-_FAR] + leaps[:rows, :-_FAR]
            value, which = torch.stack([stayed, stepped, leapt]).max(0)
            came[t, :rows] = which.to(torch.uint8)
            best[:rows, _FAR:] = value + scores[t, :rows]
        ended = going[t + 1] if t + 1 < frames else 0
        ends[ended:rows] = best[ended:rows, _FAR:]
    ends += leaves + batch.leave.log()
    back = np.array([0, 1, _FAR])
    moves = back[came.numpy()]
    paths: list[Ints | None] = []
    for row, length in enumerate(lengths):
        value, place = ends[row].max(0)
        if value == nowhere:
            paths.append(None)
            continue
        path, here = np.empty(length, np.int64), int(place)
        for t in range(length - 1, -1, -1):
            path[t] = here
            here -= int(moves[t, row, here])
        paths.append(path)
    return paths


def _going(lengths: list[int], frames: int) -> list[int]:
    """(T,) how many utterances have a frame there."""
    if lengths != sorted(lengths, reverse=True) or lengths[0] != frames:
        raise ValueError("utterances of the most frames come first")
    return [int(count) for count in (np.array(lengths) > np.arange(frames)[:, None]).sum(1)]


def _real(lengths: list[int], frames: int) -> Tensor:
    """(T, B) True where an utterance has a frame."""
    return torch.arange(frames)[:, None] < torch.tensor(lengths)
