"""Where a decoder looked for each phone that it told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.figures.picture import Picture
from bossline.figures.style import INK, MUTED, NORMAL, SMALL, dress, new_figure
from bossline.figures.utterance import ROW, draw_shades
from bossline.tasks.transcribe.pictures.heard import Example
from bossline.tasks.transcribe.transcripts import SYMBOL

MOST_MAPS = 12
MOST_PHONES = 60  # of a string that goes on and on
_IN_A_ROW = 4


def attention_pictures(
    example: Example, classes: tuple[str, ...], heads: int, key: str
) -> list[Picture]:
    """The mean over heads, and some heads alone; nothing without a decoder.

    Args:
        heads: of a layer.
    """
    if example.attention is None or not example.attention.size:
        return []
    names = [classes[int(symbol) - 1] for symbol in example.heard.told[0][:, SYMBOL]]
    names, attention = names[:MOST_PHONES], example.attention[:, :MOST_PHONES]
    reach = example.reach(attention.shape[2])
    greatest = float(attention.mean(0).max())
    cut = tr(" (the first {count})", count=MOST_PHONES)
    every = tr("its only head") if len(attention) == 1 else tr("the mean over all heads")
    found = [
        Picture.of(
            mean_map(attention, names, reach),
            f"{key}-attention",
            tr("Attention of the decoder over {id}", id=example.id),
            tr(
                "Where the decoder looks in {id} for each phone that it tells, from the top{cut}: "
                "{every}. The bluer, the more weight; the greatest is {greatest:.0%}.",
                id=example.id,
                cut=cut if len(example.heard.told[0]) > MOST_PHONES else "",
                every=every,
                greatest=greatest,
            ),
            stacks=False,
        )
    ]
    if len(attention) > 1:
        shown = maps_shown(len(attention), heads)
        some = "" if len(shown) == len(attention) else tr(", of the uppermost layers")
        found.append(
            Picture.of(
                head_maps(attention, heads, reach),
                f"{key}-heads",
                tr("Attention of {count} heads over {id}", count=len(shown), id=example.id),
                tr("The same head by head{some}, each against its greatest weight.", some=some),
                stacks=False,
            )
        )
    return found


def encoder_pictures(example: Example, key: str) -> list[Picture]:
    """What each layer of the encoder attends to; nothing where it attends to nothing."""
    if example.encoder is None or not len(example.encoder):
        return []
    return [
        Picture.of(
            layer_maps(example.encoder, example.reach_of_all),
            f"{key}-encoder",
            tr(
                "Self-attention of {layers} over {id}",
                layers=counted(len(example.encoder), "layer"),
                id=example.id,
            ),
            tr(
                "What the encoder looks at in each place of the utterance, layer by layer, the "
                "mean over heads, each against its greatest weight. A diagonal looks at its "
                "neighbourhood, a column is what all look at."
            ),
        )
    ]


def layer_maps(weights: npt.NDArray[np.float32], reach: tuple[float, float]) -> Figure:
    """Small multiples, a map a layer.

    Args:
        weights: (E, K, K), row by row where it looks from.
        reach: left and right of the utterance, in seconds.
    """
    columns = min(_IN_A_ROW, len(weights))
    rows = -(-len(weights) // columns)
    figure = new_figure(max(1.9 * columns, 3.2), 0.6 + 1.9 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for layer, axes in zip(weights, grid.flat, strict=False):
        axes.set_axis_on()
        dress(axes)
        _map(axes, layer, reach, first=0)
        axes.set_yticks([])
    for number, axes in enumerate(grid.flat[: len(weights)], start=1):
        axes.set_title(tr("layer {number}", number=number), loc="left", fontsize=SMALL, color=INK)
        axes.tick_params(labelsize=SMALL)
    figure.supxlabel(tr("seconds looked at"), fontsize=NORMAL, color=MUTED)
    figure.supylabel(tr("looked from, time goes down"), fontsize=NORMAL, color=MUTED)
    return figure


def maps_shown(maps: int, heads: int) -> dict[int, str]:
    """Which of the maps, layer by layer, have a place, with their titles: the last `MOST_MAPS`."""
    first = max(0, maps - MOST_MAPS)
    return {
        a: tr("layer {layer}, head {head}", layer=a // heads + 1, head=a % heads + 1)
        for a in range(first, maps)
    }


def mean_map(
    attention: npt.NDArray[np.float32], names: list[str], reach: tuple[float, float]
) -> Figure:
    """
    Args:
        attention: (A, L, S).
        names: (L,) of the phones.
        reach: left and right of the steps, in seconds.
    """
    figure = new_figure(6.2, 1.1 + ROW * len(names))
    axes = figure.subplots()
    dress(axes, x=tr("seconds"))
    _map(axes, attention.mean(0), reach, first=0)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL, color=INK, parse_math=False)
    return figure


def head_maps(attention: npt.NDArray[np.float32], heads: int, reach: tuple[float, float]) -> Figure:
    """Small multiples, a map a head."""
    shown = maps_shown(len(attention), heads)
    columns = min(_IN_A_ROW, heads, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(max(2.2 * columns, 4.4), 0.7 + 1.9 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (number, title) in zip(grid.flat, shown.items(), strict=False):
        axes.set_axis_on()
        dress(axes)
        _map(axes, attention[number], reach, first=1)
        axes.set_title(title, loc="left", fontsize=SMALL, color=INK)
        axes.tick_params(labelsize=SMALL)
    figure.supxlabel(tr("seconds"), fontsize=NORMAL, color=MUTED)
    figure.supylabel(tr("told phones, by number"), fontsize=NORMAL, color=MUTED)
    return figure


def _map(
    axes: Axes, weights: npt.NDArray[np.float32], reach: tuple[float, float], first: int
) -> None:
    """Weights (L, S) against the greatest of them, so that what is spread out shows too."""
    draw_shades(axes, weights / max(float(weights.max()), 1e-6), reach, first=first)
    for spine in axes.spines.values():
        spine.set_visible(True)
