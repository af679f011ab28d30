"""Phones over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Ints
from bossline.tasks.prediction import Cells, Prediction


@dataclass(frozen=True)
class Segment:
    """A stretch of equal predictions."""

    start: float  # seconds
    end: float  # seconds
    phone: str
    confidence: float  # mean probability


@dataclass(frozen=True)
class FramePrediction(Prediction):
    """A label a frame: the smoothed path, or the most probable classes."""

    columns = ("id", "frame", "seconds", "class", "phone", "probability")
    header = ("Id", "Class")

    labels: Ints  # (N,)
    classes: tuple[str, ...]
    spec: FeatureSpec

    def segments(self) -> Iterator[Segment]:
        """Equal neighbours merged."""
        labels = self.labels
        best = np.take_along_axis(self.outputs, labels[:, None], axis=1)[:, 0]
        edges = self.spec.frame_edges(len(labels))
        for start, end in pairwise(np.flatnonzero(np.diff(labels, prepend=-1, append=-1))):
            yield Segment(
                start=float(edges[start]),
                end=float(edges[end]),
                phone=self.classes[labels[start]],
                confidence=float(best[start:end].mean()),
            )

    def rows(self, first: int) -> list[Cells]:
        """A frame's Id counts the frames before it, over all utterances."""
        return list(enumerate(self.labels.tolist(), start=first))

    def records(self) -> Iterator[Cells]:
        centres = self.spec.frame_centres(len(self.labels))
        for frame, label in enumerate(self.labels):
            yield (
                self.id,
                frame,
                f"{centres[frame]:.4f}",
                label,
                self.classes[label],
                f"{self.outputs[frame, label]:.4f}",
            )
