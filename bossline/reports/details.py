"""The pictures of one run, by the heading that they stand under."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.core.language import term, tr
from bossline.figures.picture import Picture
from bossline.reports.curves import learning_curves, learning_rate
from bossline.reports.order import labels
from bossline.runs.run import Run
from bossline.tasks.classification import MOST_IN_A_MATRIX


def details(run: Run, key: str) -> dict[str, list[Picture]]:
    """Pictures of a run; `key` goes before their ids."""
    found = {tr("Training"): training([run], key), **run.task.show(run, key)}
    return {heading: pictures for heading, pictures in found.items() if pictures}


def has_many_classes(run: Run) -> bool:
    """Whether its classes are too many for a confusion matrix."""
    return len(run.info.classes) > MOST_IN_A_MATRIX


def training(runs: Sequence[Run], key: str) -> list[Picture]:
    """How the training of one or more runs went, as far as it got."""
    kinds = {row["kind"] for run in runs for row in run.metrics()}
    names, metric = tr(", ").join(labels(runs)), runs[0].metric
    drawn = term(metric.words).capitalize()
    if metric.higher_is_better:
        drawn = tr("{measure} and loss", measure=drawn)
    pictures = []
    if "epoch" in kinds:
        pictures.append(
            Picture.of(
                learning_curves(runs),
                f"{key}-curves",
                tr("{drawn} per epoch of {names}", drawn=drawn, names=names),
                tr(
                    "{drawn} after each epoch, on the training and the validation split.",
                    drawn=drawn,
                )
                if any(run.recipe.split.validation for run in runs)
                else tr(
                    "{drawn} of each epoch on the training split; nothing validates.", drawn=drawn
                ),
            )
        )
    if "step" in kinds:
        pictures.append(
            Picture.of(
                learning_rate(runs),
                f"{key}-rate",
                tr("Learning rate per step of {names}", names=names),
                tr("The schedule as it was run."),
            )
        )
    return pictures
