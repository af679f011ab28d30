"""One utterance, seen and read: features, posteriors, true and predicted phones, confidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bossline.reports.groups import grouped
from bossline.reports.posteriors import classes_that_matter, draw_posteriors, path_name
from bossline.reports.segments import segments
from bossline.reports.style import ERROR, INK, MUTED, NORMAL, SMALL, dress, new_figure
from bossline.training.predictions import EXAMPLE_SECONDS, Example

# Inches: the figure's width, the height of its parts, and what lies between them.
_WIDTH = 11.4
_FEATURES, _ROW, _STRIP, _CONFIDENCE, _BETWEEN = 1.3, 0.145, 0.27, 0.7, 1.4
_LETTER = 0.075  # inches that a letter of a phone's name takes


def example(example: Example, classes: tuple[str, ...]) -> Figure:
    """The first seconds of an utterance: features, posteriors with paths, strips, confidence."""
    shown = _beginning(example)
    end = len(shown.true) / shown.frames_per_second
    strips = {"true": shown.true, "predicted": shown.posteriors.argmax(axis=1)}
    if shown.smoothed:
        strips["smoothed"] = shown.predicted
    rows = classes_that_matter(shown, classes)
    heights = [_FEATURES, _ROW * len(rows), *[_STRIP] * len(strips), _CONFIDENCE]
    figure = new_figure(_WIDTH, sum(heights) + _BETWEEN)
    heat, posteriors, *bands, confidence = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights
    )
    dress(heat)
    _features(heat, shown.features, end)
    dress(posteriors)
    draw_posteriors(posteriors, shown, rows, classes)
    colours = {k: group.colour for group in grouped(classes) for k in group.members}
    for axes, (title, row) in zip(bands, strips.items(), strict=True):
        dress(axes)
        axes.set_yticks([0.5], [title], color=INK)
        _strip(axes, row, shown.frames_per_second, end, classes, colours)
    dress(confidence, x="seconds", grid="y")
    _confidence(confidence, shown)
    confidence.set_xlim(0, end)
    return figure


def _beginning(example: Example) -> Example:
    """As much as stays readable."""
    frames = slice(round(EXAMPLE_SECONDS * example.frames_per_second))
    return replace(
        example,
        features=example.features[frames],
        true=example.true[frames],
        posteriors=example.posteriors[frames],
        predicted=example.predicted[frames],
    )


def _features(axes: Axes, features: npt.NDArray[np.float32], end: float) -> None:
    """Features (T, D) as a heat map that ends at `end` seconds."""
    low, high = np.quantile(features, [0.01, 0.99])  # an outlier must not bleach the rest
    axes.imshow(
        features.T,
        aspect="auto",
        origin="lower",
        interpolation="none",
        cmap="viridis",
        vmin=float(low),
        vmax=float(high),
        extent=(0, end, -0.5, features.shape[1] - 0.5),
    )
    axes.set_title("features", loc="left", fontsize=NORMAL, color=MUTED)


def _confidence(axes: Axes, example: Example) -> None:
    """The posterior of the class that was chosen, errors shaded."""
    rate = example.frames_per_second
    wrong = [
        (start / rate, (stop - start) / rate)
        for differs, start, stop in segments((example.true != example.predicted).astype(np.int64))
        if differs
    ]
    axes.broken_barh(wrong, (0, 1), facecolor=ERROR, alpha=0.28, linewidth=0)
    chosen = np.take_along_axis(example.posteriors, example.predicted[:, None], axis=1)[:, 0]
    axes.plot((np.arange(len(chosen)) + 0.5) / rate, chosen, color=INK, linewidth=1.2)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1])
    axes.set_title(
        f"posterior of the {path_name(example)} phone; shaded: wrong",
        loc="left",
        fontsize=NORMAL,
        color=MUTED,
    )


def _strip(
    axes: Axes,
    row: npt.NDArray[np.int64],
    rate: float,
    end: float,
    classes: tuple[str, ...],
    colours: dict[int, str],
) -> None:
    """Coloured segments, named where the name fits."""
    axes.set_ylim(0, 1)
    for k, start, stop in segments(row):
        width = (stop - start) / rate
        axes.broken_barh(
            [(start / rate, width)], (0, 1), facecolor=colours[k], edgecolor="white", linewidth=0.7
        )
        if width / end * _WIDTH * 0.92 > _LETTER * len(classes[k]) + 0.03:
            axes.text(
                start / rate + width / 2,
                0.47,
                classes[k],
                fontsize=SMALL,
                color=_readable_on(colours[k]),
                horizontalalignment="center",
                verticalalignment="center",
                parse_math=False,
            )


def _readable_on(colour: str) -> str:
    """Black or white, whichever stands out (relative luminance of WCAG)."""
    linear = [((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
