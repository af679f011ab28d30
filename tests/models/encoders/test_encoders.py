"""What holds of every encoder; a kind without a case here fails the first test."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.encoders import Encoder, EncoderConfig
from tests.kinds import kinds

INPUTS = 8
SMALL = {"depth": 2, "width": 8, "heads": 2, "feed_forward": 2, "dropout": 0.0}
CASES: dict[str, dict[str, object]] = {
    "lstm": {"kind": "rnn", "width": 5},
    "gru, one way": {"kind": "rnn", "cell": "gru", "width": 5, "bidirectional": False},
    "rnn, front, norm": {
        "kind": "rnn",
        "cell": "rnn",
        "width": 5,
        "front": 3,
        "front_width": 6,
        "norm": "layer",
    },
    "tdnn": {"kind": "tdnn", "dilations": [1, 2, 3], "width": 8, "activation": "gelu"},
    "tdnn, layer norm": {"kind": "tdnn", "dilations": [2, 4], "width": 8, "norm": "layer"},
    "ecapa": {"kind": "ecapa", "channels": 8, "scale": 4, "bottleneck": 4, "aggregated": 6},
    "transformer": {"kind": "transformer", **SMALL},
    "transformer, post-norm": {"kind": "transformer", "norm": "post", **SMALL},
    "transformer, sinusoidal": {"kind": "transformer", "positions": "sinusoidal", **SMALL},
    "transformer, learnt": {"kind": "transformer", "positions": "learnt", **SMALL},
    "transformer, relative": {"kind": "transformer", "positions": "relative", **SMALL},
    "transformer, no positions": {"kind": "transformer", "positions": "none", **SMALL},
    "conformer": {"kind": "conformer", "kernel": 5, **SMALL},
    "conformer, sinusoidal": {
        "kind": "conformer",
        "kernel": 5,
        "positions": "sinusoidal",
        **SMALL,
    },
    "conformer, relative": {"kind": "conformer", "kernel": 5, "positions": "relative", **SMALL},
    "smoother, learnt": {"kind": "smoother", "positions": "learnt", **SMALL},
    "smoother, relative": {"kind": "smoother", "positions": "relative", **SMALL},
    "smoother": {"kind": "smoother", **SMALL},
    "subsampled conformer": {
        "kind": "subsample",
        "channels": 4,
        "encoder": {"kind": "conformer", "kernel": 3, **SMALL},
    },
    "subsampled lstm": {"kind": "subsample", "channels": 4, "encoder": {"kind": "rnn", "width": 5}},
    "subsampled, residual": {
        "kind": "subsample",
        "channels": 4,
        "blocks": 2,
        "encoder": {"kind": "rnn", "width": 5},
    },
}
every_case = pytest.mark.parametrize("case", CASES)
parse = TypeAdapter(EncoderConfig).validate_python


def subsampled(case: str) -> bool:
    return CASES[case]["kind"] == "subsample"


def padded(lengths: list[int], beyond: int, padding: float) -> Padded:
    """Random utterances with so many frames beyond the longest, filled with one number."""
    torch.manual_seed(0)  # one utterance after the other: the padding does not move them
    utterances = [torch.randn(length, INPUTS) for length in lengths]
    frames = torch.full((len(lengths), max(lengths) + beyond, INPUTS), padding)
    for row, utterance in zip(frames, utterances, strict=True):
        row[: len(utterance)] = utterance
    return Padded.of(frames, torch.tensor(lengths))


def fresh(case: str, **keys: object) -> Encoder:
    torch.manual_seed(1)
    encoder: Encoder = parse(CASES[case] | keys).build(INPUTS)
    return encoder


@cache
def used(case: str) -> Encoder:
    """In evaluation, after a step of training: running statistics are not those of the start."""
    encoder = fresh(case)
    encoder(padded([20, 9], 0, 0.0))
    return encoder.eval()


def test_every_kind_has_a_case() -> None:
    assert {case["kind"] for case in CASES.values()} == kinds(EncoderConfig)


@every_case
@settings(max_examples=12)
@given(
    lengths=st.lists(st.integers(1, 14), min_size=1, max_size=4),
    beyond=st.integers(0, 9),
    padding=st.sampled_from([1e3, float("nan")]),
)
def test_every_utterance_gets_what_it_gets_alone(
    case: str, lengths: list[int], beyond: int, padding: float
) -> None:
    if subsampled(case):
        lengths = [length + 6 for length in lengths]
    batch = padded(lengths, beyond, padding)
    encoder = used(case)
    with torch.no_grad():
        together = encoder(batch)
        assert together.frames.isfinite().all()
        for number, length in enumerate(lengths):
            alone = encoder(
                Padded.of(batch.frames[number : number + 1, :length], torch.tensor([length]))
            )
            steps = int(alone.lengths)
            expected_steps = ((length - 1) // 2 - 1) // 2 if subsampled(case) else length
            assert alone.frames.shape == (1, expected_steps, encoder.outputs)
            assert steps == together.lengths[number] == expected_steps
            torch.testing.assert_close(
                together.frames[number, :steps], alone.frames[0], atol=1e-5, rtol=1e-5
            )


@every_case
def test_training_never_sees_the_padding(case: str) -> None:
    """Outputs, every gradient and every running statistic, with little padding and with much."""

    def step(beyond: int, padding: float) -> tuple[Encoder, Tensor]:
        encoder = fresh(case).double()  # in float32 the order of sums shows
        batch = padded([17, 8, 13], beyond, padding)
        batch = batch.with_frames(batch.frames.double().requires_grad_())
        joined = encoder(batch).joined()
        torch.manual_seed(2)
        (joined * torch.randn_like(joined)).sum().backward()
        assert batch.frames.grad is not None
        assert not batch.frames.grad[~batch.mask].any()
        assert batch.frames.grad[batch.mask].isfinite().all()
        return encoder, joined

    (tight, expected), (loose, got) = step(0, 0.0), step(11, float("nan"))
    torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)
    for (name, one), other in zip(tight.named_parameters(), loose.parameters(), strict=True):
        assert one.grad is not None, name
        assert other.grad is not None, name
        assert one.grad.abs().sum() > 0, name
        torch.testing.assert_close(other.grad, one.grad, atol=1e-9, rtol=1e-9, msg=name)
    for (name, before), after in zip(tight.named_buffers(), loose.buffers(), strict=True):
        torch.testing.assert_close(after, before, atol=1e-9, rtol=1e-9, msg=name)


@pytest.mark.parametrize(
    ("case", "keys"),
    [
        ("lstm", {"dropout": 0.5}),
        ("tdnn", {"dropout": 0.5}),
        ("transformer", {"dropout": 0.5}),
        ("transformer", {"feed_forward_dropout": 0.5}),
        ("transformer", {"input_dropout": 0.5}),
        ("transformer", {"drop_path": 0.5}),
        ("transformer", {"attention_dropout": 0.5}),
        ("transformer, post-norm", {"drop_path": 0.5}),
        ("transformer, relative", {"attention_dropout": 0.5}),
        ("conformer", {"dropout": 0.5}),
        ("conformer", {"drop_path": 0.5}),
        ("conformer", {"feed_forward_dropout": 0.5}),
        ("conformer", {"convolution_dropout": 0.5}),
        ("conformer", {"input_dropout": 0.5}),
        ("smoother", {"dropout": 0.5}),
        ("smoother", {"convolution_dropout": 0.5}),
        ("smoother", {"input_dropout": 0.5}),
    ],
)
def test_what_drops_does_so_in_training_only(case: str, keys: dict[str, object]) -> None:
    encoder, batch = fresh(case, **keys), padded([9, 9, 9], 0, 0.0)
    assert not torch.equal(encoder(batch).frames, encoder(batch).frames)
    encoder.eval()
    assert torch.equal(encoder(batch).frames, encoder(batch).frames)


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("transformer", ("feed_forward_dropout",)),
        ("conformer", ("feed_forward_dropout", "convolution_dropout")),
        ("smoother", ("convolution_dropout",)),
    ],
)
def test_a_dropout_that_is_not_said_is_that_of_all_branches(
    kind: str, own: tuple[str, ...]
) -> None:
    outputs = []
    for keys in ({}, dict.fromkeys(own, 0.5), dict.fromkeys(own, 0.0)):
        encoder, batch = fresh(kind, dropout=0.5, **keys), padded([9, 9], 0, 0.0)
        torch.manual_seed(1)
        outputs.append(encoder(batch).frames)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("kind", ["transformer", "conformer", "smoother"])
@pytest.mark.parametrize(
    ("keys", "inner"),
    [
        ({}, 64),
        ({"feed_forward": 3}, 48),
        ({"feed_forward_units": 50}, 50),
        ({"feed_forward": 3, "feed_forward_units": 48}, 48),
    ],
)
def test_an_inner_width_reads_back_as_it_was_written(
    kind: str, keys: dict[str, int], inner: int
) -> None:
    config: Any = parse({"kind": kind, "width": 16, "heads": 2, **keys})
    assert config.inner == inner
    assert parse(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"kind": "conformer", "kernel": 4}, "must be odd, 4 is even"),
        ({"kind": "rnn", "front": 2}, "must be odd, 2 is even"),
        ({"kind": "transformer", "width": 12, "heads": 4}, "12 is no multiple of 2 x heads = 8"),
        (
            {"kind": "conformer", "width": 16, "feed_forward": 2, "feed_forward_units": 33},
            "33 contradicts feed_forward 2 x width 16 = 32: say feed_forward=null",
        ),
        ({"kind": "transformer", "feed_forward": None}, "one of them is needed"),
        ({"kind": "tdnn", "dilations": []}, "at least 1 item"),
        ({"kind": "ecapa", "channels": 20}, "20 are no multiple of scale = 8"),
    ],
)
def test_a_bad_config_is_refused(config: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse(config)
