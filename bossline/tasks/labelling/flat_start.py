"""From frames and what is said in them to labels, with nothing known before.

A hidden Markov model of three states a phone, whatever stands beside it, is estimated by
expectation maximisation. At first each utterance is cut evenly among its phones; Gaussians are
halved as labels get better, as in Young et al., "The HTK Book", section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.tasks.labelling.chains import STATES, Chain, ChainBatch
from bossline.tasks.labelling.mixtures import Counts, Mixtures
from bossline.tasks.labelling.trellis import best_states, occupied
from bossline.tasks.smoothing.arrays import Ints

PASSES = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8)
"""Gaussians a state in each pass over the frames."""

SHARE = 0.2
"""Of a frame's log-likelihood: neighbours say much the same, and are not as sure as if each were
alone."""

_CELLS = 1 << 22  # frames x utterances x states that are gone through together
_LEARNT_FROM = 700_000  # frames, two hours: a model of phones alone has not more to learn

Frames = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Utterances:
    """What is labelled.

    Attributes:
        lengths: (N,) frames of each.
        chains: of each; none takes more frames than there are.
        read: the frames (T, D) of one, of mean 0 and variance 1.
    """

    lengths: Sequence[int]
    chains: Sequence[Chain]
    read: Callable[[int], Frames]

    def batches(self, which: Sequence[int]) -> Iterator[list[int]]:
        """These utterances, longest first, so many at a time as `_CELLS` allows."""
        batch: list[int] = []
        width = 0
        for one in sorted(which, key=lambda one: (-self.lengths[one], one)):
            wider = max(width, STATES * len(self.chains[one].units))
            frames = self.lengths[batch[0] if batch else one]
            if batch and (len(batch) + 1) * wider * frames > _CELLS:
                yield batch
                batch, wider = [], STATES * len(self.chains[one].units)
            batch.append(one)
            width = wider
        if batch:
            yield batch

    def sample(self) -> list[int]:
        """Utterances spread over all, as many as there is something to learn from."""
        share = min(1.0, _LEARNT_FROM / max(sum(self.lengths), 1))
        count = max(1, round(share * len(self.lengths)))
        places = np.linspace(0, len(self.lengths) - 1, count).round()
        return [int(place) for place in np.unique(places)]


def flat_start(
    utterances: Utterances,
    units: int,
    dim: int,
    *,
    passes: Sequence[int] = PASSES,
    progress: Progress = lambda what, done, total: None,
) -> Mixtures:
    """A model of phones that was told only their order.

    Args:
        units: how many there are.
        dim: numbers of a frame.
        passes: Gaussians a state in each, rising.
        progress: told how many utterances are done, and of how many.
    """
    which = utterances.sample()
    utterances = replace(utterances, read=cache(utterances.read))  # every pass goes through them
    model = _evenly(utterances, which, Mixtures.flat(STATES * units, dim))
    total, done = len(passes) * len(which), 0
    for gaussians in passes:
        while model.shares.shape[1] < gaussians:
            model = model.halved()
        counts = Counts(model)
        for batch in utterances.batches(which):
            _count(utterances, batch, model, counts)
            done += len(batch)
            progress("learning phones", done, total)
        model = counts.estimate()
    return model


def labels(
    utterances: Utterances, model: Mixtures, progress: Progress = lambda what, done, total: None
) -> Iterator[tuple[int, Ints]]:
    """Number and unit of every frame (T,) of each utterance, by the best path."""
    done = 0
    for batch in utterances.batches(range(len(utterances.lengths))):
        chains = ChainBatch.of([utterances.chains[one] for one in batch])
        lengths = [utterances.lengths[one] for one in batch]
        _, _, scores = _scores(utterances, batch, model, chains)
        paths = best_states(chains, scores, model.stay[chains.states], lengths)
        for row, (one, path) in enumerate(zip(batch, paths, strict=True)):
            if path is not None:
                yield one, utterances.chains[one].units[chains.units[row, path]]
        done += len(batch)
        progress("labelling", done, len(utterances.lengths))


def _evenly(utterances: Utterances, which: Sequence[int], model: Mixtures) -> Mixtures:
    """What the states look like where each utterance is cut evenly among the states of its phones.

    Pauses that may be left out stand at the edges only.
    """
    counts = Counts(model)
    for one in which:
        chain, frames = utterances.chains[one], torch.from_numpy(utterances.read(one))
        said = chain.said == 1
        said[[0, -1]] = len(frames) >= STATES * (said.sum() + 2)
        states = (chain.units[said, None] * STATES + np.arange(STATES)).ravel()
        place = torch.from_numpy(states[np.arange(len(frames)) * len(states) // len(frames)])
        likely = torch.nn.functional.one_hot(place, len(model.stay)).float()
        left = torch.bincount(torch.from_numpy(states), minlength=len(model.stay))
        counts.add(frames, model.log_joint(frames), likely, left)
    return counts.estimate()


def _scores(
    utterances: Utterances, batch: Sequence[int], model: Mixtures, chains: ChainBatch
) -> tuple[Tensor, Tensor, Tensor]:
    """All frames (N, D), their joint log-likelihoods (N, J, M), and (T, B, S) scores of states."""
    pieces = [torch.from_numpy(utterances.read(one)) for one in batch]
    frames = torch.cat(pieces)
    joint = model.log_joint(frames)
    of_states = torch.split(joint.logsumexp(2), [len(piece) for piece in pieces])
    scores = torch.zeros(len(pieces[0]), *chains.states.shape)
    for row, scored in enumerate(of_states):
        scores[: len(scored), row] = scored[:, chains.states[row]]
    return frames, joint, scores


def _count(utterances: Utterances, batch: Sequence[int], model: Mixtures, counts: Counts) -> None:
    chains = ChainBatch.of([utterances.chains[one] for one in batch])
    lengths = [utterances.lengths[one] for one in batch]
    frames, joint, scores = _scores(utterances, batch, model, chains)
    found = occupied(chains, SHARE * scores, model.stay[chains.states], lengths)
    likely = torch.zeros(len(frames), len(model.stay))
    left = torch.zeros(len(model.stay), dtype=torch.float64)
    first = 0
    for row, length in enumerate(lengths):
        own = found.likely[:length, row].float()
        likely[first : first + length].index_add_(1, chains.states[row], own)
        left.index_add_(0, chains.states[row], found.left[row])
        first += length
    counts.add(frames, joint, likely, left)
