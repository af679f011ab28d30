"""What a run knows beside its posteriors: how often and how long phones are, and its own bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.phones import SILENCES
from bossline.tasks.alignment.search import Durations
from bossline.tasks.smoothing.arrays import Floats, Ints, Tables
from bossline.tasks.smoothing.estimation import PhoneSegments, estimate

LONGEST = 30  # frames up to which durations are a table
LEAST_FRAMES = 2  # that a phone takes
LEAST_PAUSE = 3  # frames
_RARE = 1e-4  # probability of a duration that training labels never had

DURATION_WEIGHT = 1.0
PRIOR_WEIGHT = 0.3
PAUSE = -2.0  # the score of silence between words, beside that of its frames
LEAST = 1e-5
"""A posterior below counts as this: text and speech need not agree."""


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Of C classes.

    Attributes:
        prior: (C,) share of the training frames.
        durations: (C, D + 1) P(d = 1..D frames), then P(d > D).
        stay: (C,) P(one more frame) of a segment that is longer than D frames.
        typical: (C, 2) mean and standard deviation of the logarithm of a duration in frames.
        bias: (1,) seconds by which the run's edges are late on its validation part.
    """

    prior: Floats
    durations: Floats
    stay: Floats
    typical: Floats
    bias: Floats

    @classmethod
    def of(cls, labels: Sequence[npt.NDArray[Any]], classes: int) -> Knowledge:
        """Counted from the classes of the frames, (T,) of each utterance; without bias."""
        model = estimate(labels, classes, LONGEST)
        segments = PhoneSegments.of(labels)
        logs = np.log(segments.frames)
        count = np.maximum(np.bincount(segments.phones, minlength=classes), 1)
        mean = np.bincount(segments.phones, logs, classes) / count
        off = (logs - mean[segments.phones]) ** 2
        spread = np.sqrt(np.bincount(segments.phones, off, classes) / count)
        typical = np.column_stack([mean, np.maximum(spread, 0.1)])
        return cls(model.prior, model.durations, model.stay, typical, np.zeros(1))

    @classmethod
    def restore(cls, tables: Tables, classes: int) -> Knowledge:
        """What `tables` describe.

        Raises:
            UserError: a table is missing, or has a wrong shape or value.
        """
        shapes = {
            "prior": (classes,),
            "durations": (classes, LONGEST + 1),
            "stay": (classes,),
            "typical": (classes, 2),
            "bias": (1,),
        }
        found = {}
        for name, shape in shapes.items():
            if name not in tables or tables[name].shape != shape:
                raise UserError(f"{name}: expected numbers of shape {shape}")
            found[name] = np.asarray(tables[name], np.float64)
            if not np.isfinite(found[name]).all():
                raise UserError(f"{name}: has numbers that are none")
        for name in ("prior", "durations", "stay"):
            if (found[name] < 0).any() or (found[name] > 1).any():
                raise UserError(f"{name}: holds no probabilities")
        if (found["typical"][:, 1] <= 0).any() or abs(found["bias"][0]) > 1:
            raise UserError("typical or bias: out of range")
        return cls(**found)

    def tables(self) -> dict[str, Floats]:
        """What `restore` takes back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def limits(self, silence: int | None) -> Durations:
        """Durations as the search takes them, of the classes and of a unit more, which is any
        speech. Pauses are as long as they like."""
        with np.errstate(divide="ignore"):
            table = np.log(np.maximum(self.durations[:, :-1], _RARE))
            beyond = np.log(np.maximum(self.durations[:, -1] * (1 - self.stay), _RARE))
            stay = np.log(np.clip(self.stay, 0.5, 0.999))
        table = DURATION_WEIGHT * np.vstack([table, np.zeros(LONGEST)])
        beyond = DURATION_WEIGHT * np.append(beyond, 0.0)
        stay = DURATION_WEIGHT * np.append(stay, 0.0)
        table[:, : LEAST_FRAMES - 1] = -np.inf
        if silence is not None:
            table[silence], beyond[silence], stay[silence] = PAUSE, PAUSE, 0.0
            table[silence, : LEAST_PAUSE - 1] = -np.inf
        return Durations(table, beyond, stay)

    @cached_property
    def _offset(self) -> Floats:
        return PRIOR_WEIGHT * np.log(np.where(self.prior > 0, self.prior, 1.0))

    def frame_scores(self, posteriors: npt.NDArray[np.float32], silence: int | None) -> Floats:
        """(C + 1, T) log-posteriors less the weighted log-prior; the last row is of any speech.

        Args:
            posteriors: (T, C).
        """
        scores = np.empty((posteriors.shape[1] + 1, len(posteriors)))
        scores[:-1] = np.log(np.maximum(posteriors.T, LEAST)) - self._offset[:, None]
        speech = np.ones(posteriors.shape[1], bool)
        if silence is not None:
            speech[silence] = False
        said, share = posteriors[:, speech].sum(1), self.prior[speech].sum()
        scores[-1] = np.log(np.maximum(said, LEAST)) - PRIOR_WEIGHT * np.log(max(share, LEAST))
        return scores

    def with_bias(self, seconds: float) -> Knowledge:
        """The same, with edges that are so late."""
        return replace(self, bias=np.array([seconds]))

    def deviations(self, units: Ints, frames: Floats) -> Floats:
        """(K,) how many standard deviations longer than usual segments of classes are."""
        mean, spread = self.typical[units].T
        return np.asarray((np.log(frames) - mean) / spread)


def silence_of(classes: Sequence[str]) -> int | None:
    """The class that says that nothing is said."""
    for number, name in enumerate(classes):
        if name in SILENCES and name.lower() != "spn":
            return number
    return None
