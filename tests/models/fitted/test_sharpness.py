"""The scale of logits against scipy's minimum, and a brute-force hold-out of the speaker LDA."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from bossline.batches.padded import Padded
from bossline.models.fitted.discriminant import Discriminant
from bossline.models.fitted.moments import ClassMoments
from bossline.models.fitted.sharpness import likeliest_scale
from bossline.models.fitted.speaker_lda import SpeakerLda, SpeakerLdaConfig


@settings(max_examples=20)
@given(st.integers(0, 99), st.floats(0.5, 80))
def test_it_is_where_scipy_finds_the_least_loss(seed: int, too_sure: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(5, size=200)
    logits = too_sure * (rng.normal(size=(200, 5)) + 1.5 * np.eye(5)[labels])

    def loss(log_scale: float) -> float:
        chosen = log_softmax(np.exp(log_scale) * logits, axis=1)[np.arange(200), labels]
        return -float(chosen.mean())

    bounds = np.log([1e-3, 1])
    least = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    found = likeliest_scale(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found == pytest.approx(float(np.exp(least.x)), rel=1e-4)


def test_a_class_that_is_ruled_out_changes_nothing() -> None:
    torch.manual_seed(0)
    logits, labels = 3 * torch.randn(50, 3), torch.randint(3, (50,))
    logits[torch.arange(50), labels] += 3
    wider = torch.cat([logits, torch.full((50, 1), -torch.inf)], dim=1)
    assert likeliest_scale(wider, labels) == pytest.approx(likeliest_scale(logits, labels))


def voices(each: int) -> tuple[Padded, torch.Tensor]:
    """Four speakers, so many utterances of each, who differ in how dimensions go together."""
    torch.manual_seed(0)
    labels = torch.arange(4).repeat(each)
    mixing = (torch.eye(6) + 0.1 * torch.randn(4, 6, 6))[labels]
    return Padded(torch.randn(len(labels), 25, 6) @ mixing, torch.full((len(labels),), 25)), labels


def test_the_fifth_utterance_of_each_speaker_decides_how_sure_lda_is() -> None:
    batch, labels = voices(each=15)
    model = SpeakerLda(SpeakerLdaConfig(), 6, 4)
    described = model.statistics(batch)
    held = torch.arange(len(labels)) // 4 % 5 == 4

    def solved(chosen: torch.Tensor) -> Discriminant:
        found = Discriminant(described.shape[1], 4)
        found.solve(ClassMoments(4).add_all([(described[chosen], labels[chosen])]), 0.2)
        return found

    with torch.no_grad():
        scale = likeliest_scale(solved(~held)(described[held]), labels[held])
        expected = scale * solved(torch.ones_like(held))(described)
        halves = [slice(0, 26), slice(26, None)]
        parts = [(Padded(batch.frames[h], batch.lengths[h]), labels[h]) for h in halves]
        assert model.fit(parts) == f"one pass, logits scaled by {scale:.2f}"
        assert scale < 0.9  # so the test can fail
        torch.testing.assert_close(model(batch).softmax(1), expected.softmax(1), atol=1e-4, rtol=0)


def test_speakers_of_few_utterances_leave_the_logits_alone() -> None:
    batch, labels = voices(each=4)
    model = SpeakerLda(SpeakerLdaConfig(), 6, 4)
    assert model.fit([(batch, labels)]) == "one pass, logits scaled by 1.00"
