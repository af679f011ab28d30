"""Multi-head attention (arXiv 1706.03762): of frames, of symbols, and of symbols to frames."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from bossline.batches.padded import Padded, Padding
from bossline.models.layers import Linear
from bossline.models.past import Past
from bossline.models.positions import Places, Rotation

_ON_A_GPU = [
    SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH,
]  # fmt: skip
_LANES = 32  # numbers in bfloat16 that one instruction of a CPU takes


# Attention within a sequence.


class SelfAttention(nn.Module):
    """(B, T, width) -> (B, T, width): multi-head self-attention over each utterance's real frames.

    Within a decoder a symbol sees those before it and itself: `causal` takes whole strings, `step`
    the next symbol of each.
    """

    def __init__(
        self, width: int, heads: int, *, relative: bool = False, dropout: float = 0.0
    ) -> None:
        """
        Args:
            width: numbers a frame.
            heads: a divisor of the width.
            relative: the places are distances, see `RelativePositions`.
            dropout: of attention weights. On a CPU that costs more than all the rest.
        """
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.queries_keys_values = Linear(width, 3 * width)
        self.output = Linear(width, width)
        self.relative = _RelativeScores(width, heads) if relative else None

    def forward(self, x: Tensor, padding: Padding, places: Places) -> Tensor:
        """
        Args:
            x: (B, T, width), finite in the padding too.
            padding: of these frames.
            places: of T frames.
        """
        return self._attended(*self._over_frames(x, padding, places))

    def weights(self, x: Tensor, padding: Padding, places: Places) -> Tensor:
        """(B, heads, T, T): what `forward` weighs frames with, without dropout, by plain products.

        Args:
            x, padding, places: as in `forward`.
        """
        queries, keys, _, where = self._over_frames(x, padding, places)
        return _weights(queries, keys, where)

    def causal(self, x: Tensor, places: Places) -> Tensor:
        """(B, L, width) -> (B, L, width): of whole strings.

        Args:
            x: what may be anything beyond a string's end.
            places: of L symbols.
        """
        queries, keys, values = self._projected(x, places)
        steps = x.shape[1]
        earlier = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()
        queries, where = self._placed(queries, places, earlier[None, None])
        return self._attended(queries, keys, values, where)

    def step(self, x: Tensor, past: Past, places: Places) -> Tensor:
        """(N, 1, width) -> (N, 1, width); without gradients.

        Args:
            x: one symbol of each string.
            past: of those before; the new one is added.
            places: of this symbol.
        """
        queries, keys, values = self._projected(x, places)
        keys, values = past.with_next(keys, values)
        queries, where = self._placed(queries, places, None)
        return self._attended(queries, keys, values, where)

    def _projected(self, x: Tensor, places: Places) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (B, heads, T, width / heads) each."""
        projected = self.queries_keys_values(x).unflatten(-1, (3, self.heads, -1))
        queries_keys, values = projected.permute(2, 0, 3, 1, 4).split((2, 1))
        if isinstance(places, tuple):
            queries_keys = _rotated(queries_keys, places)
        queries, keys = queries_keys
        return queries, keys, values[0]

    def _placed(
        self, queries: Tensor, places: Places, where: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Queries as they meet keys, and where they do: a choice, or what adds to the scores."""
        if self.relative is None or not isinstance(places, Tensor):
            return queries, where
        queries, scores = self.relative(queries, places)
        return queries, scores if where is None else scores.masked_fill(~where, float("-inf"))

    def _over_frames(
        self, x: Tensor, padding: Padding, places: Places
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        queries, keys, values = self._projected(x, places)
        queries, where = self._placed(queries, places, padding.mask[:, None, None, :])
        return queries, keys, values, where

    def _attended(
        self, queries: Tensor, keys: Tensor, values: Tensor, where: Tensor | None
    ) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        attended = _attended(queries, keys, values, where, dropout)
        joined: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return joined


def self_attention(model: nn.Module) -> list[SelfAttention]:
    """Its layers of self-attention, in their order."""
    return [layer for layer in model.modules() if isinstance(layer, SelfAttention)]


def attention_weights(encoder: nn.Module, batch: Padded) -> Tensor:
    """(B, layers * heads, T, T): what an encoder's self-attention weighs frames with, for pictures.

    Layer by layer, from one forward pass; row t are the weights of all frames for frame t, which
    sum to 1 over the real ones. Rows of frames in the padding mean nothing. T is that of the
    attention: an encoder that subsamples has fewer frames there.

    Args:
        encoder: with at least one layer of self-attention.
        batch: what the encoder takes.

    Raises:
        ValueError: it has no self-attention.
    """
    found: list[Tensor] = []

    def look(layer: nn.Module, given: tuple[Any, ...]) -> None:
        assert isinstance(layer, SelfAttention)
        found.append(layer.weights(*given))

    layers = self_attention(encoder)
    if not layers:
        raise ValueError("an encoder without self-attention")
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        encoder(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat(found, 1)


class _RelativeScores(nn.Module):
    """What a query makes of distances (Transformer-XL, arXiv 1901.02860, section 3.3).

    The scores of distances are a (L, T) tensor that is added to the products of contents: exact,
    and dearer than rotary positions.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.keys = nn.Linear(width, width, bias=False)
        self.content = nn.Parameter(torch.zeros(width))  # the paper's u
        self.place = nn.Parameter(torch.zeros(width))  # the paper's v

    def forward(self, queries: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
        """Queries (B, heads, L, head) with their bias, and scaled scores (B, heads, L, T).

        Args:
            queries: of the last L of T places.
            distances: (L + T - 1, width) of the distances T - 1 down to 1 - L.
        """
        content, place = (
            bias.to(queries.dtype).view(self.heads, 1, -1) for bias in (self.content, self.place)
        )
        keys: Tensor = self.keys(distances).unflatten(-1, (self.heads, -1)).transpose(0, 1)
        scores = (queries + place) @ keys.mT * queries.shape[-1] ** -0.5
        return queries + content, _shifted(scores)


def _shifted(scores: Tensor) -> Tensor:
    """(..., L, L + T - 1) -> (..., L, T): row i loses its first L - 1 - i numbers.

    One number more a row, then cut anew by rows as long as before: each begins one number earlier.
    """
    steps, distances = scores.shape[-2:]
    rows = functional.pad(scores, (0, 1)).flatten(-2)[..., steps - 1 : -1]
    shifted = rows.view(*rows.shape[:-1], steps, distances)
    return shifted[..., : distances - steps + 1]


# Attention to another sequence.


class CrossAttention(nn.Module):
    """(B, L, width) -> (B, L, width): queries of one sequence over the real frames of another."""

    def __init__(self, width: int, memory_width: int, heads: int, *, dropout: float = 0.0) -> None:
        """
        Args:
            width: numbers a symbol.
            memory_width: numbers a frame.
            heads: a divisor of the width.
            dropout: of attention weights.
        """
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.queries = Linear(width, width)
        self.keys_values = Linear(memory_width, 2 * width)
        self.output = Linear(width, width)

    def remembered(self, memory: Tensor) -> Tensor:
        """Keys and values of frames, (B, 2, heads, T, width / heads).

        Args:
            memory: (B, T, memory width), finite in the padding too.
        """
        projected: Tensor = self.keys_values(memory).unflatten(-1, (2, self.heads, -1))
        return projected.permute(0, 2, 3, 1, 4)

    def forward(self, x: Tensor, remembered: Tensor, mask: Tensor) -> Tensor:
        """
        Args:
            x: (B, L, width).
            remembered: of the B utterances.
            mask: (B, T), True on real frames.
        """
        dropout = self.dropout if self.training else 0.0
        where = mask[:, None, None, :]
        keys, values = remembered.unbind(1)
        return self._joined(_attended(self._queries(x), keys, values, where, dropout))

    def weighed(self, x: Tensor, remembered: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and its weights (B, heads, L, T) before dropout, by plain products.

        Args:
            x, remembered, mask: as in `forward`.
        """
        keys, values = remembered.unbind(1)
        weights = _weights(self._queries(x), keys, mask[:, None, None, :])
        dropped = functional.dropout(weights, self.dropout, self.training)
        return self._joined(dropped @ values), weights

    def _queries(self, x: Tensor) -> Tensor:
        queries: Tensor = self.queries(x).unflatten(-1, (self.heads, -1))
        return queries.transpose(1, 2)

    def _joined(self, attended: Tensor) -> Tensor:
        joined: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return joined


# What attends: by torch's fused kernels, or by plain products.


def _attended(
    queries: Tensor, keys: Tensor, values: Tensor, where: Tensor | None, dropout: float
) -> Tensor:
    """(B, heads, L, head), twice (B, heads, T, head) -> (B, heads, L, head), scaled by
    1 / sqrt(head).

    By torch's fused kernels, which never hold (L, T) weights; on a GPU not by cuDNN's, which plans
    every new shape anew for 8 ms each way. Training in bfloat16 on a CPU is the exception: there
    their gradient takes up to three times as long as that of plain products.

    Args:
        queries, keys, values: of the two sequences.
        where: (B or 1, heads or 1, L or 1, T), True where a query sees a key, or what is added to
            the scores; None: all see all.
        dropout: of the weights.
    """
    plainly = queries.device.type == "cpu" and queries.dtype == torch.bfloat16
    if plainly and queries.requires_grad and where is not None and where.dtype == torch.bool:
        return _attended_plainly(queries, keys, values, where, dropout)
    with _kernels(queries.device):
        return functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=where, dropout_p=dropout
        )


def _kernels(device: torch.device) -> AbstractContextManager[None]:
    return sdpa_kernel(_ON_A_GPU) if device.type == "cuda" else nullcontext()


def _attended_plainly(
    queries: Tensor, keys: Tensor, values: Tensor, where: Tensor, dropout: float
) -> Tensor:
    (size, heads, steps, head), frames = queries.shape, keys.shape[2]
    # A row of weights fills whole vector registers: the softmax takes 2/3 of the time.
    over, spare = -steps % _LANES, -frames % _LANES
    q = functional.pad(queries.flatten(0, 1), (0, 0, 0, over))
    k, v = (functional.pad(x.flatten(0, 1), (0, 0, 0, spare)) for x in (keys, values))
    seen = functional.pad(where[:, 0], (0, spare))
    if seen.shape[1] > 1:
        seen = functional.pad(seen, (0, 0, 0, over), value=True)
    barred = q.new_zeros(seen.shape).masked_fill(~seen, float("-inf"))
    barred = barred.expand(size, -1, -1).repeat_interleave(heads, dim=0)
    weights = torch.baddbmm(barred, q, k.mT, alpha=head**-0.5).softmax(-1, dtype=q.dtype)
    weights = functional.dropout(weights, dropout)
    return torch.bmm(weights, v)[:, :steps].reshape(queries.shape)


def _weights(queries: Tensor, keys: Tensor, where: Tensor | None) -> Tensor:
    """(B, heads, L, T), see `_attended`; in float32 at least."""
    scores = queries @ keys.mT * queries.shape[-1] ** -0.5
    if where is not None:
        chosen = where.dtype == torch.bool
        scores = scores.masked_fill(~where, float("-inf")) if chosen else scores + where
    weights: Tensor = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))
    return weights


# Rotary positions.


class _Turned(Function):
    """(..., T, head) -> the same: number i and number i + head / 2 are a point in a plane.

    Products are summed in place: 4 passes over half the numbers, not 7 and a copy.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        context.save_for_backward(cosine, sine)
        turned = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        first, second = x.chunk(2, dim=-1)
        left, right = turned.chunk(2, dim=-1)
        torch.mul(first, cosine, out=left).addcmul_(second, sine, value=-1)
        torch.mul(second, cosine, out=right).addcmul_(first, sine)
        return turned

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = context.saved_tensors
        return _Turned.apply(gradient, cosine, -sine), None, None  # type: ignore[no-untyped-call]


def _rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """(..., T, head) -> the same."""
    cosine, sine = (part.to(x.dtype) for part in rotation)
    if torch.compiler.is_compiling():  # the same for a graph, which knows no results in place
        first, second = x.chunk(2, dim=-1)
        left = torch.addcmul(first * cosine, second, sine, value=-1)
        return torch.cat((left, torch.addcmul(second * cosine, first, sine)), dim=-1)
    turned: Tensor = _Turned.apply(x, cosine, sine)  # type: ignore[no-untyped-call]
    return turned
