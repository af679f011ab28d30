"""Scores of pairs of embeddings: cosine, and cosine seen against a cohort of other speakers."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.error_rates import Floats

ScoreScale = Literal["cosine", "as-norm"]
"""Kinds of scores; a threshold for one kind cannot judge the other."""

ScoreNorm = Literal["none", "as-norm"]
"""What cosine scores go through; as-norm compares with the mean voice of each training speaker."""

SCALES: dict[ScoreNorm, ScoreScale] = {"none": "cosine", "as-norm": "as-norm"}

_BLOCK = 1024
"""Utterances compared with the cohort at once, which bounds the memory."""


def cosine_scores(embeddings: npt.ArrayLike, enrol: npt.ArrayLike, test: npt.ArrayLike) -> Floats:
    """(N,) cosine of the angle between the two embeddings of each trial.

    Args:
        embeddings: (U, D), one an utterance.
        enrol: (N,) rows of the embeddings.
        test: (N,) rows of the embeddings.

    Raises:
        UserError: an embedding has no direction.
    """
    unit = _unit(embeddings, "embedding")
    cosines: Floats = np.einsum("nd,nd->n", unit[np.asarray(enrol)], unit[np.asarray(test)])
    return cosines


def as_norm(
    embeddings: npt.ArrayLike,
    enrol: npt.ArrayLike,
    test: npt.ArrayLike,
    cohort: npt.ArrayLike,
    *,
    top: int = 300,
) -> Floats:
    """(N,) cosine scores after adaptive symmetric normalisation.

    Each side has the mean and standard deviation of its cosines with the cohort embeddings most
    similar to it; the score is the mean of the two standardised scores. That is AS-norm1 of
    Matějka et al. (Interspeech 2017), after Cumani et al. (Interspeech 2011).

    Args:
        embeddings: (U, D), one an utterance.
        enrol: (N,) rows of the embeddings.
        test: (N,) rows of the embeddings.
        cohort: (C, D) of speakers who are in no trial, best one a speaker.
        top: how many of the cohort each side is compared with; all of a smaller cohort.

    Raises:
        UserError: an embedding has no direction, fewer than 2 to compare with, or a cohort
            whose embeddings are all alike.
    """
    first, second = np.asarray(enrol), np.asarray(test)
    unit, others = _unit(embeddings, "embedding"), _unit(cohort, "cohort embedding")
    if min(top, len(others)) < 2:
        raise UserError(
            f"score normalisation with the top {top} of a cohort of {len(others)}: "
            "expected at least 2 of at least 2"
        )
    mean, deviation = _similar(unit, others, min(top, len(others)))
    scores = cosine_scores(unit, first, second)
    sides = [(scores - mean[side]) / deviation[side] for side in (first, second)]
    normalised: Floats = (sides[0] + sides[1]) / 2
    return normalised


def _similar(unit: Floats, cohort: Floats, top: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation (U,) of the `top` highest cosines with the cohort."""
    mean, deviation = np.empty(len(unit)), np.empty(len(unit))
    for start in range(0, len(unit), _BLOCK):
        cosines = unit[start : start + _BLOCK] @ cohort.T
        nearest = np.partition(cosines, -top, axis=1)[:, -top:]
        mean[start : start + _BLOCK] = nearest.mean(1)
        deviation[start : start + _BLOCK] = nearest.std(1)
    if (deviation < 1e-9).any():  # rounding alone makes it 1e-16
        raise UserError(
            f"score normalisation: the {top} cohort embeddings nearest to an utterance are "
            "all alike; use a cohort of different speakers"
        )
    return mean, deviation


def _unit(embeddings: npt.ArrayLike, what: str) -> Floats:
    vectors = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(wrong):
        raise UserError(
            f"{what} {wrong[0] + 1} of {len(vectors)} is all zeros or not finite: "
            "it has no direction"
        )
    unit: Floats = vectors / lengths
    return unit
