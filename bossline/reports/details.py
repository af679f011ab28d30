"""The pictures of one run, by the heading that they stand under."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.data.features.spec import TableSpec
from bossline.evaluation.classification import ClassificationScores
from bossline.figures.classes import (
    accuracy_by_length,
    confusion,
    length_bins,
    never_and_always,
    per_class,
    recalls,
)
from bossline.figures.picture import Picture
from bossline.reports.curves import learning_curves, learning_rate
from bossline.reports.order import labels
from bossline.reports.wording import classes_of
from bossline.runs.predictions import EXAMPLE_SECONDS, ColumnsRead, Example, Images, Voices
from bossline.runs.run import Run
from bossline.tasks.covid.pictures import (
    draw_importances,
    draw_weights,
    error_histogram,
    errors_of,
    predicted_against_true,
    share_of_the_worst,
)
from bossline.tasks.covid.scores import RegressionScores
from bossline.tasks.food.pictures import draw_maps, draw_mistakes, photographic, surest_mistakes
from bossline.tasks.phoneme.pictures import LEAST, example, path_name
from bossline.tasks.speaker.pictures import draw_voices

MOST_IN_A_MATRIX = 60  # more classes make a matrix that nobody can read


def details(run: Run, key: str) -> dict[str, list[Picture]]:
    """Pictures of a run; `key` goes before their ids."""
    found = {"Training": training([run], key)}
    voices, utterance = run.voices(), run.example()
    by_length = [] if voices is None else _by_length(voices, key)
    test = run.scores.get("test")
    if isinstance(test, ClassificationScores) and has_many_classes(run):
        found[classes_of(run).capitalize()] = [_recalls(test, run, key), *by_length]
    elif isinstance(test, ClassificationScores):
        found["Confusions"] = _confusions(test, run.info.classes, key)
        found["Length"] = by_length
    elif isinstance(test, RegressionScores):
        found["Predictions"] = _predictions(test, run, key)
    if (images := run.images()) is not None:
        found["Mistakes"] = _mistakes(images, run.info.classes, key)
        found["Where the model looks"] = _maps(images, run.info.classes, key)
    if (read := run.columns_read()) is not None:
        found["What the model reads"] = [_columns(read, key)]
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
    names, metric = ", ".join(labels(runs)), runs[0].metric
    drawn = metric.words.capitalize() + (" and loss" if metric.higher_is_better else "")
    pictures = []
    if "epoch" in kinds:
        pictures.append(
            Picture.of(
                learning_curves(runs),
                f"{key}-curves",
                f"{drawn} per epoch of {names}",
                f"{drawn} after each epoch, on the training and the validation split.",
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


def _confusions(test: ClassificationScores, classes: tuple[str, ...], key: str) -> list[Picture]:
    return [
        Picture.of(
            confusion(test, classes),
            f"{key}-confusion",
            f"Confusion matrix of {counted(len(classes), 'class')}",
            f"Each row holds the {test.unit} of one true class and sums to 100%.",
        ),
        Picture.of(
            per_class(test, classes),
            f"{key}-classes",
            f"Recall and F1 of {counted(len(classes), 'class')}",
            "How much of each class is found (bar), and F1, which also counts false alarms.",
        ),
    ]


def _recalls(test: ClassificationScores, run: Run, key: str) -> Picture:
    word = classes_of(run)
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
    if len(example.true) > EXAMPLE_SECONDS * example.spec.frames_per_second:
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
        f"Map of the embeddings of {counted(len(voices.speakers), 'test utterance')}",
        "Each point is the embedding of a test utterance, tied to the mean of its speaker. In "
        "colour: the speakers with the most utterances, and the map is the plane in which these "
        "vary most (PCA); what lies apart here is apart, what overlaps may still be apart.",
    )


def _mistakes(images: Images, classes: tuple[str, ...], key: str) -> list[Picture]:
    """Nothing where all is right."""
    places = surest_mistakes(images)
    if not places:
        return []
    wrong = int((images.true != images.predicted).sum())
    shown = "They are" if wrong == len(places) else f"The {len(places)} surest are"
    picture = Picture.of(
        draw_mistakes(images, places, classes),
        f"{key}-mistakes",
        f"{counted(len(places), 'misclassified test image')}: {_taken(images, places, classes)}",
        f"{wrong:,} of {len(images.true):,} test images are misclassified. {shown} shown, the "
        "most probable first: the class that was named with its probability, and the true one.",
    )
    return [photographic(picture)]


def _maps(images: Images, classes: tuple[str, ...], key: str) -> list[Picture]:
    """Nothing where no image has a map."""
    places = images.mapped.tolist()
    if not places:
        return []
    picture = Picture.of(
        draw_maps(images, classes),
        f"{key}-maps",
        f"Occlusion maps of {counted(len(places), 'test image')}: "
        f"{_taken(images, places, classes)}",
        "What an answer hangs on: a square of the image's mean colour covers one place after the "
        "other. Orange: the class that was named loses probability when this place is covered; "
        "blue: it gains. Each map has its own scale, up to its largest change. Right answers are "
        "of middling confidence, wrong ones those that the model was surest of.",
    )
    return [photographic(picture)]


def _taken(images: Images, places: list[int], classes: tuple[str, ...]) -> str:
    """What some images are, and what they are taken for."""
    return "; ".join(
        f"{classes[images.true[k]]} named {classes[images.predicted[k]]}" for k in places
    )


def _predictions(test: RegressionScores, run: Run, key: str) -> list[Picture]:
    features = run.info.features
    assert isinstance(features, TableSpec)
    errors = errors_of(test)
    return [
        Picture.of(
            predicted_against_true(test, features.target),
            f"{key}-predicted",
            f"Predicted against true {features.target} of {counted(test.count, 'test row')}",
            "Each point is a test row; on the line, the prediction is right.",
        ),
        Picture.of(
            error_histogram(test, features.target),
            f"{key}-errors",
            f"Histogram of the errors of {counted(test.count, 'test row')}",
            f"Errors have mean {_real_minus(errors.mean())} and deviation {errors.std():.3g}. "
            f"The worst twentieth of the rows makes {share_of_the_worst(test, 0.05):.0%} of all "
            "squared error; of normal errors it would make 28%.",
        ),
    ]


def _real_minus(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _columns(read: ColumnsRead, key: str) -> Picture:
    if read.weights is not None:
        return Picture.of(
            draw_weights(read.weights, read.names),
            f"{key}-columns",
            "The largest weights of columns in standard units",
            "Weights of a linear model, columns and target in standard units, largest first; "
            "orange: the more, the lower the prediction. Of columns that move together, one "
            "weight may undo another.",
        )
    assert read.importances is not None
    return Picture.of(
        draw_importances(read.importances, read.names),
        f"{key}-columns",
        "Permutation importance of columns",
        f"How much the test error grows when one column is shuffled among the rows: mean (bar) "
        f"and span (line) of {counted(len(read.importances), 'shuffle')}, largest first. Columns "
        "that say the same share it, for each stands in for the other.",
    )
