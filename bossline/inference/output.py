"""Predictions as files: .csv for people, .npy for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bossline.errors import UserError
from bossline.files import replacing
from bossline.inference.prediction import FramePrediction, Prediction, SpeakerPrediction

_FRAMES = ("id", "frame", "seconds", "class", "phone", "probability")
_SPEAKERS = ("id", "speaker", "probability")


def check_output(path: Path) -> None:
    """
    Raises:
        UserError: the ending is neither .csv nor .npy.
    """
    if path.suffix not in (".csv", ".npy"):
        raise UserError(f"{path}: write predictions to a .csv or a .npy file")


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write .csv (a row a frame, or a speaker) or .npy (probabilities (N, C), end to end).

    Raises:
        UserError: another ending, or the disk is unwilling.
    """
    check_output(path)
    if path.suffix == ".npy":
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate([p.probabilities for p in predictions]))
        return
    speakers = isinstance(predictions[0], SpeakerPrediction)
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_SPEAKERS if speakers else _FRAMES)
        for prediction in predictions:
            writer.writerows(_rows(prediction))


def _rows(prediction: Prediction) -> Iterator[tuple[object, ...]]:
    if isinstance(prediction, FramePrediction):
        for frame, label in enumerate(prediction.labels):
            yield (
                prediction.id,
                frame,
                f"{frame / prediction.frames_per_second:.3f}",
                label,
                prediction.classes[label],
                f"{prediction.probabilities[frame, label]:.4f}",
            )
    elif isinstance(prediction, SpeakerPrediction):
        yield prediction.id, prediction.speaker, f"{prediction.confidence:.4f}"
