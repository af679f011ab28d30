"""Predictions as files: .csv for people, .npy for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bossline.errors import UserError
from bossline.files import replacing
from bossline.inference.prediction import Prediction


def check_output(path: Path) -> None:
    """
    Raises:
        UserError: the ending is neither .csv nor .npy.
    """
    if path.suffix not in (".csv", ".npy"):
        raise UserError(f"{path}: write predictions to a .csv or a .npy file")


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write .csv (a row a frame, or an item) or .npy (outputs (N, C) or (N,), end to end).

    Raises:
        UserError: another ending, or the disk is unwilling.
    """
    check_output(path)
    if path.suffix == ".npy":
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate([p.outputs for p in predictions]))
        return
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(predictions[0].columns)
        for prediction in predictions:
            writer.writerows(prediction.records())
