"""Phones over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Ints
from bossline.tasks.prediction import Cells, Segment, SegmentedPrediction


@dataclass(frozen=True, repr=False)
class FramePrediction(SegmentedPrediction):
    """A label a frame: the smoothed path, or the most probable classes."""

    columns = ("id", "frame", "seconds", "class", "phone", "probability")
    header = ("Id", "Class")

    labels: Ints  # (N,)
    classes: tuple[str, ...]
    spec: FeatureSpec

    @cached_property
    def segments(self) -> list[Segment]:
        """Equal neighbours merged; confidence is the mean of their probabilities."""
        labels = self.labels
        best = np.take_along_axis(self.outputs, labels[:, None], axis=1)[:, 0]
        edges = self.spec.frame_edges(len(labels))
        bounds = pairwise(np.flatnonzero(np.diff(labels, prepend=-1, append=-1)))
        return [
            Segment(
                start=float(edges[start]),
                end=float(edges[end]),
                phone=self.classes[labels[start]],
                confidence=float(best[start:end].mean()),
            )
            for start, end in bounds
        ]

    def rows(self, first: int) -> list[Cells]:
        """A frame's Id counts the frames before it, over all utterances."""
        return list(enumerate(self.labels.tolist(), start=first))

    def records(self) -> Iterator[Cells]:
        centres = self.spec.frame_centres(len(self.labels))
        for frame, label in enumerate(self.labels.tolist()):
            yield (
                self.id,
                frame,
                float(centres[frame]),
                label,
                self.classes[label],
                float(self.outputs[frame, label]),
            )
