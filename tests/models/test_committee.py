from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.committee import Committee, CommitteeConfig

MEMBERS = [
    {"kind": "speaker", "encoder": {"kind": "rnn", "width": 4, "depth": 1}, "embedding": 6},
    {
        "kind": "speaker",
        "encoder": {"kind": "tdnn", "width": 5},
        "frame_stack": 2,
        "embedding": 3,
        "head": {"kind": "aam-softmax", "margin": 0.3, "scale": 10, "warmup": 0.5},
    },
    {"kind": "speaker-lda", "lags": [0]},
]


def committee() -> tuple[Committee, Padded, torch.Tensor]:
    torch.manual_seed(0)
    config = CommitteeConfig.model_validate({"members": MEMBERS})
    batch = Padded.of(torch.randn(6, 9, 4), torch.tensor([9, 4, 9, 7, 9, 1]))
    return config.build(4, 5), batch, torch.tensor([0, 1, 2, 3, 4, 0])


def test_the_networks_and_lda_have_one_vote_each() -> None:
    model, batch, _ = committee()
    model.eval()
    one, two, lda = (voice(batch).softmax(1).log() for voice in model.voices)
    expected = one / 4 + two / 4 + lda / 2
    torch.testing.assert_close(model(batch), expected)


def test_the_cosine_of_two_embeddings_is_that_of_the_members_weighted_alike() -> None:
    model, batch, _ = committee()
    model.eval()

    def cosine(embeddings: torch.Tensor) -> torch.Tensor:
        return functional.cosine_similarity(embeddings[0], embeddings[1], dim=0)

    one, two, lda = (cosine(voice.embed(batch)) for voice in model.voices)
    torch.testing.assert_close(cosine(model.embed(batch)), one / 4 + two / 4 + lda / 2)


@pytest.mark.parametrize("done", [0.1, 1.0])
def test_each_member_learns_as_if_it_were_alone(done: float) -> None:
    model, batch, labels = committee()
    mean, scores = model.loss(batch, labels, done)
    mean.backward()  # type: ignore[no-untyped-call]
    learning = [p for network in model.networks for p in network.parameters()]
    assert {id(p) for p in model.parameters() if p.requires_grad} == {id(p) for p in learning}
    together = [p.grad for p in learning]
    model.zero_grad()
    alone = [m.loss(batch, labels, done) for m in model.networks]
    torch.stack([loss for loss, _ in alone]).sum().backward()  # type: ignore[no-untyped-call]
    for gradient, parameter in zip(together, learning, strict=True):
        assert gradient is not None
        assert parameter.grad is not None
        torch.testing.assert_close(2 * gradient, parameter.grad)
    torch.testing.assert_close(scores, sum(s.log_softmax(1) for _, s in alone) / 2)


def test_a_committee_of_one_is_refused() -> None:
    with pytest.raises(ValidationError, match="members"):
        CommitteeConfig.model_validate({"members": MEMBERS[:1]})


def test_a_committee_in_which_nobody_learns_is_refused() -> None:
    with pytest.raises(ValidationError, match="one member at least must be of kind speaker"):
        CommitteeConfig.model_validate({"members": [MEMBERS[2], MEMBERS[2]]})
