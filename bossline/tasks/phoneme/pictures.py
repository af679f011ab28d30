"""One utterance, seen and read: features, posteriors, true and predicted phones, confidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bossline.core.language import tr
from bossline.data.features.spec import FeatureSpec
from bossline.figures.phonetic_groups import grouped
from bossline.figures.picture import Picture
from bossline.figures.style import ERROR, INK, MUTED, NORMAL, dress, new_figure
from bossline.figures.utterance import (
    BOX,
    BOX_WIDTH,
    HEAT,
    ROW,
    STRIP,
    WIDTH,
    Said,
    draw_features,
    draw_shades,
    draw_strip,
    explain_above,
    name_rows,
    segments,
    span,
)
from bossline.tasks.base import OpenRun
from bossline.training.contents import PREDICTIONS

EXAMPLE_SECONDS = 4.0  # what fits into one picture


@dataclass(frozen=True)
class Example:
    """One utterance of the test split with what the model made of it."""

    id: str
    features: npt.NDArray[np.float32]  # (T, D)
    true: npt.NDArray[np.int64]  # (T,)
    posteriors: npt.NDArray[np.float32]  # (T, C)
    predicted: npt.NDArray[np.int64]  # (T,) the smoothed path, or the most probable classes
    smoothed: bool
    spec: FeatureSpec


def example_of(run: OpenRun) -> Example | None:
    """The first test utterance of a length that a picture can show; None before scoring."""
    found = run.at_hand("example", "example_predicted", "example_posteriors")
    if found is None:
        return None
    arrays, corpus = found
    utterance = int(arrays["example"][0])
    predicted = arrays["example_predicted"].astype(np.int64)
    if len(predicted) != corpus.lengths[utterance]:
        raise run.damaged(PREDICTIONS, f"example_predicted: {len(predicted)} frames")
    return Example(
        id=corpus.ids[utterance],
        features=corpus.frames(utterance).astype(np.float32),
        true=corpus.frame_labels(utterance).astype(np.int64),
        posteriors=arrays["example_posteriors"].astype(np.float32),
        predicted=predicted,
        smoothed=run.recipe.smoothing is not None,
        spec=corpus.speech,
    )


def example_picture(utterance: Example, classes: tuple[str, ...], key: str) -> Picture:
    """The example on its way onto the page."""
    return Picture.of(
        example(utterance, classes),
        f"{key}-example",
        tr(
            "Features, posteriors, true and {chosen} phones of {id}",
            chosen=path_name(utterance),
            id=utterance.id,
        ),
        _what_is_seen(utterance),
        stacks=False,
    )


def _what_is_seen(example: Example) -> str:
    hits = float((example.true == example.predicted).mean())
    text = tr(
        "{id}: {share:.1%} of all its frames are labelled correctly", id=example.id, share=hits
    )
    if example.smoothed:
        unsmoothed = float((example.true == example.posteriors.argmax(axis=1)).mean())
        text += tr(", {share:.1%} before smoothing", share=unsmoothed)
    if len(example.true) > EXAMPLE_SECONDS * example.spec.frames_per_second:
        text += tr("; its first {seconds:g} seconds are seen", seconds=EXAMPLE_SECONDS)
    return tr(
        "{what}. The bluer, the more probable; boxes are the true phones, the line runs through "
        "the {chosen} ones. Rows are the phones that are true, {chosen} or at least {least:.0%} "
        "probable here.",
        what=text,
        chosen=path_name(example),
        least=LEAST,
    )


# Posteriors over time as a map, with the true phones and the path drawn on it.


LEAST = 0.15  # a posterior that makes a class worth a row
MOST_ROWS = 41  # all classes of LibriPhone; more would make a picture higher than a screen
_PATH_WIDTH = 0.9  # points


def path_name(example: Example) -> str:
    """What a picture calls the classes that were chosen."""
    return tr("smoothed") if example.smoothed else tr("predicted")


def classes_that_matter(example: Example, classes: tuple[str, ...]) -> list[int]:
    """Classes that are true, chosen or at least `LEAST` probable in a frame, in phonetic order.

    Of more than `MOST_ROWS`, those stay that have the most frames and probability.
    """
    said = np.bincount(np.concatenate([example.true, example.predicted]), minlength=len(classes))
    matter = np.flatnonzero((said > 0) | (example.posteriors.max(axis=0) >= LEAST))
    weight = said + example.posteriors.sum(axis=0)
    heaviest = set(matter[np.argsort(-weight[matter], kind="stable")][:MOST_ROWS])
    return [k for group in grouped(classes) for k in group.members if k in heaviest]


def draw_posteriors(
    axes: Axes, example: Example, rows: list[int], classes: tuple[str, ...]
) -> None:
    """Posteriors as colour, true phones as boxes, the path as a stepped line through its rows.

    Args:
        axes: dressed.
        example: as much of it as is shown.
        rows: classes from top to bottom; a path has a gap where its class is not among them.
        classes: all names.
    """
    edges = example.spec.frame_edges(len(example.true))
    place = np.full(len(classes), np.nan)
    place[rows] = np.arange(len(rows))
    draw_shades(axes, example.posteriors[:, rows].T, span(example.spec, len(example.true)))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    boxes = [
        Rectangle((edges[start], place[k] - 0.5), edges[stop] - edges[start], 1)
        for k, start, stop in segments(example.true)
        if k in rows
    ]
    axes.add_collection(
        PatchCollection(boxes, facecolor="none", edgecolor=BOX, linewidth=BOX_WIDTH)
    )
    path = list(segments(example.predicted))
    last, _, end = path[-1]
    axes.step(
        edges[[start for _, start, _ in path] + [end]],
        place[[k for k, _, _ in path] + [last]],
        where="post",
        color=INK,
        linewidth=_PATH_WIDTH,
    )
    groups = [(group, sum(k in rows for k in group.members)) for group in grouped(classes)]
    name_rows(axes, [classes[k] for k in rows], groups)
    path_line = Line2D([], [], color=INK, linewidth=_PATH_WIDTH, label=path_name(example))
    explain_above(axes, tr("posteriors"), [path_line])


# One utterance, seen and read: features, posteriors, true and predicted phones, confidence.


_CONFIDENCE, _BETWEEN = 0.7, 1.4  # inches


def example(example: Example, classes: tuple[str, ...]) -> Figure:
    """The first seconds of an utterance: features, posteriors with paths, strips, confidence."""
    shown = _beginning(example)
    edges = shown.spec.frame_edges(len(shown.true))
    strips = {tr("true"): shown.true, tr("predicted"): shown.posteriors.argmax(axis=1)}
    if shown.smoothed:
        strips[tr("smoothed")] = shown.predicted
    rows = classes_that_matter(shown, classes)
    heights = [HEAT, ROW * len(rows), *[STRIP] * len(strips), _CONFIDENCE]
    figure = new_figure(WIDTH, sum(heights) + _BETWEEN)
    heat, posteriors, *bands, confidence = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights
    )
    dress(heat)
    draw_features(heat, shown.features, span(shown.spec, len(shown.true)))
    dress(posteriors)
    draw_posteriors(posteriors, shown, rows, classes)
    colours = {k: group.colour for group in grouped(classes) for k in group.members}
    for axes, (title, row) in zip(bands, strips.items(), strict=True):
        dress(axes)
        phones = [
            Said(edges[start], edges[stop], classes[k], colours[k])
            for k, start, stop in segments(row)
        ]
        draw_strip(axes, title, phones, edges[-1])
    dress(confidence, x=tr("seconds"), grid="y")
    _confidence(confidence, shown)
    confidence.set_xlim(0, edges[-1])
    return figure


def _beginning(example: Example) -> Example:
    """As much as stays readable."""
    frames = slice(round(EXAMPLE_SECONDS * example.spec.frames_per_second))
    return replace(
        example,
        features=example.features[frames],
        true=example.true[frames],
        posteriors=example.posteriors[frames],
        predicted=example.predicted[frames],
    )


def _confidence(axes: Axes, example: Example) -> None:
    """The posterior of the class that was chosen, errors shaded."""
    edges = example.spec.frame_edges(len(example.true))
    wrong = [
        (edges[start], edges[stop] - edges[start])
        for differs, start, stop in segments((example.true != example.predicted).astype(np.int64))
        if differs
    ]
    axes.broken_barh(wrong, (0, 1), facecolor=ERROR, alpha=0.28, linewidth=0)
    chosen = np.take_along_axis(example.posteriors, example.predicted[:, None], axis=1)[:, 0]
    axes.plot(example.spec.frame_centres(len(chosen)), chosen, color=INK, linewidth=1.2)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1])
    axes.set_title(
        tr("posterior of the {chosen} phone; shaded: wrong", chosen=path_name(example)),
        loc="left",
        fontsize=NORMAL,
        color=MUTED,
    )
