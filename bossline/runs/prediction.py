"""Predictions for people and programs: phones over time, who speaks, what is seen, or a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bossline.data.features.days import stem_of
from bossline.data.features.spec import Features, FeatureSpec, TableSpec
from bossline.evaluation.scores import Unit

Outputs = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Cells = tuple[object, ...]


@dataclass(frozen=True)
class Segment:
    """A stretch of equal predictions."""

    start: float  # seconds
    end: float  # seconds
    phone: str
    confidence: float  # mean probability


@dataclass(frozen=True)
class Prediction(ABC):
    """What a model made of one utterance, image or row.

    Attributes:
        columns: of the table that `records` fills.
    """

    columns: ClassVar[tuple[str, ...]]

    id: str
    outputs: Outputs  # (N, C) probabilities of its frames, (1, C), or (1,) a value

    @property
    @abstractmethod
    def header(self) -> Cells:
        """Of a submission."""

    @abstractmethod
    def rows(self, first: int) -> list[Cells]:
        """Of a submission; `first` rows stand before them."""

    @abstractmethod
    def records(self) -> Iterator[Cells]:
        """For people and programs."""

    @property
    def number(self) -> str:
        """The id as the source's own lists have it: its last part."""
        return self.id.rpartition("/")[2]


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


@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """One class for the whole: a speaker, or what is in an image."""

    header = ("Id", "Category")

    classes: tuple[str, ...]

    @property
    def label(self) -> int:
        return int(self.outputs[0].argmax())

    @property
    def name(self) -> str:
        return self.classes[self.label]

    @property
    def confidence(self) -> float:
        return float(self.outputs[0].max())


@dataclass(frozen=True)
class SpeakerPrediction(ClassPrediction):
    """Who speaks."""

    columns = ("id", "speaker", "probability")

    def rows(self, first: int) -> list[Cells]:
        return [(self.id, self.name)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.name, f"{self.confidence:.4f}"


@dataclass(frozen=True)
class ImagePrediction(ClassPrediction):
    """What is in an image."""

    columns = ("id", "class", "name", "probability")

    def rows(self, first: int) -> list[Cells]:
        return [(self.number, self.label)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.label, self.name, f"{self.confidence:.4f}"


@dataclass(frozen=True)
class ValuePrediction(Prediction):
    """The target of a row."""

    columns = ("id", "value")

    target: str

    @property
    def value(self) -> float:
        return float(self.outputs[0])

    @property
    def header(self) -> Cells:
        """The target under its plain name, without the number of its day."""
        return "id", stem_of(self.target)

    def rows(self, first: int) -> list[Cells]:
        return [(self.number, self.value)]

    def records(self) -> Iterator[Cells]:
        yield self.id, f"{self.value:.6g}"


def predictions_of(
    unit: Unit,
    ids: Sequence[str],
    lengths: Ints,
    outputs: Outputs,
    path: Ints | None,
    classes: tuple[str, ...],
    features: Features,
) -> list[Prediction]:
    """A prediction for each utterance, image or row.

    Args:
        unit: what the task scores.
        ids: (U,).
        lengths: (U,) frames of each.
        outputs: (N, C) or (N,), end to end.
        path: (N,) labels of frames, where the most probable ones do not decide.
        classes: C of them, or none.
        features: what the model takes.
    """
    if unit == "frames":
        assert isinstance(features, FeatureSpec)
        labels = outputs.argmax(1) if path is None else path
        ends = np.cumsum(lengths)[:-1]
        return [
            FramePrediction(id, rows, own, classes, features)
            for id, rows, own in zip(
                ids, np.split(outputs, ends), np.split(labels, ends), strict=True
            )
        ]
    each = zip(ids, np.split(outputs, len(outputs)), strict=True)
    if isinstance(features, TableSpec):
        return [ValuePrediction(id, row, features.target) for id, row in each]
    kind = ImagePrediction if unit == "images" else SpeakerPrediction
    return [kind(id, row, classes) for id, row in each]
