"""Cosine and AS-norm scores against loops over trials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification import normalisation
from bossline.tasks.speaker.verification.normalisation import as_norm, cosine_scores


def looped(a: np.ndarray, b: np.ndarray, cohort: np.ndarray, top: int) -> float:
    """One AS-norm score."""
    score = 1 - cosine(a, b)
    sides = []
    for side in (a, b):
        nearest = sorted((1 - cosine(side, other) for other in cohort), reverse=True)[:top]
        sides.append((score - np.mean(nearest)) / np.std(nearest))
    return float(np.mean(sides))


@given(st.integers(0, 2**31), st.integers(2, 15), st.integers(1, 20))
def test_scores_equal_a_loop(seed: int, top: int, utterances: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings, cohort = rng.normal(size=(utterances, 6)), rng.normal(size=(10, 6)) * 3
    enrol, test = rng.integers(0, utterances, (2, 12))
    pairs = [(embeddings[a], embeddings[b]) for a, b in zip(enrol, test, strict=True)]
    np.testing.assert_allclose(
        cosine_scores(embeddings, enrol, test), [1 - cosine(a, b) for a, b in pairs], atol=1e-12
    )
    np.testing.assert_allclose(
        as_norm(embeddings, enrol, test, cohort, top=top),
        [looped(a, b, cohort, top) for a, b in pairs],
        rtol=1e-6,
        atol=1e-9,
    )


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    embeddings, cohort = rng.normal(size=(11, 4)), rng.normal(size=(30, 4))
    enrol, test = rng.integers(0, 11, (2, 40))
    whole = as_norm(embeddings, enrol, test, cohort, top=5)
    monkeypatch.setattr(normalisation, "_BLOCK", 3)
    np.testing.assert_allclose(as_norm(embeddings, enrol, test, cohort, top=5), whole)


def test_the_sides_are_symmetric_and_lengths_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    embeddings, cohort = rng.normal(size=(2, 4)), rng.normal(size=(9, 4))
    there = as_norm(embeddings, [0], [1], cohort)
    np.testing.assert_allclose(as_norm(embeddings, [1], [0], cohort), there)
    np.testing.assert_allclose(as_norm(embeddings * 7, [0], [1], cohort / 3), there)


@pytest.mark.parametrize(
    ("cohort", "top", "message"),
    [
        (np.eye(1, 3), 5, "the top 5 of a cohort of 1: expected at least 2 of at least 2"),
        (np.eye(3), 1, "the top 1 of a cohort of 3: expected at least 2 of at least 2"),
        (np.ones((4, 3)), 3, "the 3 cohort embeddings nearest to an utterance are all alike"),
        (np.array([[1.0, 0, 0], [0, 0, 0]]), 2, "cohort embedding 2 of 2 is all zeros"),
    ],
)
def test_an_unfit_cohort_is_refused(cohort: np.ndarray, top: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        as_norm([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [0], [1], cohort, top=top)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_an_embedding_without_direction_is_refused(value: float) -> None:
    with pytest.raises(UserError, match="embedding 2 of 2 is all zeros or not finite"):
        cosine_scores([[1.0, 2], [value, value]], [0], [1])
