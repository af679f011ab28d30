"""One self-contained HTML page about one run or a whole ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from bossline.errors import UserError
from bossline.evaluation.comparison import Comparison, paired_difference
from bossline.evaluation.scores import Scores
from bossline.files import write_text
from bossline.reports import wording
from bossline.reports.confusion import confused_pairs, confusion, per_class
from bossline.reports.curves import learning_curves, learning_rate
from bossline.reports.example import example
from bossline.reports.ladder import ladder
from bossline.reports.order import from_the_lowest_rung, labels
from bossline.reports.posteriors import LEAST, path_name
from bossline.reports.style import svg
from bossline.training.run import EXAMPLE_SECONDS, Example, Run, target_of

_CSS_PIXELS_AN_INCH = 96


@dataclass(frozen=True)
class _Picture:
    """A figure ready for the page; `width` in CSS pixels is the size at which its text is meant."""

    svg: Markup
    width: int
    caption: str


@dataclass(frozen=True)
class _Step:
    """A run against the one before it; no comparison where the test sets differ."""

    upper: str
    lower: str
    comparison: Comparison | None


def write_report(runs: Sequence[Run], path: Path, title: str | None = None) -> Path:
    """Write a page with scores, comparisons and pictures of some runs.

    The same runs give the same bytes. Unfinished runs are shown as far as they got.

    Args:
        runs: at least one, in any order; the page goes from the lowest target up.
        path: the HTML file; replaced as a whole.
        title: of the page; by default the name of the runs' recipes.

    Raises:
        UserError: no runs, or the file cannot be written.
    """
    if not runs:
        raise UserError("a report needs at least one run")
    ordered = from_the_lowest_rung(runs)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = templates.get_template("page.html.j2").render(
        title=title or _title(ordered),
        entries=list(zip(labels(ordered), ordered, strict=True)),
        notes=list(dict.fromkeys(r.info.corpus_note for r in ordered if r.info.corpus_note)),
        steps=_steps(ordered),
        overview=_overview(ordered),
        curves=_curves(ordered, "all") if len(ordered) > 1 else [],
        details=_details,
        pairs=lambda run: confused_pairs(run.scores["test"], run.info.classes),
        recipe_of=lambda run: yaml.safe_dump(
            run.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True
        ),
        target_of=target_of,
        wording=wording,
    )
    write_text(path, html)
    return path


def _title(runs: Sequence[Run]) -> str:
    names = labels(runs)
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _steps(runs: Sequence[Run]) -> list[_Step]:
    scored = [
        (name, run.scores["test"])
        for name, run in zip(labels(runs), runs, strict=True)
        if "test" in run.scores
    ]
    rungs = [
        _Step(upper, lower, _compare(above, below))
        for (lower, below), (upper, above) in pairwise(scored)
    ]
    smoothing = [
        _Step(name, f"{name}, unsmoothed", _compare(run.scores["test"], unsmoothed))
        for name, run in zip(labels(runs), runs, strict=True)
        if (unsmoothed := run.scores.get("test, unsmoothed")) is not None
    ]
    return rungs + smoothing


def _compare(above: Scores, below: Scores) -> Comparison | None:
    try:
        return paired_difference(above, below)
    except UserError:
        return None


def _overview(runs: Sequence[Run]) -> _Picture:
    scored = [
        f"{name} {run.scores['test'].accuracy.value:.4f}"
        for name, run in zip(labels(runs), runs, strict=True)
        if "test" in run.scores
    ]
    return _picture(
        ladder(runs),
        "ladder",
        f"Test accuracy against target: {', '.join(scored) or 'no scores yet'}",
        "Test accuracy with its 95% interval, and the target of each rung.",
    )


def _curves(runs: Sequence[Run], key: str) -> list[_Picture]:
    kinds = {row["kind"] for run in runs for row in run.metrics()}
    names = ", ".join(labels(runs))
    pictures = []
    if "epoch" in kinds:
        pictures.append(
            _picture(
                learning_curves(runs),
                f"{key}-curves",
                f"Accuracy and loss per epoch of {names}",
                "Accuracy and loss after each epoch, on the training and the validation split.",
            )
        )
    if "step" in kinds:
        pictures.append(
            _picture(
                learning_rate(runs),
                f"{key}-rate",
                f"Learning rate per step of {names}",
                "The schedule as it was run.",
            )
        )
    return pictures


def _details(run: Run, key: str) -> dict[str, list[_Picture]]:
    """The pictures of one run, by the heading they stand under."""
    classes, found = run.info.classes, {"Training": _curves([run], key)}
    if "test" in run.scores:
        test = run.scores["test"]
        found["Confusions"] = [
            _picture(
                confusion(test, classes),
                f"{key}-confusion",
                f"Confusion matrix of {len(classes)} classes",
                "Each row holds the frames of one true class and sums to 100%.",
            ),
            _picture(
                per_class(test, classes),
                f"{key}-classes",
                f"Recall and F1 of {len(classes)} classes",
                "How much of each class is found (bar), and F1, which also counts false alarms.",
            ),
        ]
    utterance = run.example()
    if utterance is not None:
        found["An utterance"] = [
            _picture(
                example(utterance, classes),
                f"{key}-example",
                f"Features, posteriors, true and {path_name(utterance)} phones of {utterance.id}",
                _what_is_seen(utterance),
            )
        ]
    return {heading: pictures for heading, pictures in found.items() if pictures}


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


def _picture(figure: Figure, key: str, label: str, caption: str) -> _Picture:
    width = round(figure.get_figwidth() * _CSS_PIXELS_AN_INCH)
    return _Picture(svg(figure, label, key), width, caption)
