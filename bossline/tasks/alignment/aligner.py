"""Posteriors and words in, words with their times out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.tasks.alignment.aligned import Edge, Fit, Utterance, Word
from bossline.tasks.alignment.bands import BEAM, possible, within_beam
from bossline.tasks.alignment.edges import edge_times, in_order
from bossline.tasks.alignment.graph import Graph, graph_of
from bossline.tasks.alignment.knowledge import LEAST, Knowledge, silence_of
from bossline.tasks.alignment.search import Path, best_path
from bossline.tasks.alignment.spoken import Spoken
from bossline.tasks.prediction import Segment
from bossline.tasks.smoothing.arrays import Floats, Ints

UNKNOWN = "spn"
"""The phone of a word that nobody knows how to say, as the Montreal Forced Aligner calls it."""

_WIDENED = 3  # times that a beam which loses the end is made wider


class Aligner:
    """Lays words over the posteriors of one run, by what the run knows of phones."""

    def __init__(self, knowledge: Knowledge, classes: tuple[str, ...], spec: FeatureSpec) -> None:
        self._knowledge, self._spec = knowledge, spec
        self._silence = silence_of(classes)
        self._names = (*classes, UNKNOWN)
        self._limits = knowledge.limits(self._silence)

    def laid(
        self, words: Sequence[Spoken], posteriors: npt.NDArray[np.float32]
    ) -> tuple[Graph, Path]:
        """The best path of words.

        Args:
            words: at least one.
            posteriors: (T, C) of the frames.

        Raises:
            UserError: the words take more frames than there are.
        """
        unknown = ((len(self._names) - 1,),)
        graph = graph_of([one.ways or unknown for one in words], self._silence)
        path = self._path(graph, self._knowledge.frame_scores(posteriors, self._silence))
        if path is None:
            room = len(posteriors) * self._spec.hop_ms / 1000
            raise UserError(
                f"the text is longer than the recording: {counted(len(words), 'word')} do not fit "
                f"into {room:.2f} s"
            )
        return graph, path

    def starts(self, units: Ints, posteriors: npt.NDArray[np.float32]) -> Ints | None:
        """(K + 1,) the first frames of units (K,), one behind the other, and T; None where they
        take more frames than there are.

        Args:
            posteriors: (T, C).
        """
        scores = self._knowledge.frame_scores(posteriors, self._silence)
        path = self._path(graph_of([[[unit]] for unit in units.tolist()], None), scores)
        return None if path is None else path.starts

    def edges(
        self, units: Ints, posteriors: npt.NDArray[np.float32], starts: Ints | None = None
    ) -> Floats | None:
        """(K + 1,) seconds at which units (K,) begin, one behind the other, and the last ends.

        Args:
            posteriors: (T, C).
            starts: (K + 1,) their first frames, and T; None: as this run hears them.
        """
        if starts is None and (starts := self.starts(units, posteriors)) is None:
            return None
        scores = self._knowledge.frame_scores(posteriors, self._silence)
        return edge_times(scores, units, starts, self._spec, float(self._knowledge.bias[0]))

    def _path(self, graph: Graph, scores: Floats) -> Path | None:
        """The best path; None where the graph takes more frames than there are."""
        frames = scores.shape[1]
        anywhere = possible(graph, self._limits, frames)
        if anywhere is None:
            return None
        sums = np.zeros((len(scores), frames + 1))
        np.cumsum(scores, axis=1, out=sums[:, 1:])
        for widened in range(_WIDENED):
            windows = within_beam(graph, scores, anywhere, BEAM * 4**widened)
            if windows is not None:
                path = best_path(graph, sums, self._limits, windows)
                if path is not None:
                    return path
        return best_path(graph, sums, self._limits, anywhere)

    def told(
        self,
        words: Sequence[Spoken],
        graph: Graph,
        path: Path,
        edges: Floats,
        posteriors: npt.NDArray[np.float32],
    ) -> tuple[list[Word], Fit]:
        """Words with their phones, and how well they fit.

        Args:
            edges: (K + 1,) seconds, of the path's arcs.
        """
        units = graph.unit[path.arcs]
        sure = self._sureness(posteriors, np.repeat(units, np.diff(path.starts)))
        found: list[list[Segment]] = [[] for _ in words]
        for place, number in enumerate(graph.word[path.arcs].tolist()):
            if number >= 0:
                start, end = edges[place : place + 2].tolist()
                mean = float(sure[path.starts[place] : path.starts[place + 1]].mean())
                found[number].append(Segment(start, end, self._names[units[place]], mean))
        told = [
            Word(
                start=phones[0].start,
                end=phones[-1].end,
                word=spoken.word,
                confidence=sum(one.confidence * (one.end - one.start) for one in phones)
                / sum(one.end - one.start for one in phones),
                phones=tuple(phones),
            )
            for spoken, phones in zip(words, found, strict=True)
        ]
        return told, self._fit(units, path.starts, sure)

    def _sureness(self, posteriors: npt.NDArray[np.float32], units: Ints) -> Floats:
        """(T,) the posterior of the unit of each frame; of any speech that of no silence."""
        known = units < posteriors.shape[1]
        sure = posteriors[np.arange(len(units)), np.where(known, units, 0)].astype(np.float64)
        silent = 0.0 if self._silence is None else posteriors[:, self._silence]
        return np.asarray(np.where(known, sure, 1.0 - silent))

    def _fit(self, units: Ints, starts: Ints, sure: Floats) -> Fit:
        logs = np.log(np.maximum(sure, LEAST))
        lengths = np.diff(starts)
        speech = np.flatnonzero(np.repeat(units != self._silence, lengths))
        spoken = logs[speech]
        second = min(max(round(self._spec.frames_per_second), 1), len(spoken))
        sums = np.concatenate([[0.0], spoken.cumsum()])
        means = (sums[second:] - sums[:-second]) / second
        weakest = int(means.argmin())
        phones = (units != self._silence) & (units < len(self._names) - 1)
        phones[[0, -1]] &= len(units) == 1  # edges of the recording may cut them
        off = np.abs(self._knowledge.deviations(units[phones], lengths[phones]))
        return Fit(
            log_likelihood=float(logs.mean()),
            speech_log_likelihood=float(spoken.mean()),
            duration_deviation=float(off.max(initial=0.0)),
            weakest=float(means[weakest]),
            weakest_at=float(self._spec.frame_edges(len(logs))[speech[weakest]]),
        )


class Committee:
    """Several runs that align together: which phones, by all; when, by the median of each."""

    def __init__(self, members: Sequence[Aligner]) -> None:
        self._members = members

    def align(
        self,
        words: Sequence[Spoken],
        posteriors: Sequence[npt.NDArray[np.float32]],
        begin: float,
        end: float,
    ) -> Utterance:
        """
        Args:
            words: at least one.
            posteriors: (T, C) of each run.
            begin, end: seconds, within a frame of where these frames begin and end; at which the
                first phone may begin and the last one end.

        Raises:
            UserError: the words take more frames than there are.
        """
        first, joint = self._members[0], _joint(posteriors)
        graph, path = first.laid(words, joint)
        units = graph.unit[path.arcs]
        if len(self._members) == 1:
            seen = [first.edges(units, joint, path.starts)]
        else:
            seen = [
                member.edges(units, own)
                for member, own in zip(self._members, posteriors, strict=True)
            ]
        heard = np.array([edges for edges in seen if edges is not None])
        edges = np.median(heard, axis=0)
        edges[0], edges[-1] = begin, end
        edges = in_order(edges)
        edges[1:-1] = edges[1:-1].round(4)
        told, fit = first.told(words, graph, path, edges, joint)
        apart: tuple[Edge, ...] = ()
        if len(self._members) > 1:
            low, high = heard.min(0).round(4), heard.max(0).round(4)
            apart = tuple(
                Edge(*(float(one[place]) for one in (edges, low, high)))
                for place in range(1, len(edges) - 1)
            )
        return Utterance(None, begin, end, tuple(told), fit, apart)


def _joint(posteriors: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """(T, C) by the mean of log-probabilities."""
    if len(posteriors) == 1:
        return posteriors[0]
    joint = np.exp(np.mean([np.log(np.maximum(one, LEAST)) for one in posteriors], axis=0))
    return np.asarray(joint / joint.sum(1, keepdims=True), np.float32)
