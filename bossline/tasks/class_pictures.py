"""Pictures of what classification tasks score: which classes are found, and taken for which."""

from __future__ import annotations

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.evaluation.classification import ClassificationScores
from bossline.figures.classes import never_and_always, per_class, recalls
from bossline.figures.confusion import confusion
from bossline.figures.picture import Picture


def confusion_pictures(
    test: ClassificationScores, classes: tuple[str, ...], key: str
) -> list[Picture]:
    """The matrix of confusions, and how much of each class is found; `key` begins their ids."""
    return [
        Picture.of(
            confusion(test, classes),
            f"{key}-confusion",
            tr("Confusion matrix of {classes}", classes=counted(len(classes), "class")),
            tr(
                "Each row holds the {units} of one true class in percent; a class without any is "
                "blank.",
                units=term(test.unit),
            ),
            stacks=False,
        ),
        Picture.of(
            per_class(test, classes),
            f"{key}-classes",
            tr("Recall and F1 of {classes}", classes=counted(len(classes), "class")),
            tr("How much of each class is found (bar), and F1, which also counts false alarms."),
        ),
    ]


def recall_picture(test: ClassificationScores, word: str, key: str) -> Picture:
    """How many classes are found how often, where there are too many for a matrix.

    Args:
        word: what the classes are called.
    """
    never, always = never_and_always(test)
    return Picture.of(
        recalls(test, word),
        f"{key}-recalls",
        tr("Histogram of the recall of {classes}", classes=word),
        tr(
            "How many {classes} have which share of their test {units} recognised; {never:,} are "
            "never recognised, {always:,} always.",
            classes=word,
            units=term(test.unit),
            never=never,
            always=always,
        ),
    )
