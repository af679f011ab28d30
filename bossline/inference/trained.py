"""The best weights of a run, ready to classify."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bossline.corpora.packed import Corpus, Ints
from bossline.corpora.splits import SPLITS, split_corpus
from bossline.errors import UserError, did_you_mean
from bossline.runtime import Runtime
from bossline.tasks.phoneme import build_model, classify
from bossline.training.checkpoint import load_weights
from bossline.training.run import Run

UNLABELLED = "unlabelled"


class TrainedModel:
    """A run's model with its best weights."""

    def __init__(self, run: Run, runtime: Runtime) -> None:
        """
        Raises:
            UserError: the run has no weights yet, or they are damaged.
        """
        self.run, self._runtime = run, runtime
        self.features, self.classes = run.info.features, run.info.classes
        self.model = build_model(run.recipe, self.features.dim, len(self.classes))
        load_weights(run.best_weights, self.model)
        self.model.to(runtime.device)

    def probabilities(self, pieces: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float32]:
        """Class probabilities of every frame.

        Args:
            pieces: features of one or more utterances, (T, D) each.

        Returns:
            (sum of T, C), utterances end to end.
        """
        frames = self.run.recipe.batches.open(list(pieces), self._runtime.device)
        result = classify(self.model, frames, self._runtime, self.run.recipe.precision)
        return np.asarray(result.cpu().numpy())


def utterances_of(run: Run, corpus: Corpus, split: str) -> Ints:
    """Utterances of "train", "validation" or "test" as the run saw them, or of "unlabelled".

    Raises:
        UserError: no such split, or it is empty.
    """
    if split == UNLABELLED:
        chosen: Ints = np.flatnonzero(~corpus.labelled)
        if not len(chosen):
            raise UserError(
                f"corpus '{run.info.corpus}' has no unlabelled utterances; take --split test"
            )
        return chosen
    if split not in SPLITS:
        raise UserError(f"no split '{split}': {did_you_mean(split, (*SPLITS, UNLABELLED))}")
    return split_corpus(corpus, run.recipe.split)[split]
