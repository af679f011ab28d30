"""A phone model from frame labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.tasks.smoothing.arrays import Floats, Ints
from bossline.tasks.smoothing.phones import PhoneModel

# Of a phone's segments, those that may be shorter than what counts as its minimum duration.
RAREST = 0.001


@dataclass(frozen=True, eq=False)
class PhoneSegments:
    """Runs of equal labels, in order, utterances end to end.

    Attributes:
        phones: (S,).
        frames: (S,) how long each lasts.
        first: (S,) bool, True where an utterance begins.
        last: (S,) bool, True where an utterance ends.
    """

    phones: Ints
    frames: Ints
    first: npt.NDArray[np.bool_]
    last: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, labels: Sequence[npt.NDArray[Any]]) -> PhoneSegments:
        """Collapse the labels, (T,) of each utterance."""
        joined = np.concatenate(labels).astype(np.int64)
        edges = np.cumsum([0, *map(len, labels)])
        starts = np.union1d(np.flatnonzero(np.diff(joined)) + 1, edges[:-1])
        first = np.isin(starts, edges)
        frames = np.diff(starts, append=len(joined))
        return cls(joined[starts], frames, first, np.roll(first, -1))


def estimate(labels: Sequence[npt.NDArray[Any]], classes: int, longest: int) -> PhoneModel:
    """Count segments and smooth the counts.

    Args:
        labels: classes of the frames, (T,) of each utterance; at least one utterance, T >= 1.
        classes: C.
        longest: D, at least 2.
    """
    segments = PhoneSegments.of(labels)
    frames = np.bincount(segments.phones, segments.frames, classes)
    durations, stay = _durations(segments, classes, longest)
    return PhoneModel(frames / frames.sum(), _bigram(segments, classes), durations, stay)


def _bigram(segments: PhoneSegments, classes: int) -> Floats:
    """(C + 1, C + 1), see PhoneModel.

    Smoothed toward the number of different phones that a phone follows (Kneser & Ney 1995).
    """
    counts = np.zeros((classes + 1, classes + 1))
    previous = np.where(segments.first, classes, np.roll(segments.phones, 1))
    np.add.at(counts, (previous, segments.phones), 1)
    counts[:classes, classes] = np.bincount(segments.phones[segments.last], minlength=classes)
    # No phone follows itself, and no utterance ends where it begins.
    follows = (counts > 0).sum(0) * (1 - np.eye(classes + 1))
    return _witten_bell(counts, follows)


def _durations(segments: PhoneSegments, classes: int, longest: int) -> tuple[Floats, Floats]:
    """(C, D + 1) and (C,), see PhoneModel.

    Segments at the edges of an utterance may be cut, so they count for those phones only that are
    found nowhere else.
    """
    inner = ~segments.first & ~segments.last
    inner |= np.bincount(segments.phones[inner], minlength=classes)[segments.phones] == 0
    phones, frames = segments.phones[inner], segments.frames[inner]
    counts = np.zeros((classes, longest + 1))
    np.add.at(counts, (phones, np.minimum(frames, longest + 1) - 1), 1)
    shorter = counts.cumsum(1)
    possible = shorter > RAREST * shorter[:, -1:]
    possible[shorter[:, -1] == 0] = True  # nothing is known of an unseen class
    # The mean of what is beyond D; one segment more, of D frames there, as some phones have none.
    excess = np.maximum(frames - longest, 0)
    total = np.bincount(phones, excess, classes) + longest
    stay = 1 - (counts[:, -1] + 1) / total
    return _witten_bell(counts * possible, possible.astype(np.float64)), stay


def _witten_bell(counts: Floats, backoff: Floats) -> Floats:
    """Rows of probabilities: interpolation with the backoff, which gets the weight of one
    observation for each different thing seen (Witten & Bell 1991).

    Args:
        counts: (rows, columns).
        backoff: the same shape, a scale to each row.
    """
    weight = np.maximum((counts > 0).sum(1, keepdims=True), 1)
    total = counts.sum(1, keepdims=True) + weight
    return np.asarray((counts + weight * backoff / backoff.sum(1, keepdims=True)) / total)
