"""The pictures of a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bossline.core.language import tr
from bossline.figures.style import (
    DASHES,
    ERROR,
    GRID,
    HEAT_COLOURS,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
)
from bossline.studies.diagnosis.hessian import NOISE, Spectrum
from bossline.studies.diagnosis.layers import Layer
from bossline.studies.diagnosis.surface import Losses, steps

_LEVELS = 14


def spectrum(found: Spectrum) -> Figure:
    """Ritz values on an axis that is linear about zero, against the share of all eigenvalues."""
    figure = new_figure(7.6, 3.2)
    axes = figure.subplots()
    dress(
        axes,
        title=tr("Curvature"),
        x=tr("eigenvalue of the Hessian"),
        y=tr("share of all"),
        grid="y",
    )
    floor = NOISE * found.scale or 1.0
    shares = found.shares.clip(1e-9)
    down = found.values < -floor
    for chosen, colour, name in (
        (~down, SERIES[0], tr("curves up or level ({count})", count=int((~down).sum()))),
        (down, ERROR, tr("curves down ({count})", count=int(down.sum()))),
    ):
        axes.vlines(found.values[chosen], 1e-9, shares[chosen], color=colour, linewidth=1.2)
        axes.plot(
            found.values[chosen], shares[chosen], "o", color=colour, markersize=4.5,
            label=name,
        )  # fmt: skip
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=DASHES)
    axes.set_yscale("log")
    axes.set_ylim(shares.min() / 3, 2)
    axes.set_xscale("symlog", linthresh=10 * floor, linscale=0.5)
    decades = 10.0 ** np.arange(np.ceil(np.log10(20 * floor)), np.ceil(np.log10(1e5 * floor)))
    axes.set_xticks([0, *decades, *-decades])
    axes.set_xlim(min(1.5 * found.bottom, -15 * floor), max(1.5 * found.top, 15 * floor))
    axes.minorticks_off()
    outside_legend(figure, "outside lower left", ncols=2, handlelength=1.2, columnspacing=1.4)
    return figure


def slice_line(losses: Losses) -> Figure:
    """Loss along one direction, the trained weights in the middle."""
    figure = new_figure(3.7, 3.4)
    axes = figure.subplots()
    dress(axes, title=tr("Along one direction"), x=tr("distance / norm of each filter"), grid="y")
    axes.set_ylabel(tr("loss (nats)"), fontsize=NORMAL, color=MUTED)
    axes.plot(steps(len(losses)), losses, color=SERIES[0], linewidth=1.8)
    axes.plot([0], [losses[len(losses) // 2]], "o", markersize=8, color=SERIES[0],
              markerfacecolor=PAPER, markeredgewidth=1.8)  # fmt: skip
    return figure


def slice_plane(losses: Losses) -> Figure:
    """Contours of the loss over two directions; the darker, the lower."""
    figure = new_figure(4.4, 3.7)
    axes = figure.subplots()
    dress(axes, title=tr("Over two directions"), x=tr("first direction"), y=tr("second direction"))
    places = steps(len(losses))
    least = max(float(losses.min()), 1e-6)
    most = max(float(losses.max()), least * 1.001)
    levels = np.geomspace(least, most, _LEVELS)
    norm = LogNorm(least, most)
    filled = axes.contourf(places, places, losses.clip(least), levels, norm=norm, cmap=HEAT_COLOURS)
    axes.contour(places, places, losses.clip(least), levels, colors=["white"], linewidths=0.5)
    axes.plot([0], [0], "o", markersize=7, color=ERROR, markerfacecolor=PAPER, markeredgewidth=1.8)
    axes.set_aspect("equal")
    bar = figure.colorbar(filled, ax=axes, shrink=0.85, ticks=levels[:: _LEVELS // 4])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    bar.ax.minorticks_off()
    bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=0)
    bar.set_label(tr("loss (nats)"), fontsize=NORMAL, color=MUTED)
    bar.outline.set_visible(False)
    return figure


def scales(layers: Sequence[Layer]) -> Figure:
    """Activations and gradients, layer by layer, from the input down."""
    figure = new_figure(7.6, 1.3 + 0.22 * len(layers))
    activation, gradient = figure.subplots(1, 2, sharey=True)
    names = [layer.name for layer in layers]
    dress(activation, title=tr("Activation (RMS)"), grid="x")
    dress(gradient, title=tr("Gradient / weights (RMS)"), grid="x")
    rows = range(len(layers))
    seen = [(row, one.activation) for row, one in zip(rows, layers, strict=True) if one.activation]
    activation.plot([a for _, a in seen], [row for row, _ in seen], "o", color=SERIES[0])
    gradient.plot([layer.relative for layer in layers], rows, "o", color=SERIES[1])
    activation.set_yticks(rows, names, fontsize=SMALL, color=INK, parse_math=False)
    activation.set_ylim(len(layers) - 0.5, -0.5)
    for axes in (activation, gradient):
        values = np.concatenate([line.get_xdata() for line in axes.lines])
        ticks = np.unique(np.geomspace(values.min(), values.max(), 3))
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.minorticks_off()
        axes.margins(x=0.12)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
    return figure
