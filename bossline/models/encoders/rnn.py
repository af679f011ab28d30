"""Recurrent networks over whole utterances."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.core.config import MOST_LAYERS, Config
from bossline.core.runtime import on_device
from bossline.models.encoders.layers import (
    Encoder,
    TimeConvolution,
    odd_or_none,
    rows_at,
    rows_of,
    zero_padding,
)
from bossline.models.layers import Dropout

_MODES = {"rnn": "RNN_TANH", "gru": "GRU", "lstm": "LSTM"}  # as torch names them
_FUNCTIONS: dict[str, Any] = {"RNN_TANH": torch.rnn_tanh, "GRU": torch.gru, "LSTM": torch.lstm}

# Two one-way layers in one call of cuDNN: their weights are copied side by side each time, which
# is nothing beside the recurrence.
warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")


class RnnConfig(Config):
    """A front convolution with ReLU if asked for, then depth x (recurrence, norm, dropout)."""

    kind: Literal["rnn"] = "rnn"
    cell: Literal["rnn", "gru", "lstm"] = Field("lstm", description="of the recurrence")
    depth: int = Field(2, ge=1, le=MOST_LAYERS, description="recurrent layers")
    width: int = Field(256, ge=1, description="units of each direction")
    bidirectional: bool = Field(True, description="whether each layer reads backwards too")
    norm: Literal["none", "layer"] = Field("none", description="after each recurrent layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="between recurrent layers")
    front: Annotated[int, AfterValidator(odd_or_none)] = Field(
        0, ge=0, description="frames that the front convolution sees, odd; 0: there is none"
    )
    front_width: int = Field(64, ge=1, description="channels of the front convolution")

    def build(self, inputs: int) -> Rnn:
        """
        Args:
            inputs: numbers per frame.
        """
        return Rnn(self, inputs)


class Rnn(Encoder):
    """(B, T, inputs) -> (B, T, width), or twice the width: ahead, then back (Schuster 1997).

    A bidirectional layer is two one-way ones, the second on every utterance flipped within its own
    length. Torch's bidirectional module would start the way back in the padding; packed sequences
    would not, and their result is this one, but on a CPU they take over 10 times as long. On a GPU
    cuDNN takes both ways at once, packed, and their steps run side by side; in a CUDA graph, which
    is to hold for any lengths, two streams do that.
    """

    def __init__(self, config: RnnConfig, inputs: int) -> None:
        super().__init__()
        self.front = None
        if config.front:
            self.front = TimeConvolution(inputs, config.front_width, config.front)
            inputs = config.front_width
        self.outputs = config.width * (2 if config.bidirectional else 1)
        widths = [inputs] + [self.outputs] * (config.depth - 1)
        self.layers = nn.ModuleList(_Layer(config, width) for width in widths)
        self.dropout = Dropout(config.dropout)

    def forward(self, batch: Padded) -> Padded:
        if self.front is None:
            x = zero_padding(batch.frames, batch.padding)
        else:
            x = self.front(batch.frames, batch.padding).relu()
        if x.device.type == "cuda" and not batch.padding.traced:
            return batch.with_frames(self._packed(x, batch.padding))
        flip = _flip(batch)
        for number, layer in enumerate(self.layers):
            x = layer(self.dropout(x) if number else x, flip)
        return batch.with_frames(x)

    def _packed(self, x: Tensor, padding: Padding) -> Tensor:
        """The same of the real frames alone, and zeros in the padding."""
        order = _packing(padding)
        rows = on_device(order.rows, x.device)
        packed = rows_of(x.flatten(0, 1), rows)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, _Layer)
            packed = layer.packed(self.dropout(packed) if number else packed, order.sizes)
        size, steps, _ = x.shape
        return rows_at(packed, rows, size * steps).view(size, steps, -1)


class _Recurrence(nn.RNNBase):
    """A one-way layer from zeros on. Not torch's nn.LSTM, which torch.compile refuses to trace."""

    def __init__(self, config: RnnConfig, inputs: int) -> None:
        super().__init__(_MODES[config.cell], inputs, config.width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, T, width)."""
        start = x.new_zeros(1, x.shape[0], self.hidden_size)
        weights = self._flat_weights
        answer = _FUNCTIONS[self.mode](
            x, self.state(start), weights, True, 1, 0.0, self.training, False, True
        )
        y: Tensor = answer[0]
        return y

    def state(self, zeros: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What a recurrence of this kind starts from."""
        return (zeros, zeros) if self.mode == "LSTM" else zeros


