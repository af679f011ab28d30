"""Listen, attend and spell (Chan et al. 2015, arXiv 1508.01211): its speller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.core.config import MOST_LAYERS, Config
from bossline.models.decoders.base import Decoder, State, rows_of
from bossline.models.encoders.layers import Kernel, zero_padding
from bossline.models.layers import Dropout, Linear, OutputLayer

Choose = Callable[[int, Tensor], Tensor]
"""From a place i and the logits (B, symbols) there to the symbols (B,) int64 that are read at place
i + 1: those of the string, or the model's own. Logits come with their gradient, which a choice must
not carry on; it is asked for the places 0, ..., L - 2 in turn."""


class LstmDecoderConfig(Config):
    """depth x LSTM cell, attention to frames, linear; once a symbol."""

    kind: Literal["lstm"] = "lstm"
    depth: int = Field(1, ge=1, le=MOST_LAYERS, description="LSTM cells, one above the other")
    width: int = Field(256, ge=1, description="units of each cell")
    attention: Literal["location", "content"] = Field(
        "location", description="whether it knows where it looked before, or the frames alone"
    )
    attention_width: int = Field(128, ge=1, description="units that compare symbol and frame")
    filters: int = Field(10, ge=1, description="convolutions over the previous weights")
    kernel: Kernel = Field(31, description="frames that those see, odd")
    dropout: float = Field(0.1, ge=0, lt=1, description="between cells, and before the output")

    def build(self, memory_width: int, symbols: int) -> LstmDecoder:
        """
        Args:
            memory_width: numbers per frame of the encoder.
            symbols: V + 1.
        """
        return LstmDecoder(self, memory_width, symbols)


@dataclass(frozen=True)
class _Memory(State):
    """
    Attributes:
        beam: hypotheses an utterance.
        hidden, cells: a layer each, (B * beam, width).
        context: (B * beam, memory width), the weighed frames.
        weights: (B * beam, T), what weighed them; zeros at first.
        frames: (B, T, memory width), zeros in the padding.
        keys: (B, T, attention width).
        mask: (B, T), True on real frames.
    """

    beam: int
    hidden: tuple[Tensor, ...]
    cells: tuple[Tensor, ...]
    context: Tensor
    weights: Tensor
    frames: Tensor
    keys: Tensor
    mask: Tensor

    def reordered(self, rows: Tensor) -> _Memory:
        return replace(
            self,
            hidden=tuple(hidden.index_select(0, rows) for hidden in self.hidden),
            cells=tuple(cells.index_select(0, rows) for cells in self.cells),
            context=self.context.index_select(0, rows),
            weights=self.weights.index_select(0, rows),
        )

    def kept(self, utterances: Tensor) -> _Memory:
        return replace(
            self.reordered(rows_of(utterances, self.beam)),
            frames=self.frames.index_select(0, utterances),
            keys=self.keys.index_select(0, utterances),
            mask=self.mask.index_select(0, utterances),
        )


class LstmDecoder(Decoder):
    """LSTM cells read the last symbol and what was last heard, attend, and so know the next one.

    A symbol is an input of its own of the first cell: its embedding, already multiplied by that
    cell's weights.
    """

    def __init__(self, config: LstmDecoderConfig, memory_width: int, symbols: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, 4 * config.width)
        nn.init.normal_(self.embed.weight, std=3**-0.5)  # N(0, 1) through a fresh linear layer
        inputs = [memory_width] + [config.width] * (config.depth - 1)
        self.cells = nn.ModuleList(_Cell(size, config.width) for size in inputs)
        self.attend = _Attention(config, memory_width)
        self.dropout = Dropout(config.dropout)
        self.output = OutputLayer(config.width + memory_width, symbols)
        self.width = config.width

    def forward(self, tokens: Tensor, memory: Padded, choose: Choose | None = None) -> Tensor:
        """
        Args:
            tokens, memory: as every decoder's.
            choose: scheduled sampling (Bengio et al. 2015, arXiv 1506.03099): of `tokens` only the
                first place is read then, and what it chooses at the others.
        """
        return self.with_attention(tokens, memory, choose)[0]

    def with_attention(
        self, tokens: Tensor, memory: Padded, choose: Choose | None = None
    ) -> tuple[Tensor, Tensor]:
        """With A = 1; the loop needs the weights anyway, so that they cost nothing.

        Args:
            tokens, memory, choose: as in `forward`.
        """
        state = self._start(memory, 1)
        last = tokens.shape[1] - 1
        teacher = self.embed(tokens).unbind(1)
        symbols, logits, weights = teacher[0], [], []
        for place in range(last + 1):
            state = self._advanced(symbols, state)
            logits.append(self._logits(state))
            weights.append(state.weights)
            if place < last:
                if choose is None:
                    symbols = teacher[place + 1]
                else:
                    symbols = self.embed(choose(place, logits[-1]))
        return torch.stack(logits, 1), torch.stack(weights, 1).unsqueeze(1)

    def start(self, memory: Padded, beam: int = 1) -> State:
        return self._start(memory, beam)

    def _start(self, memory: Padded, beam: int) -> _Memory:
        frames = zero_padding(memory.frames, memory.padding)
        size, steps, width = frames.shape
        return _Memory(
            beam=beam,
            hidden=(frames.new_zeros(size * beam, self.width),) * len(self.cells),
            cells=(frames.new_zeros(size * beam, self.width),) * len(self.cells),
            context=frames.new_zeros(size * beam, width),
            weights=frames.new_zeros(size * beam, steps),
            frames=frames,
            keys=self.attend.keys(frames),
            mask=memory.mask,
        )

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        assert isinstance(state, _Memory)
        state = self._advanced(self.embed(tokens), state)
        return self._logits(state), state

    def _advanced(self, symbols: Tensor, state: _Memory) -> _Memory:
        """After one symbol more.

        Args:
            symbols: (B * beam, 4 * width), as embedded.
            state: before it.
        """
        below: Tensor = state.context
        added: Tensor | None = symbols
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        for number, cell in enumerate(self.cells):
            if number:
                below, added = self.dropout(hidden[-1]), None
            new = cell(below, added, state.hidden[number], state.cells[number])
            hidden.append(new[0])
            cells.append(new[1])
        weights = self.attend(hidden[-1], state)
        context = weights.view(len(state.mask), state.beam, -1) @ state.frames.to(weights.dtype)
        return replace(
            state,
            hidden=tuple(hidden),
            cells=tuple(cells),
            context=context.flatten(0, 1),
            weights=weights,
        )

    def _logits(self, state: _Memory) -> Tensor:
        """(B * beam, symbols)."""
        heard = torch.cat((state.hidden[-1], state.context), -1)
        logits: Tensor = self.output(self.dropout(heard))
        return logits


class _Cell(nn.Module):
    """An LSTM cell (Hochreiter and Schmidhuber 1997) with one linear layer.

    The forget gate begins open, with a bias of 1 (Jozefowicz et al. 2015).
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.gates = nn.Linear(inputs + width, 4 * width)
        nn.init.ones_(self.gates.bias[width : 2 * width])

    def forward(
        self, x: Tensor, added: Tensor | None, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hidden and cell (N, width) after one step.

        Args:
            x: (N, inputs).
            added: (N, 4 * width), inputs that are already multiplied by their weights.
            hidden, cell: (N, width), of the step before.
        """
        gates = self.gates(torch.cat((x, hidden), -1))
        if added is not None:
            gates = gates + added
        enter, forget, leave = gates[:, : 3 * self.width].sigmoid().chunk(3, -1)
        cell = forget * cell + enter * gates[:, 3 * self.width :].tanh()
        return leave * cell.tanh(), cell


class _Attention(nn.Module):
    """Weights of frames, from energies w . tanh(W s + V h + b), or w . tanh(W s + V h + U f + b).

    f are convolutions over the previous weights (Chorowski et al. 2015, arXiv 1506.07503, section
    2.1), by which the next sound is found near the last. The weights before the first are zeros.
    """

    def __init__(self, config: LstmDecoderConfig, memory_width: int) -> None:
        super().__init__()
        width = config.attention_width
        self.keys = Linear(memory_width, width)
        self.queries = nn.Linear(config.width, width, bias=False)
        self.energy = nn.Linear(width, 1, bias=False)
        self.convolution, self.places = None, None
        if config.attention == "location":
            kernel = config.kernel
            self.convolution = nn.Conv1d(1, config.filters, kernel, padding=kernel // 2, bias=False)
            self.places = nn.Linear(config.filters, width, bias=False)

    def forward(self, query: Tensor, state: _Memory) -> Tensor:
        """(B * beam, T), zeros in the padding.

        Args:
            query: (B * beam, width), the hidden state of the last cell.
            state: keys, mask and previous weights.
        """
        met = state.keys.unsqueeze(1) + self.queries(query).view(len(state.mask), state.beam, 1, -1)
        if self.convolution is not None and self.places is not None:
            seen = self.convolution(state.weights.unsqueeze(1)).transpose(1, 2)
            met = met + self.places(seen).view(met.shape)
        energies: Tensor = self.energy(met.tanh()).squeeze(-1)
        barred = energies.masked_fill(~state.mask.unsqueeze(1), float("-inf"))
        return barred.softmax(-1).flatten(0, 1)
