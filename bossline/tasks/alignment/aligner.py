"""Posteriors and words in, words with their times out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.tasks.alignment.aligned import Word
from bossline.tasks.alignment.edges import edge_times
from bossline.tasks.alignment.graph import Graph, graph_of
from bossline.tasks.alignment.knowledge import Knowledge, silence_of
from bossline.tasks.alignment.search import Path, Windows, best_path, shortest_frames
from bossline.tasks.prediction import Segment
from bossline.tasks.smoothing.arrays import Floats

UNKNOWN = "spn"
"""The phone of a word that nobody knows how to say, as the Montreal Forced Aligner calls it."""


@dataclass(frozen=True)
class Spoken:
    """A word with the ways in which it may be said.

    Attributes:
        ways: classes of phones; none where it is not known.
    """

    word: str
    ways: tuple[tuple[int, ...], ...]


class Aligner:
    """Lays words over posteriors, by what a run knows of phones."""

    def __init__(self, knowledge: Knowledge, classes: tuple[str, ...], spec: FeatureSpec) -> None:
        self._knowledge, self._spec = knowledge, spec
        self._silence = silence_of(classes)
        self._names = (*classes, UNKNOWN)
        self._limits = knowledge.limits(self._silence)

    def align(
        self, words: Sequence[Spoken], posteriors: npt.NDArray[np.float32], end: float
    ) -> list[Word]:
        """
        Args:
            words: at least one.
            posteriors: (T, C) of the frames.
            end: seconds, of the recording, at which the last phone may end.

        Raises:
            UserError: the words take more frames than there are.
        """
        graph = self.graph(words)
        scores = self._knowledge.frame_scores(posteriors, self._silence)
        path = self._path(graph, scores, len(words))
        units = graph.unit[path.arcs]
        edges = edge_times(scores, units, path.starts, self._spec, float(self._knowledge.bias[0]))
        edges[-1] = max(end, edges[-1])
        return self._told(words, graph, path, edges, posteriors)

    def graph(self, words: Sequence[Spoken]) -> Graph:
        """What may be said."""
        unknown = ((len(self._names) - 1,),)
        return graph_of([one.ways or unknown for one in words], self._silence)

    def _path(self, graph: Graph, scores: Floats, words: int) -> Path:
        frames = scores.shape[1]
        least = shortest_frames(graph, self._limits)
        if least > frames:
            hop = self._spec.hop_ms / 1000
            raise UserError(
                f"the text is longer than the recording: {counted(words, 'word')} take "
                f"{least * hop:.2f} s at least, here are {frames * hop:.2f} s"
            )
        sums = np.zeros((len(scores), frames + 1))
        np.cumsum(scores, axis=1, out=sums[:, 1:])
        path = best_path(graph, sums, self._limits, Windows.whole(graph.nodes, frames))
        assert path is not None
        return path

    def _told(
        self,
        words: Sequence[Spoken],
        graph: Graph,
        path: Path,
        edges: Floats,
        posteriors: npt.NDArray[np.float32],
    ) -> list[Word]:
        found: list[list[Segment]] = [[] for _ in words]
        for place, arc in enumerate(path.arcs.tolist()):
            if (number := int(graph.word[arc])) < 0:
                continue
            unit = int(graph.unit[arc])
            rows = posteriors[path.starts[place] : path.starts[place + 1]]
            sure = self._sureness(rows, unit)
            start, end = edges[place : place + 2].tolist()
            found[number].append(Segment(start, end, self._names[unit], sure))
        return [
            Word(
                start=phones[0].start,
                end=phones[-1].end,
                word=spoken.word,
                confidence=sum(one.confidence * (one.end - one.start) for one in phones)
                / (phones[-1].end - phones[0].start),
                phones=tuple(phones),
            )
            for spoken, phones in zip(words, found, strict=True)
        ]

    def _sureness(self, rows: npt.NDArray[np.float32], unit: int) -> float:
        """The mean posterior of a unit in frames (n, C)."""
        if unit < rows.shape[1]:
            return float(rows[:, unit].mean())
        return float(1 - rows[:, self._silence].mean()) if self._silence is not None else 1.0
