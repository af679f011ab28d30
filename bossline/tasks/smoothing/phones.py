"""Which phone follows which, and how long each lasts: the probabilities behind a path.

A path is a sequence of segments, each a phone that lasts d frames; neighbours differ. P(d) is a
table for d = 1..D and geometric beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bossline.core.errors import UserError
from bossline.tasks.smoothing.arrays import Floats, Tables

_ROUNDING = 1e-6  # that a row of probabilities may be off 1


@dataclass(frozen=True, eq=False)
class PhoneModel:
    """An explicit-duration Markov chain of phones (Ferguson 1980; Rabiner 1989, section IV.D).

    Attributes:
        prior: (C,) share of the frames.
        bigram: (C + 1, C + 1) P(column | row); the last row is the begin of an utterance, the last
            column its end. Rows sum to 1; no phone follows itself, an unseen class follows none.
        durations: (C, D + 1) P(d = 1..D), then P(d > D). Rows sum to 1.
        stay: (C,) P(one more frame) of a segment that is longer than D frames, in 0..1 exclusive.
    """

    prior: Floats
    bigram: Floats
    durations: Floats
    stay: Floats

    @classmethod
    def restore(cls, tables: Tables, longest: int) -> PhoneModel:
        """The model that `tables` describes.

        Args:
            tables: an array for each attribute.
            longest: D.

        Raises:
            UserError: a table is missing, has a wrong shape, or holds no probabilities.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in tables]:
            raise UserError(f"smoothing lacks its {', '.join(missing)}; fit it again")
        found = {name: np.asarray(tables[name], np.float64) for name in names}
        classes = found["prior"].size
        shapes = [(classes,), (classes + 1, classes + 1), (classes, longest + 1), (classes,)]
        for name, shape in zip(names, shapes, strict=True):
            if found[name].shape != shape:
                raise UserError(
                    f"smoothing: {name} has shape {found[name].shape}, expected {shape}; "
                    "fit it again"
                )
        for name in ("prior", "bigram", "durations"):
            rows = found[name]
            if not ((rows >= 0).all() and (abs(rows.sum(-1) - 1) < _ROUNDING).all()):
                raise UserError(f"smoothing: {name} holds no probabilities; fit it again")
        if not ((found["stay"] > 0) & (found["stay"] < 1)).all():
            raise UserError("smoothing: stay is not between 0 and 1; fit it again")
        return cls(**found)

    def log_durations(self, frames: int) -> Floats:
        """(frames, C) log P(d) for d = 1..frames."""
        table = log(self.durations[:, :-1])[:, :frames]
        beyond = self._log_longer(frames) + np.log1p(-self.stay)[:, None]
        return np.concatenate([table, beyond], axis=1).T

    def log_survivors(self, frames: int) -> Floats:
        """(frames, C) log P(at least d frames) for d = 1..frames."""
        at_least = self.durations[:, ::-1].cumsum(1)[:, :0:-1]
        table = log(at_least.clip(max=1))[:, :frames]
        return np.concatenate([table, self._log_longer(frames)], axis=1).T

    def _log_longer(self, frames: int) -> Floats:
        """(C, frames - D) log P(at least d frames) for d = D + 1..frames, which may be none."""
        further = np.arange(frames - self.durations.shape[1] + 1)
        return log(self.durations[:, -1:]) + further * log(self.stay)[:, None]


def log(probabilities: Floats) -> Floats:
    """Logarithms, -inf where impossible; same shape."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probabilities))
