"""The decoder of the Transformer (Vaswani et al. 2017, arXiv 1706.03762)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.core.config import MOST_LAYERS
from bossline.models.attention import CrossAttention
from bossline.models.attention_config import AttentionConfig, NormPlace
from bossline.models.decoders.base import Decoder, State, rows_of
from bossline.models.encoders.layers import zero_padding
from bossline.models.layers import Dropout, OutputLayer
from bossline.models.past import Past
from bossline.models.positions import Places, positions_of


class TransformerDecoderConfig(AttentionConfig):
    """embedding, depth x (attention to symbols, attention to frames, feed-forward), linear."""

    kind: Literal["transformer"] = "transformer"
    depth: int = Field(2, ge=1, le=MOST_LAYERS, description="layers")
    norm: NormPlace = Field("pre", description="before branches, or after their residuals")

    def build(self, memory_width: int, symbols: int) -> TransformerDecoder:
        """
        Args:
            memory_width: numbers per frame of the encoder.
            symbols: V + 1.
        """
        return TransformerDecoder(self, memory_width, symbols)


@dataclass(frozen=True)
class _Cache(State):
    """
    Attributes:
        steps: n, symbols so far.
        beam: hypotheses an utterance.
        pasts: a layer each, keys and values of the symbols of B * beam strings.
        frames: a layer each, keys and values (B, 2, heads, T, head) of the frames.
        mask: (B, T), True on real frames.
    """

    steps: int
    beam: int
    pasts: tuple[Past, ...]
    frames: tuple[Tensor, ...]
    mask: Tensor

    def reordered(self, rows: Tensor) -> _Cache:
        for past in self.pasts:
            past.reorder(rows)
        return self

    def kept(self, utterances: Tensor) -> _Cache:
        rows = rows_of(utterances, self.beam)
        for past in self.pasts:
            past.keep(rows)
        return replace(
            self,
            frames=tuple(frames.index_select(0, utterances) for frames in self.frames),
            mask=self.mask.index_select(0, utterances),
        )


class TransformerDecoder(Decoder):
    """Positions are those of symbols; between symbols and frames there are none.

    In a step the hypotheses of an utterance are queries of one attention to its frames.
    """

    def __init__(self, config: TransformerDecoderConfig, memory_width: int, symbols: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, config.width)
        self.positions = positions_of(config.positions, config.width, config.heads)
        self.dropout = Dropout(config.rate(config.input_dropout))
        self.layers = nn.ModuleList(_Layer(config, memory_width) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width) if config.norm == "pre" else nn.Identity()
        self.output = OutputLayer(config.width, symbols)

    def forward(self, tokens: Tensor, memory: Padded) -> Tensor:
        return self._logits(tokens, memory, None)

    def with_attention(self, tokens: Tensor, memory: Padded) -> tuple[Tensor, Tensor]:
        weights: list[Tensor] = []
        logits = self._logits(tokens, memory, weights)
        return logits, torch.cat(weights, 1)

    def _logits(self, tokens: Tensor, memory: Padded, weights: list[Tensor] | None) -> Tensor:
        """
        Args:
            tokens, memory: as in `forward`.
            weights: where each layer leaves those of the frames, if they are asked for.
        """
        frames = zero_padding(memory.frames, memory.padding)
        x = self.dropout(self.positions.added(self.embed(tokens)))
        places = self.positions(tokens.shape[1])
        for layer in self._layers():
            x = layer(x, places, layer.cross.remembered(frames), memory.mask, weights)
        logits: Tensor = self.output(self.norm(x))
        return logits

    def start(self, memory: Padded, beam: int = 1) -> State:
        frames = zero_padding(memory.frames, memory.padding)
        remembered = [layer.cross.remembered(frames).contiguous() for layer in self._layers()]
        pasts = tuple(Past() for _ in remembered)
        return _Cache(0, beam, pasts, tuple(remembered), memory.mask)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        assert isinstance(state, _Cache)
        x = self.positions.added(self.embed(tokens).unsqueeze(1), state.steps)
        places = self.positions(1, state.steps)
        for layer, past, frames in zip(self._layers(), state.pasts, state.frames, strict=True):
            x = layer.step(x, places, past, frames, state.mask)
        logits: Tensor = self.output(self.norm(x.squeeze(1)))
        return logits, replace(state, steps=state.steps + 1)

    def _layers(self) -> tuple[_Layer, ...]:
        return tuple(cast(_Layer, layer) for layer in self.layers)


class _Layer(nn.Module):
    def __init__(self, config: TransformerDecoderConfig, memory_width: int) -> None:
        super().__init__()
        width = config.width
        self.first = _Residual(width, config.norm)
        self.attention = config.attention()
        self.second = _Residual(width, config.norm)
        self.cross = CrossAttention(
            width, memory_width, config.heads, dropout=config.attention_dropout
        )
        self.last = _Residual(width, config.norm)
        self.feed_forward = config.feed_forward_layer(nn.GELU(), norm=False)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        places: Places,
        frames: Tensor,
        mask: Tensor,
        weights: list[Tensor] | None,
    ) -> Tensor:
        """(B, L, width) -> (B, L, width): all places of whole strings.

        Args:
            x: (B, L, width).
            places: of L symbols.
            frames: keys and values (B, 2, heads, T, head).
            mask: (B, T), True on real frames.
            weights: where those of the frames are left, if they are asked for.
        """
        attended = self.attention.causal(self.first.before(x), places)
        x = self.first.after(x, self.dropout(attended))
        if weights is None:
            seen = self.cross(self.second.before(x), frames, mask)
        else:
            seen, weighed = self.cross.weighed(self.second.before(x), frames, mask)
            weights.append(weighed)
        return self._fed(self.second.after(x, self.dropout(seen)))

    def step(self, x: Tensor, places: Places, past: Past, frames: Tensor, mask: Tensor) -> Tensor:
        """(B * beam, 1, width) -> the same: one place.

        Args:
            x: (B * beam, 1, width).
            places: of this symbol.
            past: of those before; this one is added.
            frames, mask: as in `forward`.
        """
        attended = self.attention.step(self.first.before(x), past, places)
        x = self.first.after(x, attended)
        queries = self.second.before(x).view(len(mask), -1, x.shape[2])
        seen = self.cross(queries, frames, mask)
        return self._fed(self.second.after(x, seen.reshape(x.shape)))

    def _fed(self, x: Tensor) -> Tensor:
        fed: Tensor = self.last.after(x, self.feed_forward(self.last.before(x)))
        return fed


class _Residual(nn.Module):
    """The norm of one branch: before it, or after the sum of it and what goes past it."""

    def __init__(self, width: int, place: NormPlace) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.place = place

    def before(self, x: Tensor) -> Tensor:
        """What the branch reads."""
        return self.norm(x) if self.place == "pre" else x

    def after(self, x: Tensor, branch: Tensor) -> Tensor:
        """What the next branch is given."""
        return x + branch if self.place == "pre" else self.norm(x + branch)
