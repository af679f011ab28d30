"""LDA of voices: what its numbers are, and how sure it may be."""

from __future__ import annotations

import torch

from bossline.batches.padded import Padded
from bossline.models.fitted.discriminant import Discriminant, likeliest_scale
from bossline.models.fitted.speaker_lda import SpeakerLda, SpeakerLdaConfig
from bossline.models.fitted.sums import ClassMoments


def voices(each: int) -> tuple[Padded, torch.Tensor]:
    """Four speakers, so many utterances of each, who differ in how dimensions go together."""
    torch.manual_seed(0)
    labels = torch.arange(4).repeat(each)
    mixing = (torch.eye(6) + 0.1 * torch.randn(4, 6, 6))[labels]
    return Padded.of(
        torch.randn(len(labels), 25, 6) @ mixing, torch.full((len(labels),), 25)
    ), labels


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
        parts = [(Padded.of(batch.frames[h], batch.lengths[h]), labels[h]) for h in halves]
        assert model.fit(parts) == f"one pass, logits scaled by {scale:.2f}"
        assert scale < 0.9  # so the test can fail
        torch.testing.assert_close(model(batch).softmax(1), expected.softmax(1), atol=1e-4, rtol=0)


def test_speakers_of_few_utterances_leave_the_logits_alone() -> None:
    batch, labels = voices(each=4)
    model = SpeakerLda(SpeakerLdaConfig(), 6, 4)
    assert model.fit([(batch, labels)]) == "one pass, logits scaled by 1.00"


def test_a_voice_that_shifts_one_sound_is_known_by_the_mixture_alone() -> None:
    """Two sounds; the speakers' means and deviations are the same, one moves each to and fro."""
    torch.manual_seed(0)
    labels = torch.arange(2).repeat(60)
    sounds = torch.randint(2, (120, 40)).sort(1, descending=True).values
    x = 0.5 * torch.randn(120, 40, 3)
    x[..., 0] += 6 * sounds
    x[..., 1] += torch.where(labels == 0, 0.6, -0.6).unsqueeze(1) * (2 * sounds - 1)
    batch = Padded.of(x, torch.full((120,), 40))
    training, test = (
        (Padded.of(batch.frames[part], batch.lengths[part]), labels[part])
        for part in (slice(0, 80), slice(80, None))
    )
    model = SpeakerLda(SpeakerLdaConfig(lags=(), components=2, shrinkage=0.5), 3, 2)
    without = SpeakerLda(SpeakerLdaConfig(lags=(), shrinkage=0.5), 3, 2)
    assert model.fit([training]).startswith("two passes")
    without.fit([training])

    def accuracy(lda: SpeakerLda) -> float:
        return float((lda(test[0]).argmax(1) == test[1]).float().mean())

    assert accuracy(model) > 0.95
    assert accuracy(without) < 0.8
