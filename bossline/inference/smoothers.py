"""Which smoother a run's posteriors go through."""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter

from bossline.errors import UserError
from bossline.inference.trained import utterances_of
from bossline.smoothing import Smoother, SmoothingConfig
from bossline.training.contents import SMOOTHING
from bossline.training.run import Run

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
