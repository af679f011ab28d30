"""Counted multiply-accumulates against formulas by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.costs import multiply_accumulates
from bossline.models.encoders import EncoderConfig
from bossline.models.fitted.discriminant import LdaConfig
from bossline.models.mlp import MlpConfig
from bossline.models.speaker import SpeakerConfig
from bossline.models.tagger import TaggerConfig

T, D, W, F = 21, 10, 8, 3  # frames, inputs, width, feed-forward


def batch(frames: int = T, size: int = 1, dim: int = D) -> Padded:
    return Padded.of(torch.zeros(size, frames, dim), torch.full((size,), frames))


def encoder(**config: Any) -> nn.Module:
    built: EncoderConfig = TypeAdapter(EncoderConfig).validate_python(config)
    return built.build(D).eval()


def attention(width: int) -> int:
    """Queries, keys, values and output of each frame; scores and sums of each pair of frames."""
    return T * 4 * width * width + 2 * T * T * width


@given(
    depth=st.integers(1, 3),
    width=st.integers(1, 9),
    inputs=st.integers(1, 9),
    size=st.integers(1, 4),
)
def test_an_mlp(depth: int, width: int, inputs: int, size: int) -> None:
    model = MlpConfig(depth=depth, width=width, norm="layer").build(inputs, 5).eval()
    expected = inputs * width + (depth - 1) * width * width + width * 5
    assert multiply_accumulates(model, torch.zeros(size, inputs)) == size * expected


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("front", [0, 5])
def test_recurrent_layers(cell: str, gates: int, bidirectional: bool, front: int) -> None:
    model = encoder(
        kind="rnn", cell=cell, depth=2, width=W, bidirectional=bidirectional, front=front,
        front_width=6,
    )  # fmt: skip
    directions = 1 + bidirectional
    first = 6 if front else D
    layers = [gates * W * (inputs + W) for inputs in (first, directions * W)]
    convolution = front * D * 6
    assert multiply_accumulates(model, batch()) == T * (convolution + directions * sum(layers))


def test_a_tdnn() -> None:
    model = encoder(kind="tdnn", kernel=3, dilations=[1, 2, 3], width=W)
    assert multiply_accumulates(model, batch()) == T * 3 * (D * W + 2 * W * W)


def test_a_transformer() -> None:
    model = encoder(kind="transformer", depth=2, width=W, heads=2, feed_forward=F)
    assert multiply_accumulates(model, batch()) == T * D * W + 2 * (
        attention(W) + T * 2 * F * W * W
    )


def test_a_conformer() -> None:
    model = encoder(kind="conformer", depth=2, width=W, heads=2, feed_forward=F, kernel=5)
    feed_forwards = T * 2 * 2 * F * W * W
    convolution = T * (2 * W * W + 5 * W + W * W)  # expand, depthwise, contract
    block = attention(W) + feed_forwards + convolution
    assert multiply_accumulates(model, batch()) == T * D * W + 2 * block


def test_a_smoother() -> None:
    model = encoder(kind="smoother", depth=2, width=W, heads=2, feed_forward=F, kernel=5)
    block = attention(W) + T * (5 * W * F * W + F * W * W)
    assert multiply_accumulates(model, batch()) == T * D * W + 2 * block


def test_an_ecapa() -> None:
    model = encoder(kind="ecapa", channels=W, scale=4, bottleneck=5, aggregated=11)
    block = T * (2 * W * W + 3 * 3 * 2 * 2) + 2 * W * 5  # its squeeze is once an utterance
    expected = T * 5 * D * W + 3 * block + T * 3 * W * 11
    assert multiply_accumulates(model, batch()) == expected


def test_subsampling() -> None:
    within = {"kind": "tdnn", "kernel": 1, "dilations": [1], "width": W}
    model = encoder(kind="subsample", channels=4, encoder=within)
    # 21 frames of 10 numbers -> 10 x 4 -> 4 x 1
    convolutions = 10 * 4 * 9 * 4 + 4 * 1 * 9 * 4 * 4
    assert multiply_accumulates(model, batch()) == convolutions + 4 * 4 * W


@pytest.mark.parametrize("frame_stack", [1, 2, 3])
def test_a_tagger_makes_a_step_of_several_frames(frame_stack: int) -> None:
    config = TaggerConfig.model_validate(
        {"encoder": {"kind": "rnn", "width": W}, "frame_stack": frame_stack}
    )
    model = config.build(D, 5).eval()
    steps = -(-T // frame_stack)
    layers = 2 * 4 * W * (frame_stack * D + W) + 2 * 4 * W * (2 * W + W)
    assert multiply_accumulates(model, batch()) == steps * (layers + 2 * W * frame_stack * 5)


def test_a_speaker_model_pools_once_an_utterance() -> None:
    config = SpeakerConfig.model_validate(
        {"encoder": {"kind": "tdnn", "kernel": 1, "dilations": [1], "width": W}, "embedding": 6}
    )
    model = config.build(D, 7).eval()
    assert multiply_accumulates(model, batch(size=3)) == 3 * (T * D * W + W * 6 + 6 * 7)


def test_a_fitted_model() -> None:
    model = LdaConfig().build(D, 5).eval()
    assert multiply_accumulates(model, torch.zeros(4, D)) == 4 * (D * 4 + 4 * 5)


@pytest.mark.parametrize("kind", ["conformer", "transformer"])
@settings(max_examples=25)
@given(frames=st.integers(1, 40), size=st.integers(1, 3))
def test_a_batch_costs_as_much_as_its_utterances(kind: str, frames: int, size: int) -> None:
    model = encoder(kind=kind, depth=1, width=W, heads=1, feed_forward=1)
    alone = multiply_accumulates(model, batch(frames))
    assert multiply_accumulates(model, batch(frames, size)) == size * alone


def test_an_lstm_costs_the_same_without_its_fused_kernel() -> None:
    model = encoder(kind="rnn", depth=1, width=W)
    fused = multiply_accumulates(model, batch())
    with torch.backends.mkldnn.flags(enabled=False):
        assert multiply_accumulates(model, batch()) == fused
