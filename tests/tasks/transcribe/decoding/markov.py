"""A decoder that is a table: what follows depends on the last two symbols and the utterance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder, State
from tests.tasks.transcribe.decoding.enumeration import String, all_strings


@dataclass(frozen=True)
class MarkovState(State):
    """Of each hypothesis (B * beam,), and what is the same for those of an utterance (B,)."""

    before: Tensor
    utterances: Tensor

    def reordered(self, rows: Tensor) -> MarkovState:
        beam = len(rows) // len(self.utterances)
        assert torch.equal(rows // beam, torch.arange(len(rows)) // beam)
        return MarkovState(self.before[rows], self.utterances)

    def kept(self, utterances: Tensor) -> MarkovState:
        before = self.before.view(len(self.utterances), -1)[utterances]
        return MarkovState(before.flatten(), self.utterances[utterances])


class Markov(Decoder):
    """Keeps count of the rows that it was asked for."""

    def __init__(self, utterances: int, symbols: int, *, seed: int = 0, end: float = 0.0) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(seed)
        columns = symbols + 1
        logits = torch.randn(utterances, columns, columns, columns, generator=draws)
        logits[..., 0] += end
        self.log_probs = logits.log_softmax(-1)
        self.rows = 0

    def start(self, memory: Padded, beam: int = 1) -> MarkovState:
        utterances = memory.frames[:, 0, 0].long()
        return MarkovState(torch.zeros(len(utterances) * beam, dtype=torch.int64), utterances)

    def forward(self, tokens: Tensor, memory: Padded) -> Tensor:
        raise NotImplementedError

    def with_attention(self, tokens: Tensor, memory: Padded) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, MarkovState]:
        assert isinstance(state, MarkovState)
        self.rows += len(tokens)
        utterances = state.utterances.repeat_interleave(len(tokens) // len(state.utterances))
        logits = self.log_probs[utterances, state.before, tokens] + 3  # need not be normalised
        return logits, MarkovState(tokens, state.utterances)

    def score(self, utterance: int, string: String) -> float:
        """log p(string and its end)."""
        table, total = self.log_probs[utterance], 0.0
        path = (0, 0, *string, 0)
        for before, last, following in zip(path[:-2], path[1:-1], path[2:], strict=True):
            total += float(table[before, last, following])
        return total

    def scores(self, utterance: int, longest: int) -> dict[String, float]:
        strings = all_strings(self.log_probs.shape[-1] - 1, longest)
        return {string: self.score(utterance, string) for string in strings}

    def greedy(self, utterance: int, longest: int) -> list[int]:
        before, string = 0, [0]
        while len(string) <= longest:
            best = int(self.log_probs[utterance, before, string[-1]].argmax())
            if best == 0:
                break
            before = string[-1]
            string.append(best)
        return string[1:]


def memory_of(lengths: list[int]) -> Padded:
    """Frames that hold the number of their utterance."""
    numbers = torch.arange(len(lengths)).float()
    frames = numbers[:, None, None].expand(-1, max(lengths), 1)
    return Padded.of(frames, torch.tensor(lengths))
