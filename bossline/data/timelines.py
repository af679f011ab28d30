"""Labels over the time of a recording, of which frames get theirs once they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bossline.data.alignments.model import IntervalTier
from bossline.data.features.spec import FeatureSpec

_BEYOND = 0.1  # seconds that labels may reach beyond what frames tell of: windows end early
_UNSAID = 1.0  # seconds behind the end of the labels that are no mistake

Labels = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Timeline:
    """Intervals that tile a recording from 0 s on.

    Attributes:
        edges: (K + 1,) seconds, rising from 0.
        labels: (K,) classes.
        rest: the class of what lies behind the last edge.
        whole: whether the recording ends at the last edge; many formats do not say where it does.
    """

    edges: npt.NDArray[np.float64]
    labels: Labels
    rest: int
    whole: bool = False

    @classmethod
    def of(
        cls, tier: IntervalTier, numbers: Mapping[str, int], silence: int, *, whole: bool = False
    ) -> Timeline:
        """
        Args:
            tier: of phones; what it leaves out is silence.
            numbers: the class of each label.
            silence: the class of no label.
            whole: whether the tier tells where the recording ends.
        """
        span = tier.span or (0.0, 0.0)
        tiled = tier.tiled(min(0.0, span[0]), span[1])
        edges = np.array([*(one.start for one in tiled), span[1]])
        labels = np.array([numbers[one.label] if one.label else silence for one in tiled], np.int16)
        return cls(edges, labels, silence, whole)

    def of_frames(self, spec: FeatureSpec, count: int) -> Labels:
        """(count,): a frame has the label at its window's centre."""
        places = np.searchsorted(self.edges[1:], spec.frame_centres(count), side="right")
        return np.append(self.labels, np.int16(self.rest))[places]

    def fault(self, spec: FeatureSpec, count: int) -> str | None:
        """What tells that these labels are of another recording than these frames."""
        heard, said = float(spec.frame_edges(count)[-1]), float(self.edges[-1])
        if said > heard + _BEYOND:
            return f"labels to {said:.2f} s, but the recording ends at {heard:.2f} s"
        if self.whole and heard > said + _UNSAID:
            return f"{heard - said:.2f} s of the recording behind the last label"
        return None

    def folded(self, becomes: Labels) -> Timeline:
        """With other classes: (C,) which each one becomes."""
        return replace(self, labels=becomes[self.labels], rest=int(becomes[self.rest]))
