"""The map of voices: embeddings of utterances in the plane in which chosen speakers differ most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bossline.reports.style import (
    MUTED,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    series,
)

_MARKERS = "o^"
MOST_SHOWN = len(SERIES) * len(_MARKERS)  # each its own pair of colour and marker


def draw_voices(
    embeddings: npt.NDArray[np.float32], speakers: npt.NDArray[np.int64], names: tuple[str, ...]
) -> Figure:
    """Utterances as points: the speakers heard most in colours, each tied to its mean.

    Args:
        embeddings: (U, D), D at least 2.
        speakers: (U,) index into `names`.
        names: of all speakers.
    """
    shown = most_heard(speakers)
    among = np.isin(speakers, shown)
    points = plane_of(embeddings, among)
    figure = new_figure(6.4, 5)
    axes = figure.subplots()
    dress(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    for place, speaker in enumerate(shown):
        own = points[speakers == speaker]
        colour = series(place)
        ties = [(own.mean(0), point) for point in own]
        axes.add_collection(LineCollection(ties, color=colour, linewidth=0.9, alpha=0.6))
        axes.plot(
            *own.T,
            _MARKERS[place // len(SERIES)],
            color=colour,
            markersize=6.5,
            markeredgecolor=PAPER,
            markeredgewidth=0.8,
            label=names[speaker],
        )
    if not among.all():
        others = points[~among].T
        axes.plot(*others, ".", color=MUTED, markersize=3.5, alpha=0.35, zorder=1, label="others")
    outside_legend(figure, "outside right upper", size=SMALL, handlelength=1)
    return figure


def most_heard(speakers: npt.NDArray[np.int64]) -> list[int]:
    """The speakers with the most utterances, most first; ties in the order of the speakers."""
    counts = np.bincount(speakers)
    order = np.argsort(-counts, kind="stable")[:MOST_SHOWN]
    return [int(k) for k in order if counts[k]]


def plane_of(
    embeddings: npt.NDArray[np.float32], fitted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Embeddings (U, 2) in the plane of the first two principal components of some of them.

    Only the direction of an embedding says who speaks, so each is scaled to length 1 first.

    Args:
        embeddings: (U, D), D at least 2.
        fitted: (U,) those that the plane is fitted to, at least 2.
    """
    values = embeddings.astype(np.float64)
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    centred = unit - unit[fitted].mean(0)
    directions = np.linalg.svd(centred[fitted], full_matrices=False)[2][:2]
    # A singular vector may point either way; its largest number is made positive.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
    plane: npt.NDArray[np.float64] = centred @ (directions * np.sign(largest)).T
    return plane
