"""Coverage, with attention that is given by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder
from bossline.models.decoders.transformer import TransformerDecoderConfig
from bossline.tasks.transcribe.decoding.coverage import covered
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses


class Looking(Decoder):
    """Symbol k attends to frame k - 1 alone, and the begin to frame 0."""

    def forward(self, tokens: Tensor, memory: Padded) -> Tensor:
        raise NotImplementedError

    def with_attention(self, tokens: Tensor, memory: Padded) -> tuple[Tensor, Tensor]:
        frames = torch.nn.functional.one_hot((tokens - 1).clamp_min(0), memory.frames.shape[1])
        return tokens, frames.float().unsqueeze(1).expand(-1, 2, -1, -1)

    def start(self, memory: Padded, beam: int = 1) -> None:  # type: ignore[override]
        raise NotImplementedError

    def step(self, tokens: Tensor, state: object) -> tuple[Tensor, None]:  # type: ignore[override]
        raise NotImplementedError


def two(scores: list[float]) -> Hypotheses:
    return Hypotheses(
        symbols=torch.tensor([[[1, 1, 0, 0], [1, 2, 3, 4]]]),
        lengths=torch.tensor([[2, 4]]),
        scores=torch.tensor([scores]),
        ended=torch.tensor([[True, False]]),
    )


def test_a_string_that_leaves_frames_out_falls_behind() -> None:
    memory = Padded.of(torch.zeros(1, 6, 1), torch.tensor([4]))
    found = covered(Looking(), memory, two([-1.0, -2.0]), 0.1)
    # The first string saw one of four real frames, the other all of them.
    missed = 3 * math.log(1e-4)
    assert found.scores[0].tolist() == pytest.approx([-2.0, -1.0 + 0.1 * missed])
    assert found.symbols[0].tolist() == [[1, 2, 3, 4], [1, 1, 0, 0]]
    assert found.lengths.tolist() == [[4, 2]]
    assert found.ended.tolist() == [[False, True]]


def test_padding_and_company_change_nothing() -> None:
    torch.manual_seed(0)
    decoder = TransformerDecoderConfig(width=8, depth=1, heads=2).build(5, 6).eval()
    frames, lengths = torch.randn(2, 7, 5), torch.tensor([7, 4])
    symbols = torch.randint(1, 6, (2, 3, 4))
    both = Hypotheses(
        symbols, torch.tensor([[4, 3, 2], [4, 2, 0]]), torch.zeros(2, 3), torch.ones(2, 3).bool()
    )
    together = covered(decoder, Padded.of(frames, lengths), both, 1.0)
    for u, length in enumerate(lengths.tolist()):
        one = Hypotheses(
            both.symbols[u : u + 1], both.lengths[u : u + 1], both.scores[:1], both.ended[:1]
        )
        alone = covered(
            decoder, Padded.of(frames[u : u + 1, :length], lengths[u : u + 1]), one, 1.0
        )
        torch.testing.assert_close(alone.scores[0], together.scores[u], atol=1e-4, rtol=1e-4)
