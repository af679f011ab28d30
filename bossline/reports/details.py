"""The pictures of one run, by the heading that they stand under."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bossline.reports.confusion import confusion, per_class
from bossline.reports.curves import learning_curves, learning_rate
from bossline.reports.example import example
from bossline.reports.lengths import accuracy_by_length, length_bins
from bossline.reports.order import labels
from bossline.reports.picture import Picture
from bossline.reports.posteriors import LEAST, path_name
from bossline.reports.recalls import never_and_always, recalls
from bossline.reports.voices import draw_voices
from bossline.reports.wording import classes_of
from bossline.training.run import EXAMPLE_SECONDS, Example, Run, Voices

MOST_IN_A_MATRIX = 60  # more classes make a matrix that nobody can read


def details(run: Run, key: str) -> dict[str, list[Picture]]:
    """Pictures of a run; `key` goes before their ids."""
    found = {"Training": training([run], key)}
    voices, utterance = run.voices(), run.example()
    by_length = [] if voices is None else _by_length(voices, key)
    if "test" in run.scores and has_many_classes(run):
        found[classes_of(run).capitalize()] = [_recalls(run, key), *by_length]
    elif "test" in run.scores:
        found["Confusions"] = _confusions(run, key)
        found["Length"] = by_length
    if utterance is not None:
        found["An utterance"] = [_example(utterance, run, key)]
    if voices is not None and voices.embeddings is not None and min(voices.embeddings.shape) > 1:
        found["Voices"] = [_map(voices, voices.embeddings, key)]
    return {heading: pictures for heading, pictures in found.items() if pictures}


def has_many_classes(run: Run) -> bool:
    """Whether its classes are too many for a confusion matrix."""
    return len(run.info.classes) > MOST_IN_A_MATRIX


def training(runs: Sequence[Run], key: str) -> list[Picture]:
    """How the training of one or more runs went, as far as it got."""
    kinds = {row["kind"] for run in runs for row in run.metrics()}
    names = ", ".join(labels(runs))
    pictures = []
    if "epoch" in kinds:
        pictures.append(
            Picture.of(
                learning_curves(runs),
                f"{key}-curves",
                f"Accuracy and loss per epoch of {names}",
                "Accuracy and loss after each epoch, on the training and the validation split.",
            )
        )
    if "step" in kinds:
        pictures.append(
            Picture.of(
                learning_rate(runs),
                f"{key}-rate",
                f"Learning rate per step of {names}",
                "The schedule as it was run.",
            )
        )
    return pictures


def _confusions(run: Run, key: str) -> list[Picture]:
    test, classes = run.scores["test"], run.info.classes
    return [
        Picture.of(
            confusion(test, classes),
            f"{key}-confusion",
            f"Confusion matrix of {len(classes)} classes",
            f"Each row holds the {test.unit} of one true class and sums to 100%.",
        ),
        Picture.of(
            per_class(test, classes),
            f"{key}-classes",
            f"Recall and F1 of {len(classes)} classes",
            "How much of each class is found (bar), and F1, which also counts false alarms.",
        ),
    ]


def _recalls(run: Run, key: str) -> Picture:
    test, word = run.scores["test"], classes_of(run)
    never, always = never_and_always(test)
    return Picture.of(
        recalls(test, word),
        f"{key}-recalls",
        f"Histogram of the recall of {word}",
        f"How many {word} have which share of their test {test.unit} recognised; "
        f"{never:,} are never recognised, {always:,} always.",
    )


def _by_length(voices: Voices, key: str) -> list[Picture]:
    """Nothing where one bin holds all: few utterances, or all of one length."""
    bins = length_bins(voices.seconds, voices.correct)
    if len(bins) == 1:
        return []
    return [
        Picture.of(
            accuracy_by_length(bins),
            f"{key}-lengths",
            "Accuracy on short and on long test utterances",
            "Test utterances by length, in bins of about equal count; the bars are 95% intervals "
            "(Wilson's).",
        )
    ]


def _example(utterance: Example, run: Run, key: str) -> Picture:
    return Picture.of(
        example(utterance, run.info.classes),
        f"{key}-example",
        f"Features, posteriors, true and {path_name(utterance)} phones of {utterance.id}",
        _what_is_seen(utterance),
    )


def _what_is_seen(example: Example) -> str:
    hits = float((example.true == example.predicted).mean())
    text = f"{example.id}: {hits:.1%} of all its frames are labelled correctly"
    if example.smoothed:
        unsmoothed = float((example.true == example.posteriors.argmax(axis=1)).mean())
        text += f", {unsmoothed:.1%} before smoothing"
    if len(example.true) > EXAMPLE_SECONDS * example.frames_per_second:
        text += f"; its first {EXAMPLE_SECONDS:g} seconds are seen"
    return (
        f"{text}. The bluer, the more probable; boxes are the true phones, the line runs through "
        f"the {path_name(example)} ones. Rows are the phones that are true, {path_name(example)} "
        f"or at least {LEAST:.0%} probable here."
    )


def _map(voices: Voices, embeddings: npt.NDArray[np.float32], key: str) -> Picture:
    return Picture.of(
        draw_voices(embeddings, voices.speakers, voices.names),
        f"{key}-voices",
        f"Map of the embeddings of {len(voices.speakers)} test utterances",
        "Each point is the embedding of a test utterance, tied to the mean of its speaker. In "
        "colour: the speakers with the most utterances, and the map is the plane in which these "
        "vary most (PCA); what lies apart here is apart, what overlaps may still be apart.",
    )
