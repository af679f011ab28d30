"""Parts of a picture of one utterance: features, posteriors, and phones over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from bossline.core.language import tr
from bossline.data.features.spec import FeatureSpec
from bossline.figures.phonetic_groups import Group
from bossline.figures.style import (
    GRID,
    HEAT_COLOURS,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SERIES,
    SMALL,
    readable_on,
)

WIDTH = 11.4
"""Inches, of a figure with time from left to right."""

ROW, STRIP, HEAT = 0.145, 0.27, 1.3
"""Inches: how high a row of a map, a strip of phones, and a map of features are."""

LETTER = 0.075  # inches that a letter of a phone's name takes
_PLOT = 0.92  # the share of the width that lies between the axes


def segments(row: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Runs of equal classes: (class, first frame, frame after the last).

    >>> list(segments(np.array([7, 7, 2])))
    [(7, 0, 2), (2, 2, 3)]
    """
    edges = np.flatnonzero(np.diff(row)) + 1
    starts, stops = [0, *edges], [*edges, len(row)]
    for start, stop in zip(starts, stops, strict=True):
        yield int(row[start]), int(start), int(stop)


def span(spec: FeatureSpec, count: int) -> tuple[float, float]:
    """Left and right of a map of so many frames, all of one width, in seconds."""
    edges = spec.frame_edges(count)
    first = spec.frame_centres(1)[0]
    return float(2 * first - edges[1]), float(edges[-1])


def draw_features(
    axes: Axes, features: npt.NDArray[np.float32], reach: tuple[float, float]
) -> None:
    """A heat map of features (T, D), from left to right in seconds."""
    low, high = np.quantile(features, [0.01, 0.99])  # an outlier must not bleach the rest
    axes.imshow(
        features.T,
        aspect="auto",
        origin="lower",
        interpolation="none",
        cmap=HEAT_COLOURS,
        vmin=float(low),
        vmax=float(high),
        extent=(*reach, -0.5, features.shape[1] - 0.5),
    )
    axes.set_title(tr("features"), loc="left", fontsize=NORMAL, color=MUTED)


# Probabilities as colour.


def _shades(colour: str) -> LinearSegmentedColormap:
    """Transparent at 0, so that the page shows through, light or dark."""
    return LinearSegmentedColormap.from_list("shades", [to_rgba(colour, a) for a in (0.0, 1.0)])


SHADES, FAINT = _shades(SERIES[0]), _shades("#8a929c")
BOX, BOX_WIDTH = SERIES[4], 1.2  # what is true, and points
# A square root lets what comes second show beside what is nearly certain.
_NORM = PowerNorm(0.5, vmin=0, vmax=1)
_IN_LEGEND = (0.05, 0.25, 1.0)


def draw_shades(
    axes: Axes,
    rows: npt.NDArray[np.floating],
    reach: tuple[float, float],
    *,
    first: int = 0,
    colours: LinearSegmentedColormap = SHADES,
) -> None:
    """Probabilities (R, T) over time, from left to right in seconds, row `first` at the top."""
    axes.imshow(
        rows,
        aspect="auto",
        interpolation="none",
        cmap=colours,
        norm=_NORM,
        extent=(*reach, first + len(rows) - 0.5, first - 0.5),
    )


def shade_patches() -> list[Patch]:
    """What the colours of `draw_shades` mean, for a legend."""
    return [Patch(color=SHADES(_NORM(p)), label=f"{p:.0%}") for p in _IN_LEGEND]


def explain_above(axes: Axes, title: str, more: Sequence[Artist] = ()) -> None:
    """Title and legend of a map of `draw_shades`, in one line above it.

    Args:
        more: what else the legend tells.
    """
    axes.set_title(title, loc="left", fontsize=NORMAL, color=MUTED)
    handles = [*shade_patches(), true_patch(), *more]
    axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0,
        ncols=len(handles),
        columnspacing=1.4,
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
    )


def true_patch() -> Patch:
    return Patch(facecolor="none", edgecolor=BOX, linewidth=BOX_WIDTH, label=tr("true"))


def name_rows(axes: Axes, names: Sequence[str], groups: Iterable[tuple[Group, int]]) -> None:
    """Names at the left; each group has its colour beside them and a line above.

    Args:
        names: of the rows, from the top.
        groups: each with its number of rows.
    """
    axes.set_yticks(range(len(names)), names, fontsize=SMALL, color=INK, parse_math=False)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)  # no figure of ours has others in it
    top, inch = 0, 1 / figure.get_figwidth()
    for group, height in groups:
        axes.add_patch(
            Rectangle(
                (-0.05 * inch, top - 0.5),
                0.034 * inch,
                height,
                transform=axes.get_yaxis_transform(),
                color=group.colour,
                linewidth=0,
                clip_on=False,
            )
        )
        if top and height:
            axes.axhline(top - 0.5, color=GRID, linewidth=0.8, zorder=0)
        top += height


# Phones in a line.


class Said(NamedTuple):
    """A phone in time."""

    start: float  # seconds
    end: float
    name: str
    colour: str


def draw_strip(axes: Axes, title: str, phones: Iterable[Said], seconds: float) -> None:
    """Coloured segments, named where the name fits.

    Args:
        axes: dressed.
        title: at the left.
        phones: in any order.
        seconds: of the whole axis.
    """
    axes.set_yticks([0.5], [title], color=INK)
    axes.set_ylim(0, 1)
    for phone in phones:
        width = phone.end - phone.start
        axes.broken_barh(
            [(phone.start, width)],
            (0, 1),
            facecolor=phone.colour,
            edgecolor=PAPER,
            linewidth=0.7,
        )
        if width / seconds * WIDTH * _PLOT > LETTER * len(phone.name) + 0.03:
            axes.text(
                phone.start + width / 2,
                0.47,
                phone.name,
                fontsize=SMALL,
                color=readable_on(phone.colour),
                horizontalalignment="center",
                verticalalignment="center",
                parse_math=False,
            )
