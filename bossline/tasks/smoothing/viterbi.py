"""The best path of phones under the network's posteriors and what is known of phones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bossline.batches.shapes import Buckets
from bossline.batches.utterances import cut
from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.tasks.smoothing.arrays import Floats, Ints, Tables
from bossline.tasks.smoothing.estimation import estimate
from bossline.tasks.smoothing.phones import PhoneModel
from bossline.tasks.smoothing.search import SegmentSearch

_BATCH_FRAMES = 32_768  # searched at once: 100 MB at 41 classes
_LONGEST = 6000  # frames; what is longer is searched in pieces of equal length
_CONTEXT = 500  # frames on both sides of a piece: paths meet within a few phones
_LEAST = np.finfo(np.float32).tiny  # a posterior that underflows to 0 must not forbid a phone


class ViterbiConfig(Config):
    """A hybrid of the network and an explicit-duration hidden Markov model of phones.

    The path maximises, with c_t the phone of frame t and d the duration of each segment,
    sum over frames of (log p(c_t | x) - prior * log P(c_t))
    + weight * sum over segments of (log P(phone | previous phone) + log P(d | phone))
    (Bourlard & Morgan 1994; Rabiner 1989, section IV.D).
    """

    kind: Literal["viterbi"] = "viterbi"
    weight: float = Field(
        0.25,
        gt=0,
        description="of the phone and duration model against the network; an MLP's "
        "posteriors, which see little context, want 1 or more",
    )
    prior: float = Field(
        0.1, ge=0, le=1, description="exponent of the class prior that posteriors are divided by"
    )
    longest: int = Field(
        30, ge=2, description="frames up to which durations are a table, geometric beyond"
    )

    def fit(self, labels: Sequence[npt.NDArray[Any]], classes: int) -> ViterbiSmoother:
        """A smoother that knows the phones of training labels.

        Args:
            labels: classes of the frames, (T,) of each utterance, at least one.
            classes: C.
        """
        return ViterbiSmoother(self, estimate(labels, classes, self.longest))

    def restore(self, tables: Tables) -> ViterbiSmoother:
        """The smoother whose `tables` these are.

        Raises:
            UserError: a table is missing, has a wrong shape, or holds no probabilities.
        """
        return ViterbiSmoother(self, PhoneModel.restore(tables, self.longest))


class ViterbiSmoother:
    """The most plausible path of phones (a Smoother)."""

    def __init__(self, config: ViterbiConfig, model: PhoneModel) -> None:
        """
        Args:
            config: what the model weighs.
            model: its phones; its durations have `config.longest` frames.
        """
        self._config, self._model = config, model
        # An unseen class is on no path, so what it is divided by does not matter.
        known = np.where(model.prior > 0, model.prior, 1)
        self._offset = config.prior * np.log(known)

    def path(self, probabilities: npt.NDArray[np.float32], lengths: Ints) -> Ints:
        """See Smoother.path.

        Raises:
            UserError: the posteriors have another number of classes than the labels had.
        """
        if probabilities.shape[1] != len(self._offset):
            raise UserError(
                f"smoothing knows {len(self._offset)} classes, the posteriors have "
                f"{probabilities.shape[1]}; fit it again"
            )
        utterances, own = cut(lengths, _LONGEST)
        ends, utterance_ends = np.cumsum(own), np.cumsum(lengths)[utterances]
        begins = ends - own
        first = np.maximum(begins - _CONTEXT, utterance_ends - lengths[utterances])
        seen = np.minimum(ends + _CONTEXT, utterance_ends) - first
        path = np.empty(len(probabilities), np.int64)
        for batch, _ in Buckets(seen, _BATCH_FRAMES).in_order():
            frames = int(seen[batch].max())
            scores = np.zeros((frames + 1, len(self._offset), len(batch)))
            for column, piece in enumerate(batch):
                rows = probabilities[first[piece] : first[piece] + seen[piece]]
                scores[1 : seen[piece] + 1, :, column] = self._scores(rows)
            search = SegmentSearch.of(self._model, self._config.weight, frames)
            found = search.paths(scores.cumsum(0, out=scores), seen[batch])
            for piece, labels in zip(batch, found, strict=True):
                before = begins[piece] - first[piece]
                path[begins[piece] : ends[piece]] = labels[before : before + own[piece]]
        return path

    def _scores(self, probabilities: npt.NDArray[np.float32]) -> Floats:
        """(T, C) log-posteriors less the weighted log-prior."""
        return np.log(np.maximum(probabilities, _LEAST), dtype=np.float64) - self._offset

    def tables(self) -> dict[str, Floats]:
        """See Smoother.tables: an array for each attribute of the phone model."""
        return dict(vars(self._model))
