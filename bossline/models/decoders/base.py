"""What every decoder is: symbols one after the other, from the frames of an encoder.

Symbols are 1, ..., V. 0 is the boundary of a string: as the first input it begins, as output it
ends. A decoder that is built for `symbols` = V + 1 gives logits of 0, ..., V at each place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded


class State(ABC):
    """What a decoder remembers of B * beam hypotheses between two steps, utterance by utterance.

    Row u * beam + k is hypothesis k of utterance u. A state is used once: what a step, or one of
    the methods, returns takes its place, and may have taken its memory.
    """

    @abstractmethod
    def reordered(self, rows: Tensor) -> State:
        """The hypotheses that go on, each from its parent.

        Args:
            rows: (B * beam,) int64, each row's parent, which is of the same utterance.
        """

    @abstractmethod
    def kept(self, utterances: Tensor) -> State:
        """Without the utterances that are done.

        Args:
            utterances: (K,) int64, those of the B that go on, in their new order.
        """


class Decoder(nn.Module, ABC):
    """Strings and the frames they are of -> logits of the next symbol at each place.

    Logits at a place depend on no later symbol, so what stands beyond a string's end may be any
    symbol; and on the real frames of its utterance alone, whatever lies in the padding.
    """

    @abstractmethod
    def forward(self, tokens: Tensor, memory: Padded) -> Tensor:
        """(B, L, symbols) logits, teacher forced.

        Args:
            tokens: (B, L) int64; each string begins with 0.
            memory: (B, T, memory width).
        """

    @abstractmethod
    def with_attention(self, tokens: Tensor, memory: Padded) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the weights (B, A, L, T) of the frames, from one pass.

        Both have gradients: guided attention has a loss on the weights. They are before dropout; a
        row of them sums to 1 over the real frames. A is layers x heads, layer by layer. A plain
        softmax makes them, and they are held in memory, which `forward` may avoid.

        Args:
            tokens, memory: as in `forward`.
        """

    def attention(self, tokens: Tensor, memory: Padded) -> Tensor:
        """The weights of `with_attention` alone."""
        return self.with_attention(tokens, memory)[1]

    @abstractmethod
    def start(self, memory: Padded, beam: int = 1) -> State:
        """Of B * beam empty hypotheses. What is computed of frames is kept once an utterance.

        Args:
            memory: (B, T, memory width).
            beam: hypotheses an utterance.
        """

    @abstractmethod
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """(B * beam, symbols) logits of what follows, and the state in which it does.

        Args:
            tokens: (B * beam,) int64, the newest symbol of each hypothesis; 0 at first.
            state: from `start` of this decoder, or from its last step.
        """


def rows_of(utterances: Tensor, beam: int) -> Tensor:
    """(K,) utterances -> (K * beam,): where their hypotheses stand."""
    rows = utterances.unsqueeze(1) * beam
    return (rows + torch.arange(beam, device=rows.device)).flatten()
