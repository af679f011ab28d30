"""What holds of every pooling; a kind without a case here fails the first test."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings
from pydantic import TypeAdapter
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.models.pooling import Pooling, PoolingConfig
from tests.kinds import kinds
from tests.padding import any_padding, padded

INPUTS = 6
CASES: dict[str, dict[str, object]] = {
    "mean": {"kind": "mean"},
    "statistics": {"kind": "statistics"},
    "self-attention": {"kind": "self-attention"},
    "multi-head": {"kind": "multi-head", "heads": 3},
    "attentive-statistics": {"kind": "attentive-statistics", "bottleneck": 5},
    "attentive-statistics, no context": {
        "kind": "attentive-statistics",
        "bottleneck": 5,
        "context": False,
    },
    "correlation": {"kind": "correlation", "channels": 4, "dropout": 0},
}
every_case = pytest.mark.parametrize("case", CASES)
means_and_deviations = pytest.mark.parametrize("case", [c for c in CASES if c != "correlation"])


def fresh(case: str) -> Pooling:
    torch.manual_seed(1)
    pooling: Pooling = TypeAdapter(PoolingConfig).validate_python(CASES[case]).build(INPUTS)
    return pooling


def noise(lengths: list[int], beyond: int, padding: float) -> Padded:
    """Random utterances with so many frames beyond the longest, filled with one number."""
    torch.manual_seed(0)  # one utterance after the other: the padding does not move them
    return padded([torch.randn(length, INPUTS) * 2 + 1 for length in lengths], beyond, padding)


def test_every_kind_has_a_case() -> None:
    assert {case["kind"] for case in CASES.values()} == kinds(PoolingConfig)


@every_case
@settings(max_examples=25)
@any_padding
def test_every_utterance_gets_what_it_gets_alone(
    case: str, lengths: list[int], beyond: int, padding: float
) -> None:
    batch, pooling = noise(lengths, beyond, padding), fresh(case)
    together = pooling(batch)
    assert together.shape == (len(lengths), pooling.outputs)
    for number, length in enumerate(lengths):
        utterance = batch.frames[number : number + 1, :length]
        alone = pooling(Padded.of(utterance, torch.tensor([length])))
        torch.testing.assert_close(together[number], alone[0], atol=1e-5, rtol=1e-5)


@every_case
def test_no_gradient_sees_the_padding(case: str) -> None:
    def step(beyond: int, padding: float) -> tuple[Pooling, Tensor]:
        pooling, batch = fresh(case), noise([17, 1, 8], beyond, padding)
        batch.frames.requires_grad_()
        pooled = pooling(batch)
        torch.manual_seed(2)
        (pooled * torch.randn_like(pooled)).sum().backward()
        assert batch.frames.grad is not None
        assert not batch.frames.grad[~batch.mask].any()
        return pooling, batch.frames.grad[batch.mask]

    (tight, expected), (loose, got) = step(0, 0.0), step(11, float("nan"))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    for (name, one), other in zip(tight.named_parameters(), loose.parameters(), strict=True):
        assert one.grad is not None, name
        assert one.grad.abs().sum() > 0, name
        torch.testing.assert_close(other.grad, one.grad, atol=1e-5, rtol=1e-5, msg=name)


@means_and_deviations
@pytest.mark.parametrize("level", [0.0, 1.0, 300.1])
@pytest.mark.parametrize("length", [1, 7])
def test_frames_that_are_all_equal_have_finite_gradients(
    case: str, level: float, length: int
) -> None:
    frames = torch.full((2, 9, INPUTS), level, requires_grad=True)
    pooled = fresh(case)(Padded.of(frames, torch.tensor([9, length])))
    pooled.square().sum().backward()
    means, deviations = pooled[:, :INPUTS], pooled[:, INPUTS:]
    torch.testing.assert_close(means, torch.full_like(means, level), atol=1e-6, rtol=1e-6)
    assert (deviations < 1e-3).all()
    assert frames.grad is not None
    assert frames.grad.isfinite().all()
    assert frames.grad.abs().max() < 10 * (1 + level)


@means_and_deviations
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_autocast_and_half_precision_leave_the_sums_in_float32(
    case: str, half: torch.dtype
) -> None:
    """With equal scores any attention is the plain mean, so float64 can tell what is right."""
    pooling = fresh(case)
    for name, parameter in pooling.named_parameters():
        if name in ("score.weight", "queries"):
            torch.nn.init.zeros_(parameter)
    torch.manual_seed(0)
    frames = (torch.randn(2, 2000, INPUTS) + 50).to(half)
    with torch.autocast("cpu", half):
        pooled = pooling(Padded.of(frames, torch.tensor([2000, 1500])))
    assert pooled.dtype == torch.float32
    for row, real in zip(pooled, (frames[0].double(), frames[1, :1500].double()), strict=True):
        both = torch.cat((real.mean(0), real.std(0, correction=0))).float()
        torch.testing.assert_close(row, both[: pooling.outputs], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1.0, 300.1])
def test_what_never_moves_goes_together_with_nothing(level: float) -> None:
    frames = torch.full((2, 9, INPUTS), level, requires_grad=True)
    pooled = fresh("correlation")(Padded.of(frames, torch.tensor([9, 1])))
    pooled.square().sum().backward()
    assert pooled[:, 4:].abs().max() < 1e-2
    assert frames.grad is not None
    assert frames.grad.isfinite().all()
    assert frames.grad.abs().max() < 1


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_correlations_under_autocast_are_those_of_float32(half: torch.dtype) -> None:
    pooling, batch = fresh("correlation"), noise([900, 700], 0, 0.0)
    with torch.autocast("cpu", half):
        pooled = pooling(batch)
    torch.testing.assert_close(pooled, pooling(batch), atol=1e-6, rtol=1e-6)


def test_correlations_are_dropped_in_training_only() -> None:
    config = TypeAdapter(PoolingConfig).validate_python({"kind": "correlation", "dropout": 0.5})
    pooling, batch = config.build(INPUTS), noise([30] * 8, 0, 0.0)
    whole = pooling.eval()(batch)
    kept = pooling.train()(batch) != 0
    assert kept[:, :64].all()
    assert kept[:, 64:].float().mean() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(pooling(batch)[:, :64], whole[:, :64])


def test_heads_that_do_not_divide_the_frame_are_refused() -> None:
    config = TypeAdapter(PoolingConfig).validate_python({"kind": "multi-head", "heads": 4})
    with pytest.raises(UserError, match="cut the encoder's 6 numbers per frame into 4 heads"):
        config.build(INPUTS)
