"""What a model says of something new."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.prediction import ClassPrediction, Prediction
from bossline.tasks.speaker.prediction import SpeakerPrediction

SEGMENTS_SHOWN = 200
LIKELIEST_SHOWN = 5
PREDICTIONS_SHOWN = 20


def segments_table(prediction: FramePrediction) -> Table:
    """Phones over time."""
    table = new_table(
        "from", "to", "phone", "probability", right=("from", "to"), title=prediction.id
    )
    segments = list(prediction.segments())
    for segment in islice(segments, SEGMENTS_SHOWN):
        table.add_row(
            f"{segment.start:.2f} s", f"{segment.end:.2f} s", segment.phone,
            f"{segment.confidence:.2f}",
        )  # fmt: skip
    if len(segments) > SEGMENTS_SHOWN:
        table.add_row("...", "", f"{len(segments) - SEGMENTS_SHOWN} more: write a file with -o", "")
    return table


def likeliest_table(prediction: ClassPrediction) -> Table:
    """The most probable speakers, or classes of an image."""
    word = "speaker" if isinstance(prediction, SpeakerPrediction) else "class"
    table = new_table(word, "probability", right=("probability",), title=prediction.id)
    (row,) = prediction.outputs
    for label in row.argsort(kind="stable")[: -LIKELIEST_SHOWN - 1 : -1]:
        table.add_row(prediction.classes[label], f"{row[label]:.4f}")
    return table


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """Many predictions of one kind, a row each: the first of them."""
    columns = predictions[0].columns
    table = new_table(*columns, right=("value", "probability"))
    for prediction in predictions[:PREDICTIONS_SHOWN]:
        for record in prediction.records():
            table.add_row(*map(str, record))
    if (more := len(predictions) - PREDICTIONS_SHOWN) > 0:
        table.add_row(f"{more:,} more: write a file with -o")
    return table