class _Layer(nn.Module):
    def __init__(self, config: RnnConfig, inputs: int) -> None:
        super().__init__()
        self.ahead = _Recurrence(config, inputs)
        self.back = _Recurrence(config, inputs) if config.bidirectional else None
        outputs = config.width * (2 if config.bidirectional else 1)
        self.norm = nn.LayerNorm(outputs) if config.norm == "layer" else nn.Identity()

    def forward(self, x: Tensor, flip: Tensor) -> Tensor:
        if self.back is None:
            y = self.ahead(x)
        elif x.device.type == "cuda" and not torch.compiler.is_compiling():
            y = self._side_by_side(x, flip)
        else:
            y = torch.cat((self.ahead(x), self._back(x, flip)), dim=-1)
        normed: Tensor = self.norm(y)
        return normed

    def _back(self, x: Tensor, flip: Tensor) -> Tensor:
        assert self.back is not None
        return _reordered(self.back(_reordered(x, flip)), flip)

    def _side_by_side(self, x: Tensor, flip: Tensor) -> Tensor:
        """Each way on a stream of its own: one step alone leaves most of a GPU idle."""
        here, beside = torch.cuda.current_stream(x.device), _beside(x.device)
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            back = self._back(x, flip)
        ahead = self.ahead(x)
        here.wait_stream(beside)
        for tensor, stream in ((x, beside), (flip, beside), (back, here)):
            tensor.record_stream(stream)  # its memory is not given to others before
        return torch.cat((ahead, back), dim=-1)

    def packed(self, x: Tensor, sizes: Tensor) -> Tensor:
        """
        Args:
            x: (N, inputs), the real frames in the order of `_packing`.
            sizes: of the same.
        """
        ahead, ways = self.ahead, [self.ahead, *([] if self.back is None else [self.back])]
        weights = [weight for way in ways for weight in way._flat_weights]
        start = x.new_zeros(len(ways), int(sizes.numpy()[0]), ahead.hidden_size)
        answer = _FUNCTIONS[ahead.mode](
            x, sizes, ahead.state(start), weights, True, 1, 0.0, self.training, len(ways) == 2
        )
        normed: Tensor = self.norm(answer[0])
        return normed


@cache
def _beside(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class _Packing(NamedTuple):
    """How torch packs utterances: all first frames, all second frames ..., the longest first."""

    rows: Tensor
    """(sum of lengths,) int64 on the CPU: where each real frame is among all B * T."""
    sizes: Tensor
    """(T',) int64 on the CPU: how many utterances have a frame at each step."""


def _packing(padding: Padding) -> _Packing:
    lengths = padding.known.numpy()
    order = np.argsort(-lengths, kind="stable")
    steps = np.arange(lengths.max())[:, None]
    there = lengths[order] > steps
    rows = (order * padding.steps + steps)[there]
    return _Packing(torch.from_numpy(rows), torch.from_numpy(there.sum(1)))


def _flip(batch: Padded) -> Tensor:
    """(B * T,): where each row comes from when every utterance runs backwards; its own inverse."""
    size, steps, _ = batch.frames.shape
    step = torch.arange(steps, device=batch.frames.device)
    source = torch.where(batch.mask, batch.lengths.unsqueeze(1) - 1 - step, step)
    start = torch.arange(size, device=batch.frames.device).unsqueeze(1) * steps
    return (start + source).flatten()


def _reordered(x: Tensor, rows: Tensor) -> Tensor:
    """(B, T, D) -> (B, T, D). Of whole rows: on a CPU 5x faster than gathering single numbers."""
    return x.flatten(0, 1).index_select(0, rows).view_as(x)
