"""Predictions for people and programs: phones over time, or who speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """A stretch of equal predictions."""

    start: float  # seconds
    end: float  # seconds
    phone: str
    confidence: float  # mean probability


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of one utterance, and what was made of them."""

    id: str
    probabilities: Probabilities  # (N, C) of its frames, or (1, C)
    labels: Ints  # (N,)
    classes: tuple[str, ...]


@dataclass(frozen=True)
class FramePrediction(Prediction):
    """A label a frame: the smoothed path, or the most probable classes."""

    frames_per_second: float

    def segments(self) -> Iterator[Segment]:
        """Equal neighbours merged."""
        labels = self.labels
        best = np.take_along_axis(self.probabilities, labels[:, None], axis=1)[:, 0]
        edges = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
        for start, end in pairwise(edges):
            yield Segment(
                start=float(start / self.frames_per_second),
                end=float(end / self.frames_per_second),
                phone=self.classes[labels[start]],
                confidence=float(best[start:end].mean()),
            )


@dataclass(frozen=True)
class SpeakerPrediction(Prediction):
    """One speaker for the whole utterance."""

    @property
    def speaker(self) -> str:
        return self.classes[int(self.labels[0])]

    @property
    def confidence(self) -> float:
        return float(self.probabilities[0, self.labels[0]])


def frame_predictions(
    ids: Sequence[str],
    lengths: Ints,
    probabilities: Probabilities,
    labels: Ints,
    classes: tuple[str, ...],
    frames_per_second: float,
) -> list[Prediction]:
    """Cut (N, C) probabilities and (N,) labels of frames into utterances."""
    ends = np.cumsum(lengths)[:-1]
    return [
        FramePrediction(id, rows, path, classes, frames_per_second)
        for id, rows, path in zip(
            ids, np.split(probabilities, ends), np.split(labels, ends), strict=True
        )
    ]


def speaker_predictions(
    ids: Sequence[str], probabilities: Probabilities, classes: tuple[str, ...]
) -> list[Prediction]:
    """One for each row of (U, C) probabilities."""
    return [
        SpeakerPrediction(id, row[None], row.argmax(keepdims=True), classes)
        for id, row in zip(ids, probabilities, strict=True)
    ]
