"""Coverage, with attention given by hand, and a decoder's opinion, told symbol by symbol."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder
from bossline.models.decoders.transformer import TransformerDecoderConfig
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses
from bossline.tasks.transcribe.decoding.reordering import covered, rescored


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


def test_a_decoders_opinion_is_the_sum_of_what_it_says_symbol_by_symbol() -> None:
    torch.manual_seed(1)
    decoder = TransformerDecoderConfig(width=8, depth=1, heads=2).build(5, 6).eval()
    frames, lengths = torch.randn(2, 7, 5), torch.tensor([7, 4])
    symbols = torch.tensor([[[3, 1, 0], [2, 2, 5]], [[0, 0, 0], [4, 0, 0]]])
    counts = torch.tensor([[2, 3], [0, 1]])
    scores = torch.tensor([[-1.0, -1.5], [-0.5, -torch.inf]])
    found = Hypotheses(symbols, counts, scores, torch.ones(2, 2, dtype=torch.bool))
    after = rescored(decoder, Padded.of(frames, lengths), found, 0.7)
    for u in range(2):
        expected: dict[tuple[int, ...], float] = {}
        alone = Padded.of(frames[u : u + 1, : lengths[u]], lengths[u : u + 1])
        for n in range(2):
            string = symbols[u, n, : counts[u, n]].tolist()
            score = float(scores[u, n])
            for k in range(len(string) + 1):
                said = decoder(torch.tensor([[0, *string[:k]]]), alone)[0, -1].log_softmax(0)
                score += 0.7 * said[[*string, 0][k]].item()
            expected[tuple(string)] = score
        order = sorted(expected, key=lambda string: -expected[string])
        told = [
            row[:length].tolist()
            for row, length in zip(after.symbols[u], after.lengths[u], strict=True)
        ]
        assert told == [list(string) for string in order]
        assert after.scores[u].tolist() == pytest.approx([expected[s] for s in order], abs=1e-5)
