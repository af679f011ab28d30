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


_FURTHER = "unlabelled"  # the part of images to train on, beside those of the test


# The file that the course's leaderboard takes: a row a frame, an utterance, an image or a row.


def write_submission(
    path: Path, corpus: Corpus, utterances: Ints, predictions: Sequence[Prediction]
) -> int:
    """Write `Id,Class`, Id counting frames in the order of the corpus' list; or `Id,Category`, or
    `id` and the target, by the ids of the source; returns the rows.

    Of a set that has both, further images to train on, which nobody asks about, get no row.

    Raises:
        UserError: an utterance of the split was left out at import, so rows would be missing or
            shifted; two rows have one id; or the number of predictions is not what the split wants.
    """
    parts = {corpus.header.parts[corpus.parts[u]] for u in utterances}
    if len(predictions) == len(utterances) and "test" in parts and _FURTHER in parts:
        further = corpus.parts[utterances] == corpus.header.parts.index(_FURTHER)
        predictions = [p for p, out in zip(predictions, further, strict=True) if not out]
        utterances = utterances[~further]
        parts.remove(_FURTHER)
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
    if not frames:
        _check_distinct(rows, predictions)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(predictions[0].header)
        writer.writerows(rows)
    return expected


def _check_distinct(rows: Sequence[Cells], predictions: Sequence[Prediction]) -> None:
    """
    Raises:
        UserError: two rows, each of a prediction, have one id.
    """
    ids: dict[object, str] = {}
    for (row, *_), prediction in zip(rows, predictions, strict=True):
        if row in ids:
            raise UserError(
                f"'{ids[row]}' and '{prediction.id}' would both be row '{row}', of which a "
                "submission has one: not written; rename one in the source and import it again"
            )
        ids[row] = prediction.id
