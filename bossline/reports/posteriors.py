"""Posteriors over time as a map, with the true phones and the path drawn on it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from bossline.reports.groups import grouped
from bossline.reports.segments import segments
from bossline.reports.style import GRID, INK, MUTED, NORMAL, SERIES, SMALL
from bossline.training.predictions import Example

LEAST = 0.15  # a posterior that makes a class worth a row
MOST_ROWS = 41  # all classes of LibriPhone; more would make a picture higher than a screen
_BLUE, _AMBER = SERIES[0], SERIES[4]
# Transparent at 0, so that the page shows through, light or dark.
_COLOURS = LinearSegmentedColormap.from_list("posterior", [(_BLUE, 0.0), (_BLUE, 1.0)])
# A square root lets what comes second show beside what is nearly certain.
_NORM = PowerNorm(0.5, vmin=0, vmax=1)
_IN_LEGEND = (0.05, 0.25, 1.0)
_PATH_WIDTH, _BOX_WIDTH = 0.9, 1.2  # points


def path_name(example: Example) -> str:
    """What a picture calls the classes that were chosen."""
    return "smoothed" if example.smoothed else "predicted"


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
    rate = example.frames_per_second
    place = np.full(len(classes), np.nan)
    place[rows] = np.arange(len(rows))
    axes.imshow(
        example.posteriors[:, rows].T,
        aspect="auto",
        interpolation="none",
        cmap=_COLOURS,
        norm=_NORM,
        extent=(0, len(example.true) / rate, len(rows) - 0.5, -0.5),
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    boxes = [
        Rectangle((start / rate, place[k] - 0.5), (stop - start) / rate, 1)
        for k, start, stop in segments(example.true)
        if k in rows
    ]
    axes.add_collection(
        PatchCollection(boxes, facecolor="none", edgecolor=_AMBER, linewidth=_BOX_WIDTH)
    )
    path = list(segments(example.predicted))
    last, _, end = path[-1]
    axes.step(
        [start / rate for _, start, _ in path] + [end / rate],
        place[[k for k, _, _ in path] + [last]],
        where="post",
        color=INK,
        linewidth=_PATH_WIDTH,
    )
    _name_rows(axes, rows, classes)
    _explain(axes, path_name(example))


def _name_rows(axes: Axes, rows: list[int], classes: tuple[str, ...]) -> None:
    """Names at the left; each phonetic class has its colour beside them and a line above."""
    axes.set_yticks(
        range(len(rows)), [classes[k] for k in rows], fontsize=SMALL, color=INK, parse_math=False
    )
    top = 0
    for group in grouped(classes):
        height = sum(k in rows for k in group.members)
        axes.add_patch(
            Rectangle(
                (-0.0045, top - 0.5),
                0.003,
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


def _explain(axes: Axes, path: str) -> None:
    """Title and legend, in one line above the map."""
    axes.set_title("posteriors", loc="left", fontsize=NORMAL, color=MUTED)
    shades = [Patch(color=_COLOURS(_NORM(p)), label=f"{p:.0%}") for p in _IN_LEGEND]
    marks = [
        Patch(facecolor="none", edgecolor=_AMBER, linewidth=_BOX_WIDTH, label="true"),
        Line2D([], [], color=INK, linewidth=_PATH_WIDTH, label=path),
    ]
    axes.legend(
        handles=shades + marks,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0,
        ncols=len(shades + marks),
        columnspacing=1.4,
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
    )
