"""Predictions for people and programs: phones over time, CSV, .npy."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.errors import UserError
from bossline.files import replacing


@dataclass(frozen=True)
class Segment:
    """A stretch of equal predictions."""

    start: float  # seconds
    end: float  # seconds
    phone: str
    confidence: float  # mean probability


@dataclass(frozen=True)
class Prediction:
    """Class probabilities of one utterance's frames, and what they were taken for."""

    id: str
    probabilities: npt.NDArray[np.float32]  # (T, C)
    labels: npt.NDArray[np.int64]  # (T,) the smoothed path, or the most probable classes
    classes: tuple[str, ...]
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


def check_output(path: Path) -> None:
    """
    Raises:
        UserError: the ending is neither .csv nor .npy.
    """
    if path.suffix not in (".csv", ".npy"):
        raise UserError(f"{path}: write predictions to a .csv or a .npy file")


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write .csv (a row a frame) or .npy (probabilities, (frames, classes), end to end).

    Raises:
        UserError: another ending, or the disk is unwilling.
    """
    check_output(path)
    if path.suffix == ".npy":
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate([p.probabilities for p in predictions]))
    else:
        with replacing(path) as temporary, temporary.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "frame", "seconds", "class", "phone", "probability"])
            for prediction in predictions:
                for frame, label in enumerate(prediction.labels):
                    writer.writerow(
                        [
                            prediction.id,
                            frame,
                            f"{frame / prediction.frames_per_second:.3f}",
                            label,
                            prediction.classes[label],
                            f"{prediction.probabilities[frame, label]:.4f}",
                        ]
                    )
