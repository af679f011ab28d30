"""Predictions as files: .csv for people, .npy for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import replacing
from bossline.data.packed import Corpus, Ints
from bossline.runs.prediction import Cells, FramePrediction, Prediction


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


# The file that the course's leaderboard takes: a row a frame, an utterance, an image or a row.


def write_submission(
    path: Path, corpus: Corpus, utterances: Ints, predictions: Sequence[Prediction]
) -> int:
    """Write `Id,Class`, Id counting frames in the order of the corpus' list; or `Id,Category`, or
    `id` and the target, by the ids of the source; returns the rows.

    Raises:
        UserError: an utterance of the split was left out at import, so rows would be missing or
            shifted; or the number of predictions is not what the split wants.
    """
    parts = {corpus.header.parts[corpus.parts[u]] for u in utterances}
    missing = [entry.id for entry in corpus.header.left_out if entry.part in parts]
    if missing and not (corpus.labelled | (corpus.speakers >= 0))[utterances].any():
        raise UserError(
            f"{counted(len(missing), corpus.header.features.item)} of this split "
            f"{'was' if len(missing) == 1 else 'were'} left out as damaged when the corpus was "
            f"imported ({', '.join(missing[:5])}): rows would be missing or "
            "shifted. Get intact copies of these files and import again"
        )
    rows: list[Cells] = []
    for prediction in predictions:
        rows += prediction.rows(len(rows))
    frames = isinstance(predictions[0], FramePrediction)
    expected = int(corpus.lengths[utterances].sum()) if frames else len(utterances)
    if len(rows) != expected:
        raise UserError(f"{counted(len(rows), 'prediction')} for {expected}: not written")
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(predictions[0].header)
        writer.writerows(rows)
    return expected
