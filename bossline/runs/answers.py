"""What runs make of files and of splits of their corpus, as files and as submissions."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import replacing
from bossline.data.alignments.formats import FORMATS, WRITTEN, suffix_of, written_format
from bossline.data.packed import Corpus, Ints
from bossline.runs.engine import Runs, opened_runs
from bossline.runs.loaded import Inputs, load
from bossline.runs.phones_out import write_phones
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.prediction import Cells, Prediction
from bossline.tasks.trained import UNLABELLED, Smoothing, items_of

# A .csv is a table of frames or items, and a .txt may be anything.
_OF_PHONES = tuple(
    suffix
    for name in WRITTEN
    if name not in ("csv", "audacity")
    for suffix in FORMATS[name].suffixes
)


def predict(
    runs: Runs,
    inputs: Inputs,
    *,
    rate: float | None = None,
    smoothing: Smoothing | None = None,
    decoding: Sequence[str] = (),
    device: str = "auto",
) -> list[Prediction]:
    """Load a run and ask it once; see `load` and `Model.predict`.

    Raises:
        UserError: as these two.
    """
    return load(runs, smoothing=smoothing, decoding=decoding, device=device).predict(
        inputs, rate=rate
    )


def align(
    runs: Runs,
    inputs: Inputs,
    text: str | None = None,
    *,
    dictionary: str | Path | None = None,
    phones: bool = False,
    tier: str | None = None,
    rate: float | None = None,
    device: str = "auto",
) -> list[Aligned]:
    """Load a run and have it align once; see `load` and `Model.align`.

    Raises:
        UserError: as these two.
    """
    return load(runs, device=device).align(
        inputs, text, dictionary=dictionary, phones=phones, tier=tier, rate=rate
    )


def submit(
    runs: Runs,
    path: str | Path,
    *,
    split: str = UNLABELLED,
    smoothing: Smoothing | None = None,
    decoding: Sequence[str] = (),
    letters: bool = False,
    device: str = "auto",
) -> int:
    """Write a submission; returns the number of rows.

    Phonemes: `Id,Class` for every frame of the split; speakers and images: `Id,Category` for
    every one; tables: `id` and the target for every row; strings: `id,phones` for every utterance.

    Args:
        runs: a run or its folder, or several, which answer as one: by the mean of their
            log-probabilities, or of their values.
        smoothing: None: as the (first) run's recipe says.
        decoding: of strings: "beam=16" and the like, in place of what the recipes say.
        letters: of strings: `index,label` with a letter a phone, as CMU 11-785 takes them.

    Raises:
        UserError: no .csv, the split is empty or incomplete, runs that do not go together, or the
            file cannot be written.
    """
    if Path(path).suffix.lower() != ".csv":
        raise UserError(f"{path}: a submission is a .csv file")
    opened = opened_runs(runs)
    corpus = opened[0].corpus()
    items = items_of(opened, corpus, split)
    predictions = predict(opened, split, smoothing=smoothing, decoding=decoding, device=device)
    asked = asked_about(corpus, items)
    predictions = [one for one, kept in zip(predictions, asked, strict=True) if kept]
    if letters:
        predictions = [one.in_letters() for one in predictions]
    expected = opened[0].task.count(corpus, items[asked])
    return write_submission(Path(path), corpus, items[asked], predictions, expected)


def asked_about(corpus: Corpus, items: Ints) -> npt.NDArray[np.bool_]:
    """Which items a leaderboard asks about, (N,).

    Of a split that has both images of the test and further ones to train on: the former.
    """
    of_part = np.array(corpus.header.parts)[corpus.parts[items]]
    further = of_part == UNLABELLED
    return ~further if "test" in of_part else np.ones(len(items), bool)


def write_submission(
    path: Path, corpus: Corpus, items: Ints, predictions: Sequence[Prediction], expected: int | None
) -> int:
    """Write a file as a leaderboard takes it, in the order of the corpus' list; returns the rows.

    Args:
        expected: rows; None where the task does not know beforehand.

    Raises:
        UserError: an item of the split was left out at import, so rows would be missing or
            shifted; two rows have one id; or the number of predictions is not what the split
            wants.
    """
    parts = {corpus.header.parts[corpus.parts[u]] for u in items}
    missing = [entry.id for entry in corpus.header.left_out if entry.part in parts]
    if missing and not (corpus.labelled | (corpus.speakers >= 0))[items].any():
        raise UserError(
            f"{counted(len(missing), corpus.header.features.item)} of this split "
            f"{'was' if len(missing) == 1 else 'were'} left out as damaged when the corpus was "
            f"imported ({', '.join(missing[:5])}): rows would be missing or "
            "shifted. Get intact copies of these files and import again"
        )
    rows: list[Cells] = []
    for prediction in predictions:
        rows += prediction.rows(len(rows))
    if expected is not None and len(rows) != expected:
        raise UserError(f"{counted(len(rows), 'prediction')} for {expected}: not written")
    if len(rows) == len(predictions):
        _check_distinct(rows, predictions)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(predictions[0].header)
        writer.writerows(rows)
    return len(rows)


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


def check_output(path: Path) -> None:
    """
    Raises:
        UserError: an ending that predictions are not written to.
    """
    if path.suffix not in (".csv", ".npy") and suffix_of(path) not in _OF_PHONES:
        raise UserError(
            f"{path}: write predictions to a .csv or .npy file, the phones of one recording to "
            f"{', '.join(_OF_PHONES)}, or with --format a folder of such files"
        )


def write_predictions(predictions: Sequence[Prediction], path: Path) -> None:
    """Write .csv (a row a frame, or an item), .npy (outputs (N, C) or (N,), end to end), or the
    phones of one recording as .TextGrid and the like.

    Raises:
        UserError: another ending, phones of several recordings, or the disk is unwilling.
    """
    check_output(path)
    if path.suffix not in (".csv", ".npy"):
        if len(predictions) > 1:
            raise UserError(
                f"{path}: holds one recording, here are {len(predictions):,}: give --format "
                f"{written_format(path)} and a folder as --output"
            )
        write_phones(predictions[0], path, written_format(path))
        return
    if path.suffix == ".npy":
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate([p.outputs for p in predictions]))
        return
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(predictions[0].columns)
        for prediction in predictions:
            writer.writerows(prediction.lines())
