"""The best weights of one or more runs, ready to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bossline.batches.base import BatchConfig
from bossline.core.errors import UserError, did_you_mean
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus, Ints
from bossline.data.speeds import copies
from bossline.data.splits import SPLITS, UNHEARD, split_corpus
from bossline.tasks.base import Answers, OpenRun, Pieces, Smoother, answers_of, frame_answers_of
from bossline.training.checkpoint import fill_weights
from bossline.training.contents import SMOOTHING, WEIGHTS

UNLABELLED = "unlabelled"

Smoothing = Literal["none", "median", "viterbi"]
"""What may be asked for in place of what the recipe says."""


class TrainedModel:
    """A run's model with its best weights.

    Attributes:
        fingerprint: SHA-256 of the weights.
        frame_classes: names of what it says of each frame; none where it says nothing of them.
    """

    def __init__(self, run: OpenRun, runtime: Runtime, recipe: Any = None) -> None:
        """
        Args:
            recipe: that asks for another search than the run's own; None: the run's.

        Raises:
            UserError: the run has no weights yet, or they are damaged.
        """
        self.run, self._runtime = run, runtime
        self.recipe = recipe or run.recipe
        self.features, self.classes = run.features, run.classes
        self.frame_classes = run.task.frame_classes(run.recipe, run.classes)
        self.model = run.task.model(run.recipe, run.features, run.classes)
        path = run.path / WEIGHTS
        try:
            content = run.read(WEIGHTS)
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file; the run has no finished epoch yet") from error
        self.fingerprint = hashlib.sha256(content).hexdigest()
        fill_weights(self.model, content, path)
        self.model.to(runtime.device)
        self.model.eval()  # for good: see `evaluating`
        self._is_equipped = False

    def equip(self) -> None:
        """Read what it needs to answer besides weights, as a model of phones.

        `answers` does so too; an alignment can do without.

        Raises:
            UserError: it is gone or damaged.
        """
        if not self._is_equipped:
            self.run.task.equip(self.model, self.run, self.recipe)
            self._is_equipped = True

    def answers(self, pieces: Pieces, batches: BatchConfig | None = None) -> Answers:
        """What it says of every frame, utterance, image or row.

        Args:
            pieces: features of one or more utterances, (T, D) each, or images (H, W, 3).
            batches: in place of the recipe's.

        Raises:
            UserError: one of the answers is no number, or as of `equip`.
        """
        self.equip()
        recipe = self.recipe
        if batches is not None:
            recipe = recipe.model_copy(update={"batches": batches})
        answers = answers_of(self.run.task, self.model, pieces, recipe, self._runtime)
        check_finite(answers.array, self.run)
        return answers

    def frame_answers(self, pieces: Pieces) -> Answers:
        """(N, C) probabilities of `frame_classes` in each frame.

        Raises:
            UserError: one of them is no number.
        """
        run = self.run
        answers = frame_answers_of(run.task, self.model, pieces, self.recipe, self._runtime)
        check_finite(answers.array, run)
        return answers


def check_finite(answers: npt.NDArray[Any], run: OpenRun) -> None:
    """
    Raises:
        UserError: a model answered with NaN or infinity.
    """
    wrong = int((~np.isfinite(answers)).sum())
    if wrong:
        raise UserError(
            f"{run.path / WEIGHTS}: the model answers {wrong:,} of {answers.size:,} numbers with "
            "NaN or infinity: its weights are damaged, or the input is beyond what it can compute; "
            "bring back a copy of the weights, or train the run again"
        )


class Ensemble:
    """Several runs that answer as one, as their task agrees; of one run, the run itself.

    Attributes:
        members: the models of the runs.
    """

    def __init__(
        self, runs: Sequence[OpenRun], runtime: Runtime, recipes: Sequence[Any] | None = None
    ) -> None:
        """
        Args:
            recipes: of each, where another search is asked for.

        Raises:
            UserError: the runs have other tasks, classes or features, or one has no weights.
        """
        first, *others = runs
        for other in others:
            if other.task is not first.task:
                raise UserError(f"{first.path} and {other.path} are of different tasks")
            for what in ("classes", "features"):
                if getattr(other, what) != getattr(first, what):
                    raise UserError(
                        f"{first.path} and {other.path} were trained on other {what}: "
                        "they cannot answer together"
                    )
        self.features, self.classes = first.features, first.classes
        self._task = first.task
        self.members = [
            TrainedModel(run, runtime, recipe)
            for run, recipe in zip(runs, recipes or [None] * len(runs), strict=True)
        ]

    def equip(self) -> None:
        """See TrainedModel.equip."""
        for member in self.members:
            member.equip()

    def answers(self, pieces: Pieces, batches: BatchConfig | None = None) -> Answers:
        """See TrainedModel.answers."""
        answers = [member.answers(pieces, batches) for member in self.members]
        return answers[0] if len(answers) == 1 else self._task.agree(answers)


def items_of(runs: Sequence[OpenRun], corpus: Corpus, split: str) -> Ints:
    """Items of "train", "validation", "test" or "unheard" as split by the runs' recipes, or of
    "unlabelled".

    Raises:
        UserError: no such split, it is empty, or it is another one for some of the runs.
    """
    first, *others = runs
    labelled = first.task.labelled(corpus)
    if split == UNLABELLED:
        chosen: Ints = np.flatnonzero(~labelled & ~copies(corpus))
        if not len(chosen):
            raise UserError(
                f"corpus '{first.corpus_name}' has no unlabelled {corpus.header.features.item}s; "
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
    if split == "validation" and not first.recipe.split.validation:
        raise UserError(
            f"{first.path} was trained without a validation split (split.validation=0): take test"
        )
    for other in others:
        if (other.recipe.split, other.corpus_key) != (first.recipe.split, first.corpus_key):
            raise UserError(
                f"{other.path} was split in another way than {first.path}: what one is tested on "
                "the other was trained on"
            )
    return split_corpus(corpus, first.recipe.split, labelled)[split]


def smoother_of(run: OpenRun, asked: Smoothing | None = None) -> Smoother | None:
    """The recipe's smoother as it was fitted, or another kind, fitted now on the training split.

    Args:
        asked: None: as the recipe says.

    Raises:
        UserError: the fitted tables, or for another kind the corpus, are gone or damaged; or the
            task has nothing to smooth.
    """
    own = run.recipe.smoothing
    if asked is None or (own is not None and own.kind == asked):
        return None if own is None else _restored(own, run)
    if asked == "none":
        return None
    config = run.task.smoothing(asked, run.recipe)
    corpus = run.corpus()
    return run.task.fit_smoother(config, corpus, items_of([run], corpus, "train"))


def _restored(config: Any, run: OpenRun) -> Smoother:
    tables = run.tensors(SMOOTHING)
    if tables is None:
        raise UserError(f"{run.path / SMOOTHING} is missing: run 'bossline evaluate {run.path}'")
    expected = run.task.smoothed(run.classes)
    known = tables["prior"].size if "prior" in tables else expected
    if known != expected:
        raise run.damaged(SMOOTHING, f"prior: {known} of {expected} classes")
    try:
        smoother: Smoother = config.restore(tables)
    except UserError as error:
        raise run.damaged(SMOOTHING, str(error)) from error
    return smoother
