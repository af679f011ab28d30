"""One utterance: features, posteriors, true and told phones in time, and their alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.figures.phonetic_groups import Group, grouped
from bossline.figures.picture import Picture
from bossline.figures.style import (
    ERROR,
    INK,
    MUTED,
    NORMAL,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    readable_on,
)
from bossline.figures.utterance import (
    BOX,
    BOX_WIDTH,
    FAINT,
    HEAT,
    LETTER,
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
from bossline.tasks.transcribe.decoding.edits import Alignment
from bossline.tasks.transcribe.example import SECONDS
from bossline.tasks.transcribe.pictures.heard import Example
from bossline.tasks.transcribe.transcripts import CONFIDENCE, END, START, SYMBOL

LEAST = 0.15  # a posterior that makes a phone worth a row
_TOLD, _CONFIDENCE, _BETWEEN = 0.5, 0.7, 1.3  # inches

KINDS = {"substitution": SERIES[1], "deletion": SERIES[0], "insertion": SERIES[2]}
"""The colours of errors, wherever they are told apart."""


def example_pictures(example: Example, classes: tuple[str, ...], key: str) -> list[Picture]:
    """The utterance in time, and its alignment."""
    aligned = example.heard.alignment
    counts = error_counts(aligned)
    text = tr(
        "{id}: {errors} in {phones} ({kinds})",
        id=example.id,
        errors=counted(sum(counts.values()), "error"),
        phones=counted(len(example.heard.said[0]), "phone"),
        kinds=tr(", ").join(counted(n, kind) for kind, n in counts.items()),
    )
    if len(example.true) > _frames(example):
        text += tr("; its first {seconds:g} seconds are seen", seconds=SECONDS)
    text += tr(".")
    if example.posteriors is not None:
        text += tr(
            " The bluer, the more probable, and {nothing} in grey; boxes are the true phones. Rows "
            "are the phones that are true, told or at least {least:.0%} probable.",
            nothing=term(example.nothing),
            least=LEAST,
        )
    text += tr(" A told phone has its time as a bar below its name.")
    pairs = tr("; the first {count} pairs", count=MOST_PAIRS)
    return [
        Picture.of(
            utterance(example, classes),
            f"{key}-utterance",
            tr("Features, true and told phones of {id}", id=example.id),
            text,
            stacks=False,
        ),
        Picture.of(
            alignment(aligned, classes),
            f"{key}-alignment",
            tr("True and told phones of {id}, one below the other", id=example.id),
            tr("What was said above what was told, with as few errors as possible")
            + (pairs if len(aligned.references) > MOST_PAIRS else "")
            + tr("."),
            stacks=False,
        ),
    ]


def error_counts(aligned: Alignment) -> dict[str, int]:
    """Errors of all utterances, by kind."""
    counts = aligned.substitutions, aligned.deletions, aligned.insertions
    return {kind: int(count.sum()) for kind, count in zip(KINDS, counts, strict=True)}


# In time.


@dataclass(frozen=True)
class _Shown:
    """What of an utterance is seen: frames, and rows of told phones with whether each is right."""

    frames: int
    rows: np.ndarray
    right: np.ndarray


def _frames(example: Example) -> int:
    return min(len(example.true), round(SECONDS * 1.15 * example.spec.frames_per_second))


def _shown(example: Example) -> _Shown:
    frames = _frames(example)
    rows = example.heard.told[0]
    inside = rows[:, START] < frames
    return _Shown(frames, rows[inside], example.heard.right[inside])


def utterance(example: Example, classes: tuple[str, ...]) -> Figure:
    """Features, posteriors where the model has them, strips of phones, and confidence."""
    shown = _shown(example)
    end = float(example.seconds(shown.frames))
    symbols = phones_that_matter(example, classes)
    maps = [ROW * (len(symbols) + 1)] if example.posteriors is not None else []
    heights = [HEAT, *maps, STRIP, _TOLD, _CONFIDENCE]
    figure = new_figure(WIDTH, sum(heights) + _BETWEEN)
    heat, *between, true, told, confidence = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights
    )
    dress(heat)
    draw_features(heat, example.features[: shown.frames], span(example.spec, shown.frames))
    for axes in between:
        dress(axes)
        _posteriors(axes, example, shown.frames, symbols, classes)
    groups = grouped(classes)
    colours = {k + 1: group.colour for group in groups for k in group.members}
    dress(true)
    edges = example.seconds(np.arange(shown.frames + 1)).tolist()
    phones = [
        Said(edges[start], edges[stop], classes[k - 1], colours[k])
        for k, start, stop in segments(example.true[: shown.frames])
        if k
    ]
    draw_strip(true, tr("true") if phones else tr("true: no times"), phones, end)
    dress(told)
    _told(told, example, shown, classes, colours, end)
    dress(confidence, x=tr("seconds"), grid="y")
    _confidence(confidence, example, shown)
    confidence.set_xlim(0, end)
    return figure


def phones_that_matter(example: Example, classes: tuple[str, ...]) -> list[int]:
    """Symbols that are true, told or at least `LEAST` probable in a step, in phonetic order."""
    shown = _shown(example)
    matter = {*example.true[: shown.frames].tolist(), *shown.rows[:, SYMBOL].astype(int).tolist()}
    if example.posteriors is not None:
        steps = -(-shown.frames // example.frames_per_step)
        probable = example.posteriors[:steps].max(axis=0) >= LEAST
        matter |= set(np.flatnonzero(probable).tolist())
    return [k + 1 for group in grouped(classes) for k in group.members if k + 1 in matter]


def _posteriors(
    axes: Axes, example: Example, frames: int, symbols: list[int], classes: tuple[str, ...]
) -> None:
    assert example.posteriors is not None
    steps = -(-frames // example.frames_per_step)
    seen, reach = example.posteriors[:steps], example.reach(steps)
    draw_shades(axes, seen[:, symbols].T, reach)
    draw_shades(axes, seen[:, :1].T, reach, first=len(symbols), colours=FAINT)
    axes.set_ylim(len(symbols) + 0.6, -0.6)
    edges = example.seconds(np.arange(frames + 1))
    boxes = [
        Rectangle((edges[start], symbols.index(k) - 0.5), edges[stop] - edges[start], 1)
        for k, start, stop in segments(example.true[:frames])
        if k
    ]
    axes.add_collection(
        PatchCollection(boxes, facecolor="none", edgecolor=BOX, linewidth=BOX_WIDTH)
    )
    groups = [(g, sum(k + 1 in symbols for k in g.members)) for g in grouped(classes)]
    nothing = Group(example.nothing, "#8a929c", ())
    names = [*(classes[k - 1] for k in symbols), term(example.nothing)]
    name_rows(axes, names, [*groups, (nothing, 1)])
    explain_above(axes, tr("posteriors"))


def _told(
    axes: Axes,
    example: Example,
    shown: _Shown,
    classes: tuple[str, ...],
    colours: dict[int, str],
    end: float,
) -> None:
    """Names with their times as bars below: CTC tells a phone in a moment, too short for a name."""
    axes.set_yticks([0.62], [tr("told")], color=INK)
    axes.set_ylim(0, 1)
    starts, stops = (example.seconds(shown.rows[:, column]) for column in (START, END))
    middles = (starts + stops) / 2
    ends = [-1.0, -1.0]  # of the last name in each of two lines
    for row, start, stop, middle in zip(shown.rows, starts, stops, middles, strict=True):
        symbol = int(row[SYMBOL])
        width = max(stop - start, 0.002 * end)
        axes.broken_barh([(start, width)], (0, 0.28), facecolor=colours[symbol], linewidth=0)
        name = classes[symbol - 1]
        half = (LETTER * len(name) + 0.03) / 2 / WIDTH * end
        line = next((line for line in (0, 1) if middle - half >= ends[line]), None)
        if line is None:
            continue
        ends[line] = middle + half
        axes.text(
            middle,
            0.47 + 0.34 * line,
            name,
            fontsize=SMALL,
            color=INK,
            horizontalalignment="center",
            verticalalignment="center",
            parse_math=False,
        )


def _confidence(axes: Axes, example: Example, shown: _Shown) -> None:
    starts, stops = (example.seconds(shown.rows[:, column]) for column in (START, END))
    axes.vlines(
        (starts + stops) / 2,
        0,
        shown.rows[:, CONFIDENCE],
        color=[SERIES[0] if right else ERROR for right in shown.right],
        linewidth=3,
    )
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 1])
    axes.set_title(
        tr("confidence of the told phones; orange: wrong"),
        loc="left",
        fontsize=NORMAL,
        color=MUTED,
    )


# The alignment.


_IN_A_LINE, _LINES = 44, 3
MOST_PAIRS = _IN_A_LINE * _LINES
_GAP = 0.7  # between two lines, where a row of phones is 1


def alignment(aligned: Alignment, classes: tuple[str, ...]) -> Figure:
    """What was said above what was told, errors in colour.

    Args:
        aligned: of one utterance.
        classes: names of symbols 1, 2, ...
    """
    lines = min(_LINES, max(1, -(-len(aligned.references) // _IN_A_LINE)))
    height = lines * (2 + _GAP)
    figure = new_figure(WIDTH, 0.24 * height + 0.4)
    axes = figure.subplots()
    dress(axes)
    axes.set_xticks([])
    ticks = [line * (2 + _GAP) + row for line in range(lines) for row in (0.5, 1.5)]
    axes.set_yticks(ticks, [tr("true"), tr("told")] * lines, fontsize=SMALL, color=MUTED)
    axes.set(xlim=(0, _IN_A_LINE), ylim=(height - _GAP, 0))
    for place, pair in enumerate(zip(aligned.references, aligned.hypotheses, strict=True)):
        if place == MOST_PAIRS:
            break
        line, column = divmod(place, _IN_A_LINE)
        _pair(axes, column, line * (2 + _GAP), pair, classes)
    counts = error_counts(aligned)
    patches = [
        Patch(color=KINDS[kind], label=tr("{kind} ({count})", kind=term(kind), count=count))
        for kind, count in counts.items()
    ]
    outside_legend(figure, "outside upper left", patches, size=SMALL, ncols=3, handlelength=1)
    return figure


def kind_of(said: int, told: int) -> str | None:
    """Of an aligned pair; None: a match."""
    if said == told:
        return None
    return "deletion" if not told else "substitution" if said else "insertion"


def _pair(
    axes: Axes, column: int, top: float, pair: tuple[int, int], classes: tuple[str, ...]
) -> None:
    kind = kind_of(*pair)
    for row, symbol in enumerate(pair):
        colour = INK
        if kind is not None and symbol:
            colour = readable_on(KINDS[kind])
            box = Rectangle((column + 0.04, top + row), 0.92, 0.96, color=KINDS[kind], linewidth=0)
            axes.add_patch(box)
        axes.text(
            column + 0.5,
            top + row + 0.5,
            classes[symbol - 1] if symbol else "–",
            fontsize=SMALL,
            color=colour if symbol else MUTED,
            horizontalalignment="center",
            verticalalignment="center_baseline",
            parse_math=False,
        )
