"""A recording as it looks: its spectrum over time, and below it what is said in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bossline.core.language import tr
from bossline.data.features.log_mel import mel, triangles
from bossline.figures.style import (
    GRID,
    INK,
    LARGE,
    MUTED,
    NORMAL,
    PAPER,
    SMALL,
    dress,
    new_figure,
    readable_on,
)
from bossline.figures.utterance import LETTER, WIDTH

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.55, 0.2, 0.5, 0.12  # inches beside the rows
_HEAT, _STRIP, _BETWEEN = 1.35, 0.27, 0.5
_ROW_SECONDS, _MOST_ROWS = 3.6, 10
_WINDOW, _BINS, _HOP, _BANDS = 0.025, 1024, 0.004, 80
_TICKS = (0.5, 1, 2, 4, 8)  # kHz
_UPRIGHT = 0.1  # inches: the least that a name takes which is turned
_SURE = LinearSegmentedColormap.from_list("sure", ["#e6eef6", "#8dbbdc", "#0072b2", "#00416e"])
_WORD = "#eceff3"


class Spoken(NamedTuple):
    """A phone or a word in time."""

    start: float  # seconds
    end: float
    name: str
    confidence: float | None = None
    """None: its colour tells nothing."""


def recording(
    sound: npt.NDArray[np.float32],
    rate: int,
    phones: Sequence[Spoken],
    words: Sequence[Spoken] = (),
    title: str = "",
) -> Figure:
    """A log-mel spectrogram in rows of a few seconds, and below each words and phones at their
    times; the darker a phone, the surer. On white, for pages light and dark.

    Args:
        sound: (samples,), at least one window of them; only the first half minute is drawn.
        rate: Hz.
        phones: with their confidence.
        words: none: there is no line of them.
        title: above.
    """
    seconds = len(sound) / rate
    rows = min(max(round(seconds / _ROW_SECONDS + 0.4), 1), _MOST_ROWS)
    row_seconds = seconds / rows if seconds <= _MOST_ROWS * _ROW_SECONDS else _ROW_SECONDS
    strips = (_STRIP if words else 0) + _STRIP
    height = _TOP + rows * (_HEAT + strips + _BETWEEN) + _BOTTOM
    figure = new_figure(WIDTH, height)
    figure.set_layout_engine("none")
    figure.set_facecolor(PAPER)
    width = WIDTH - _LEFT - _RIGHT

    def axes_at(top: float, high: float, left: float = _LEFT, wide: float = width) -> Axes:
        place = (left / WIDTH, 1 - (top + high) / height, wide / WIDTH, high / height)
        axes = figure.add_axes(place)
        dress(axes)
        return axes

    figure.text(
        _LEFT / WIDTH, 1 - 0.26 / height, title, fontsize=LARGE, fontweight="bold", color=INK,
        verticalalignment="center", parse_math=False,
    )  # fmt: skip
    _explain(axes_at(0.17, 0.13, WIDTH - _RIGHT - 1.2, 1.2), figure)
    spectrum = _spectrum(sound[: round(rows * row_seconds * rate)], rate)
    low, high = (float(each) for each in np.quantile(spectrum, [0.1, 0.999]))
    for row in range(rows):
        reach = row * row_seconds, (row + 1) * row_seconds
        top = _TOP + row * (_HEAT + strips + _BETWEEN)
        heat = axes_at(top, _HEAT)
        heat.imshow(
            spectrum.T, aspect="auto", origin="lower", interpolation="bilinear", cmap="magma",
            vmin=low, vmax=high, extent=(0, len(spectrum) * _HOP, mel(50.0), mel(rate / 2)),
        )  # fmt: skip
        kilohertz = [tick for tick in _TICKS if 1000 * tick <= rate / 2]
        heat.set_yticks([mel(1000 * tick) for tick in kilohertz], [f"{k:g}" for k in kilohertz])
        heat.tick_params(labelsize=SMALL)
        heat.set_xticks([])
        heat.set_xlim(reach)
        if not row:
            heat.set_ylabel("kHz", fontsize=SMALL, color=MUTED)
        top += _HEAT
        for spoken in (words, phones) if words else (phones,):
            strip = axes_at(top, _STRIP)
            _draw(strip, spoken, reach, width)
            strip.set_xticks([])
            top += _STRIP
        strip.set_xticks(_seconds(*reach))
        strip.tick_params(labelsize=SMALL, pad=3)
        strip.set_xlim(reach)
    strip.set_xlabel(tr("seconds"), fontsize=NORMAL, color=MUTED, labelpad=2)
    return figure


def _spectrum(sound: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """(T, bands) logarithms, a frame each hop, centred on its multiples."""
    window, hop = round(_WINDOW * rate), round(_HOP * rate)
    padded = np.pad(sound, (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][
        : len(sound) // hop + 1
    ]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), _BINS)) ** 2
    bands = power.astype(np.float32) @ triangles(rate, _BINS, _BANDS).numpy()
    return np.asarray(np.log(bands + 1e-9), np.float32)


def _draw(axes: Axes, spoken: Sequence[Spoken], reach: tuple[float, float], width: float) -> None:
    """Boxes with their names, as far as they are within reach."""
    axes.set_xlim(reach)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    inch = (reach[1] - reach[0]) / width
    for one in spoken:
        start, end = max(one.start, reach[0]), min(one.end, reach[1])
        if end <= start:
            continue
        colour = _WORD if one.confidence is None else to_hex(_SURE(one.confidence))
        axes.add_patch(
            Rectangle((start, 0.04), end - start, 0.92, facecolor=colour, edgecolor=PAPER, lw=0.8)
        )
        room = (end - start) / inch
        flat = room > LETTER * len(one.name) + 0.05
        if flat or (room > _UPRIGHT and len(one.name) <= 2):
            axes.text(
                (start + end) / 2, 0.47, one.name, fontsize=SMALL if flat else SMALL - 1.5,
                color=readable_on(colour), rotation=0 if flat else 90,
                horizontalalignment="center", verticalalignment="center", parse_math=False,
            )  # fmt: skip


def _seconds(start: float, end: float) -> list[float]:
    """Where the axis is named: every half second."""
    halves = range(math.ceil(2 * start - 1e-9), math.floor(2 * end + 1e-9) + 1)
    return [half / 2 for half in halves]


def _explain(axes: Axes, figure: Figure) -> None:
    """A scale of confidence."""
    axes.imshow(np.linspace(0, 1, 64)[None], aspect="auto", cmap=_SURE, extent=(0, 1, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelsize=SMALL, pad=2)
    axes.set_ylabel(
        tr("confidence"), fontsize=SMALL, color=MUTED, rotation=0, horizontalalignment="right",
        verticalalignment="center",
    )  # fmt: skip
    for spine in axes.spines.values():
        spine.set_color(GRID)
