"""The model of phones that a run keeps beside its weights, and how a model gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.models.transcriber import Transcriber
from bossline.tasks.base import OpenRun
from bossline.tasks.trained import items_of
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.decoding import DecodingConfig
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ngram import Level, Ngram, NgramConfig, estimate
from bossline.training.contents import SMOOTHING

_PARTS = ("grams", "log_probs", "backoffs")

Tables = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class PhoneModel:
    """An n-gram model of training strings, as a run keeps it (see Learnt)."""

    ngram: Ngram

    def tables(self) -> dict[str, npt.NDArray[np.float64]]:
        """An array for each part of each level, the shortest n-grams first."""
        return {
            f"{part}{length}": getattr(level, part).astype(np.float64)
            for length, level in enumerate(self.ngram.levels, start=1)
            for part in _PARTS
        }

    @classmethod
    def restore(cls, tables: Tables, config: NgramConfig, symbols: int) -> PhoneModel:
        """The model whose `tables` these are.

        Args:
            symbols: V.

        Raises:
            UserError: a table is missing, or holds no n-grams of so many symbols.
        """
        levels = []
        for length in range(1, config.order + 1):
            found = [tables.get(f"{part}{length}") for part in _PARTS]
            grams, log_probs, backoffs = found
            if grams is None or log_probs is None or backoffs is None:
                raise UserError(f"the model of phones lacks its {length}-grams")
            count = len(grams)
            if grams.shape != (count, length) or {log_probs.shape, backoffs.shape} != {(count,)}:
                raise UserError(f"the model of phones: {length}-grams of shape {grams.shape}")
            if not ((grams >= 0) & (grams <= symbols + 1)).all() or np.isnan(log_probs).any():
                raise UserError(f"the model of phones: {length}-grams beyond {symbols} symbols")
            levels.append(Level(grams.astype(np.int64), log_probs, backoffs))
        return cls(Ngram(symbols, tuple(levels)))


def equip(model: Transcriber, run: OpenRun, decoding: DecodingConfig) -> None:
    """Give a model the n-grams that a search asks for: those of the run, or where its own recipe
    asks for none of this order, those of its training strings, counted now.

    Raises:
        UserError: the run's are gone or damaged, or its corpus is.
    """
    config = None if decoding.kind == "greedy" else decoding.ngram
    if config is None:
        return
    symbols = len(run.classes)
    own = run.recipe.decoding
    if own.kind != "greedy" and own.ngram is not None and own.ngram.order == config.order:
        tables = run.tensors(SMOOTHING)
        if tables is None:
            raise UserError(
                f"{run.path / SMOOTHING} is missing: run 'bossline evaluate {run.path}'"
            )
        try:
            found = PhoneModel.restore(tables, config, symbols).ngram
        except UserError as error:
            raise run.damaged(SMOOTHING, str(error)) from error
    else:
        corpus = run.corpus()
        truth = run.task.truth(corpus, items_of([run], corpus, "train"))
        found = estimate(transcripts.strings(truth), symbols, config.order)
    model.phones = Automaton.of(found).to(model.confidence.device)
