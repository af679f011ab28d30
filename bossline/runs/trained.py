"""The best weights of one or more runs, ready to classify."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from bossline.batches import BatchConfig
from bossline.core.errors import UserError, did_you_mean
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus, Ints
from bossline.data.speeds import copies
from bossline.data.splits import SPLITS, UNHEARD, split_corpus
from bossline.runs.contents import SMOOTHING, WEIGHTS
from bossline.runs.run import Run
from bossline.smoothing import Smoother, SmoothingConfig
from bossline.tasks import TASKS
from bossline.tasks.base import Outputs, Pieces
from bossline.training.checkpoint import fill_weights

UNLABELLED = "unlabelled"


class TrainedModel:
    """A run's model with its best weights.

    Attributes:
        fingerprint: SHA-256 of the weights.
    """

    def __init__(self, run: Run, runtime: Runtime) -> None:
        """
        Raises:
            UserError: the run has no weights yet, or they are damaged.
        """
        self.run, self._runtime = run, runtime
        self.features, self.classes = run.info.features, run.info.classes
        self.model = TASKS[run.recipe.task].model(run.recipe, self.features, self.classes)
        try:
            content = run.read(WEIGHTS)
        except FileNotFoundError as error:
            raise UserError(
                f"{run.best_weights}: no such file; the run has no finished epoch yet"
            ) from error
        self.fingerprint = hashlib.sha256(content).hexdigest()
        fill_weights(self.model, content, run.best_weights)
        self.model.to(runtime.device)

    def outputs(self, pieces: Pieces, batches: BatchConfig | None = None) -> Outputs:
        """Class probabilities or values of every frame, utterance, image or row.

        Args:
            pieces: features of one or more utterances, (T, D) each, or images (H, W, 3).
            batches: in place of the recipe's.

        Returns:
            (N, C) or (N,), utterances end to end.

        Raises:
            UserError: one of them is no number.
        """
        task, recipe = TASKS[self.run.recipe.task], self.run.recipe
        if batches is not None:
            recipe = recipe.model_copy(update={"batches": batches})
        answers = task.outputs(self.model, pieces, recipe, self._runtime)
        check_finite(answers, self.run)
        return answers


def check_finite(answers: npt.NDArray[Any], run: Run) -> None:
    """
    Raises:
        UserError: a model answered with NaN or infinity.
    """
    wrong = int((~np.isfinite(answers)).sum())
    if wrong:
        raise UserError(
            f"{run.best_weights}: the model answers {wrong:,} of {answers.size:,} numbers with NaN "
            "or infinity: its weights are damaged, or the input is beyond what it can compute; "
            "bring back a copy of the weights, or train the run again"
        )


class Ensemble:
    """Several runs that answer as one, as their task agrees; of one run, the run itself."""

    def __init__(self, runs: Sequence[Run], runtime: Runtime) -> None:
        """
        Raises:
            UserError: the runs have other tasks, classes or features, or one has no weights.
        """
        first, *others = runs
        for other in others:
            if other.recipe.task != first.recipe.task:
                raise UserError(f"{first.path} and {other.path} are of different tasks")
            for what in ("classes", "features"):
                if getattr(other.info, what) != getattr(first.info, what):
                    raise UserError(
                        f"{first.path} and {other.path} were trained on other {what}: "
                        "they cannot answer together"
                    )
        self.features, self.classes = first.info.features, first.info.classes
        self._task = TASKS[first.recipe.task]
        self._members = [TrainedModel(run, runtime) for run in runs]

    def outputs(self, pieces: Pieces, batches: BatchConfig | None = None) -> Outputs:
        """See TrainedModel.outputs."""
        answers = [member.outputs(pieces, batches) for member in self._members]
        return answers[0] if len(answers) == 1 else self._task.agreed(answers)


def utterances_of(runs: Sequence[Run], corpus: Corpus, split: str) -> Ints:
    """Utterances of "train", "validation", "test" or "unheard" as split by the runs' recipes, or of
    "unlabelled".

    Raises:
        UserError: no such split, it is empty, or it is another one for some of the runs.
    """
    first, *others = runs
    labelled = TASKS[first.recipe.task].labelled(corpus)
    if split == UNLABELLED:
        chosen: Ints = np.flatnonzero(~labelled & ~copies(corpus))
        if not len(chosen):
            raise UserError(
                f"corpus '{first.info.corpus}' has no unlabelled {corpus.header.features.item}s; "
                "take --split test"
            )
        return chosen
    if split not in (*SPLITS, UNHEARD):
        known = (*SPLITS, UNHEARD, UNLABELLED)
        raise UserError(f"no split '{split}': {did_you_mean(split, known)}")
    if split == UNHEARD and not first.recipe.split.unheard:
        raise UserError(
            f"{first.path} has heard all speakers: train with split.unheard=0.1 to set some aside"
        )
    for other in others:
        if (other.recipe.split, other.info.corpus_key) != (
            first.recipe.split,
            first.info.corpus_key,
        ):
            raise UserError(
                f"{other.path} was split in another way than {first.path}: what one is tested on "
                "the other was trained on"
            )
    return split_corpus(corpus, first.recipe.split, labelled)[split]


# Which smoother a run's posteriors go through.


Smoothing = Literal["none", "median", "viterbi"]
"""What may be asked for in place of what the recipe says."""


def smoother_of(run: Run, asked: Smoothing | None = None) -> Smoother | None:
    """The recipe's smoother as it was fitted, or another kind, fitted now on the training split.

    Args:
        asked: None: as the recipe says.

    Raises:
        UserError: the fitted tables, or for another kind the corpus, are gone or damaged.
    """
    own = run.recipe.smoothing
    if asked is None or (own is not None and own.kind == asked):
        return None if own is None else _restored(own, run)
    if asked == "none":
        return None
    if run.recipe.task != "phoneme":
        raise UserError(f"smoothing is for frames, and {run.path} is of the task {run.recipe.task}")
    config: SmoothingConfig = TypeAdapter(SmoothingConfig).validate_python({"kind": asked})
    corpus = run.corpus()
    train = utterances_of([run], corpus, "train")
    return config.fit([corpus.frame_labels(int(u)) for u in train], len(run.info.classes))


def _restored(config: SmoothingConfig, run: Run) -> Smoother:
    tables = run.smoothing_tables()
    known = tables["prior"].size if "prior" in tables else len(run.info.classes)
    if known != len(run.info.classes):
        raise run.damaged(SMOOTHING, f"prior: {known} of {len(run.info.classes)} classes")
    try:
        return config.restore(tables)
    except UserError as error:
        raise run.damaged(SMOOTHING, str(error)) from error
