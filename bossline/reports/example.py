"""One utterance, seen and read: features, true phones, predicted phones, confidence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bossline.reports.groups import grouped
from bossline.reports.style import ERROR, INK, MUTED, NORMAL, SMALL, dress, new_figure
from bossline.training.run import Example

SECONDS = 4.0  # as much as stays readable on one line
_WIDTH = 11.4  # inches
_LETTER = 0.075  # inches that a letter of a phone's name takes


def example(example: Example, classes: tuple[str, ...]) -> Figure:
    """The first seconds of an utterance: features over true phones, predicted phones, errors."""
    rate = example.frames_per_second
    frames = min(len(example.true), round(SECONDS * rate))
    end = frames / rate
    true, predicted = example.true[:frames], example.predicted[:frames]
    figure = new_figure(_WIDTH, 4.3)
    heat, strip_true, strip_predicted, confidence = figure.subplots(
        4, 1, sharex=True, height_ratios=[4.2, 0.8, 0.8, 1.8]
    )
    dress(heat, y="feature")
    features = example.features[:frames].T
    low, high = np.quantile(features, [0.01, 0.99])  # an outlier must not bleach the rest
    heat.imshow(
        features,
        aspect="auto",
        origin="lower",
        interpolation="none",
        cmap="viridis",
        vmin=float(low),
        vmax=float(high),
        extent=(0, end, -0.5, features.shape[0] - 0.5),
    )
    colours = {k: group.colour for group in grouped(classes) for k in group.members}
    for axes, row, title in (
        (strip_true, true, "true"),
        (strip_predicted, predicted, "predicted"),
    ):
        dress(axes)
        axes.set_yticks([0.5], [title], color=INK)
        _strip(axes, row, rate, end, classes, colours)
    dress(confidence, x="seconds", grid="y")
    times = (np.arange(frames) + 0.5) / rate
    confidence.fill_between(
        np.arange(frames + 1) / rate,
        0,
        1,
        where=np.append(true != predicted, False),
        step="post",
        color=ERROR,
        alpha=0.28,
        linewidth=0,
    )
    confidence.plot(times, example.confidence[:frames], color=INK, linewidth=1.2)
    confidence.set(xlim=(0, end), ylim=(0, 1.02))
    confidence.set_yticks([0, 0.5, 1])
    confidence.set_title(
        "confidence of the prediction; shaded: wrong", loc="left", fontsize=NORMAL, color=MUTED
    )
    return figure


def _segments(row: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Runs of equal classes: (class, first frame, frame after the last)."""
    edges = np.flatnonzero(np.diff(row)) + 1
    starts, stops = [0, *edges], [*edges, len(row)]
    for start, stop in zip(starts, stops, strict=True):
        yield int(row[start]), int(start), int(stop)


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
    for k, start, stop in _segments(row):
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
