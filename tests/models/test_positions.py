from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded, Padding
from bossline.models.attention import SelfAttention
from bossline.models.encoders.transformer import TransformerConfig
from bossline.models.positions import (
    MOST_PLACES,
    LearntPositions,
    RelativePositions,
    RotaryPositions,
    SinusoidalPositions,
)

WIDTH, HEADS = 8, 2
LENGTHS = torch.tensor([7, 3])


def test_sinusoids_are_the_papers() -> None:
    added = SinusoidalPositions(6).added(torch.zeros(2, 5, 6), first=3)
    for place in range(5):
        angles = [(3 + place) / 10_000 ** (2 * i / 6) for i in range(3)]
        expected = torch.tensor([*map(math.sin, angles), *map(math.cos, angles)])
        torch.testing.assert_close(added[0, place], expected)
        torch.testing.assert_close(added[1, place], expected)


def test_later_places_than_are_learnt_share_the_last_ones_vector() -> None:
    torch.manual_seed(0)
    positions = LearntPositions(4)
    added = positions.added(torch.zeros(1, MOST_PLACES + 2, 4))[0]
    assert torch.equal(added[:MOST_PLACES], positions.vectors.weight)
    assert torch.equal(added[MOST_PLACES:], positions.vectors.weight[-1:].expand(2, 4))
    assert torch.equal(positions.added(torch.zeros(1, 2, 4), first=5)[0], added[5:7])


def test_rotations_go_on_where_they_stopped() -> None:
    positions = RotaryPositions(6)
    for whole, later in zip(positions(9), positions(4, first=5), strict=True):
        assert torch.equal(whole[5:], later)


def relative_scores(layer: Any, q: Tensor, k: Tensor) -> Tensor:
    """(heads, T, T) of one utterance, pair by pair: arXiv 1901.02860, section 3.3."""
    u, v = (bias.view(HEADS, -1) for bias in (layer.relative.content, layer.relative.place))
    scores = torch.zeros(HEADS, q.shape[1], k.shape[1])
    for i in range(q.shape[1]):
        for j in range(k.shape[1]):
            angles = [(i - j) / 10_000 ** (2 * n / WIDTH) for n in range(WIDTH // 2)]
            distance = torch.tensor([*map(math.sin, angles), *map(math.cos, angles)])
            r = (layer.relative.keys.weight @ distance).view(HEADS, -1)
            scores[:, i, j] = ((q[:, i] + u) * k[:, j]).sum(-1) + ((q[:, i] + v) * r).sum(-1)
    scores /= (WIDTH // HEADS) ** 0.5
    return scores


@pytest.mark.parametrize("causal", [False, True])
def test_relative_positions_are_transformer_xls(causal: bool) -> None:
    torch.manual_seed(0)
    layer: Any = SelfAttention(WIDTH, HEADS, relative=True)
    for parameter in layer.parameters():
        parameter.data += torch.randn_like(parameter) * 0.5
    x = torch.randn(2, 7, WIDTH)
    places, padding = RelativePositions(WIDTH)(7), Padding(LENGTHS, 7, x.device)
    found = layer.causal(x, places) if causal else layer(x, padding, places)
    for row, length in enumerate(LENGTHS.tolist()):
        q, k, v = (
            layer.queries_keys_values(x[row, :length])
            .view(length, 3, HEADS, -1)
            .permute(1, 2, 0, 3)
        )
        scores = relative_scores(layer, q, k)
        if causal:
            later = torch.ones(length, length, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(0, 1).flatten(1)
        expected = functional.linear(attended, layer.output.weight, layer.output.bias)
        torch.testing.assert_close(found[row, :length], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["rotary", "sinusoidal", "learnt", "relative", "none"])
def test_frames_know_their_order_unless_there_are_no_positions(kind: Any) -> None:
    torch.manual_seed(0)
    config = TransformerConfig(depth=2, width=WIDTH, heads=HEADS, positions=kind)
    encoder = config.build(5).double().eval()
    for parameter in encoder.parameters():
        parameter.data += torch.randn_like(parameter) * 0.3
    frames = torch.randn(1, 6, 5, dtype=torch.float64)
    straight, back = (
        encoder(Padded.of(x, torch.tensor([6]))).frames for x in (frames, frames.flip(1))
    )
    assert torch.allclose(straight, back.flip(1), atol=1e-9) == (kind == "none")


def test_as_a_recipe_is_silent_positions_are_rotary_and_have_no_weights() -> None:
    encoder = TransformerConfig(depth=1).build(5)
    assert isinstance(encoder.positions, RotaryPositions)
    assert sorted(encoder.state_dict()) == sorted(
        f"{layer}.{part}"
        for layer in (
            "project",
            "layers.0.norm",
            "layers.0.attention.queries_keys_values",
            "layers.0.attention.output",
            "layers.0.feed_forward.layers.0",
            "layers.0.feed_forward.layers.1",
            "layers.0.feed_forward.layers.4",
            "norm",
        )
        for part in ("weight", "bias")
    )
