"""The map of voices, and the curve of false rejects against false accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.figures.lengths import accuracy_by_length, length_bins
from bossline.figures.picture import Picture
from bossline.figures.style import (
    GRID,
    MUTED,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    series,
)
from bossline.tasks.base import OpenRun


@dataclass(frozen=True)
class HeardVoices:
    """The test utterances of a speaker run: who speaks, how long, and what the model heard."""

    speakers: npt.NDArray[np.int64]  # (U,) index into `names`
    names: tuple[str, ...]
    seconds: npt.NDArray[np.float64]  # (U,)
    correct: npt.NDArray[np.bool_]  # (U,)
    embeddings: npt.NDArray[np.float32] | None  # (U, D); None where they were not kept


def voices_of(run: OpenRun) -> HeardVoices | None:
    """None before scoring and without the corpus."""
    found = run.at_hand("utterances", "predicted")
    if found is None:
        return None
    arrays, corpus = found
    utterances, predicted = arrays["utterances"], arrays["predicted"]
    speakers = corpus.speakers[utterances].astype(np.int64)
    kept = arrays.get("embeddings")
    return HeardVoices(
        speakers=speakers,
        names=run.classes,
        seconds=corpus.lengths[utterances] / corpus.speech.frames_per_second,
        correct=predicted == speakers,
        embeddings=None if kept is None else kept.astype(np.float32),
    )


def voice_pictures(voices: HeardVoices, key: str) -> tuple[list[Picture], list[Picture]]:
    """Accuracy by length, and the map of voices; nothing where there is nothing to see."""
    bins = length_bins(voices.seconds, voices.correct)
    by_length = [
        Picture.of(
            accuracy_by_length(bins),
            f"{key}-lengths",
            tr("Accuracy on short and on long test utterances"),
            tr(
                "Test utterances by length, in bins of about equal count; the bars are 95% "
                "intervals (Wilson's)."
            ),
        )
    ]
    maps = []
    if voices.embeddings is not None and min(voices.embeddings.shape) > 1:
        maps = [_map(voices, voices.embeddings, key)]
    # One bin holds all where utterances are few, or all of one length.
    return by_length if len(bins) > 1 else [], maps


def _map(voices: HeardVoices, embeddings: npt.NDArray[np.float32], key: str) -> Picture:
    return Picture.of(
        draw_voices(embeddings, voices.speakers, voices.names),
        f"{key}-voices",
        tr(
            "Map of the embeddings of {utterances}",
            utterances=counted(len(voices.speakers), "test utterance"),
        ),
        tr(
            "Each point is the embedding of a test utterance, tied to the mean of its speaker. In "
            "colour: the speakers with the most utterances, and the map is the plane in which "
            "these vary most (PCA); what lies apart here is apart, what overlaps may still be "
            "apart."
        ),
    )


# The map of voices: embeddings of utterances in the plane in which chosen speakers differ most.


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
        axes.plot(
            *others, ".", color=MUTED, markersize=3.5, alpha=0.35, zorder=1, label=tr("others")
        )
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


# False accepts against false rejects of speaker verification, on axes of normal deviates.


Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""False accepts and false rejects (K,) as normal deviates, from accepting all to accepting none."""

TICKS = (0.001, 0.01, 0.05, 0.2, 0.4)
_FIRST, _LAST = 0.0005, 0.6  # the rates that both axes reach from and to
_GAUSSIAN = NormalDist()


def det_picture(curves: Mapping[str, Curve]) -> Picture:
    """DET curves on their way onto the page."""
    return Picture.of(
        det(curves),
        "det",
        tr("False rejects against false accepts of {names}", names=tr(", ").join(curves)),
        tr(
            "Do two utterances have one speaker? Every point of a curve is a threshold: a higher "
            "one accepts fewer pairs of two speakers, and rejects more pairs of one. Lower left is "
            "better; the ring marks the equal error rate (EER)."
        ),
    )


def det(curves: Mapping[str, Curve]) -> Figure:
    """DET curves (Martin et al., Eurospeech 1997) of named systems, equal error rates marked."""
    figure = new_figure(4.2, 4.5 + 0.18 * len(curves))
    axes = figure.subplots()
    dress(axes, title=tr("Detection errors"), x=tr("false accepts"), y=tr("false rejects"))
    ends = [_GAUSSIAN.inv_cdf(_FIRST), _GAUSSIAN.inv_cdf(_LAST)]
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    for place, (name, curve) in enumerate(curves.items()):
        rate = equal_error(curve)
        shown = tr("{name}: EER {rate:.1%}", name=name, rate=rate)
        axes.plot(*curve, color=series(place), linewidth=1.8, label=shown)
        where = _GAUSSIAN.inv_cdf(min(max(rate, _FIRST), _LAST))
        axes.plot(
            [where],
            [where],
            "o",
            markersize=7,
            color=series(place),
            markerfacecolor=PAPER,
            markeredgewidth=1.8,
        )
    ticks = [_GAUSSIAN.inv_cdf(rate) for rate in TICKS]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{rate * 100:g}%" for rate in TICKS])
        axis.grid(color=GRID, linewidth=0.8)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    outside_legend(figure, "outside lower left", handlelength=1.8)
    return figure


def equal_error(curve: Curve) -> float:
    """The rate at which the errors of a curve are equal, its points joined as on the ROC."""
    accepts, rejects = curve
    after = min(max(int(np.searchsorted(rejects - accepts, 0)), 1), len(accepts) - 1)
    ends = slice(after - 1, after + 1)
    accepted, rejected = (
        np.array([_GAUSSIAN.cdf(deviate) for deviate in side[ends].tolist()]) for side in curve
    )
    return float(np.interp(0, rejected - accepted, rejected))
