"""What a model says of something new."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.tasks.prediction import ClassPrediction, Prediction, SegmentedPrediction
from bossline.tasks.speaker.prediction import SpeakerPrediction

SEGMENTS_SHOWN = 200
PREDICTIONS_SHOWN = 20


def segments_table(prediction: SegmentedPrediction) -> Table:
    """Phones over time."""
    table = new_table(
        "from", "to", "phone", "probability", right=("from", "to"), title=prediction.id
    )
    segments = prediction.segments
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
    for name, share in prediction.likeliest:
        table.add_row(name, f"{share:.4f}")
    return table


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """Many predictions of one kind, a row each: the first of them."""
    columns = predictions[0].columns
    table = new_table(*columns, right=("value", "probability"))
    for prediction in predictions[:PREDICTIONS_SHOWN]:
        for line in prediction.lines():
            table.add_row(*line)
    if (more := len(predictions) - PREDICTIONS_SHOWN) > 0:
        table.add_row(f"{more:,} more: write a file with -o")
    return table
