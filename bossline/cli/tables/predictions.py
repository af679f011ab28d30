"""What a model says of something new."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.core.language import term, tr
from bossline.tasks.prediction import ClassPrediction, Prediction, SegmentedPrediction
from bossline.tasks.speaker.prediction import SpeakerPrediction

SEGMENTS_SHOWN = 200
PREDICTIONS_SHOWN = 20


def segments_table(prediction: SegmentedPrediction) -> Table:
    """Phones over time."""
    start, end = tr("from"), tr("to")
    head = start, end, term("phone"), term("probability")
    table = new_table(*head, right=(start, end), title=prediction.id)
    segments = prediction.segments
    for segment in islice(segments, SEGMENTS_SHOWN):
        table.add_row(
            tr("{seconds:.2f} s", seconds=segment.start),
            tr("{seconds:.2f} s", seconds=segment.end),
            segment.phone,
            f"{segment.confidence:.2f}",
        )
    if len(segments) > SEGMENTS_SHOWN:
        table.add_row("...", "", _more(len(segments) - SEGMENTS_SHOWN), "")
    return table


def likeliest_table(prediction: ClassPrediction) -> Table:
    """The most probable speakers, or classes of an image."""
    word = term("speaker") if isinstance(prediction, SpeakerPrediction) else tr("class")
    share_of = term("probability")
    table = new_table(word, share_of, right=(share_of,), title=prediction.id)
    for name, share in prediction.likeliest:
        table.add_row(name, f"{share:.4f}")
    return table


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """Many predictions of one kind, a row each: the first of them."""
    columns = map(term, predictions[0].columns)
    table = new_table(*columns, right=(term("value"), term("probability")))
    for prediction in predictions[:PREDICTIONS_SHOWN]:
        for line in prediction.lines():
            table.add_row(*line)
    if (more := len(predictions) - PREDICTIONS_SHOWN) > 0:
        table.add_row(_more(more))
    return table


def _more(count: int) -> str:
    return tr("{count:,} more: write a file with -o", count=count)
