"""Each pooling against the formula of its paper, an utterance at a time, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import TypeAdapter

from bossline.batches.padded import Padded
from bossline.models.pooling import Pooling, PoolingConfig

Floats = npt.NDArray[np.float64]
LENGTHS = (9, 1, 5)


def build(inputs: int, **config: object) -> Pooling:
    torch.manual_seed(0)
    pooling: Pooling = TypeAdapter(PoolingConfig).validate_python(config).build(inputs)
    return pooling.double()


def holds(pooling: Pooling, inputs: int, formula: Callable[[Floats], Floats]) -> None:
    """The pooling of a padded batch is the formula of each of its utterances."""
    frames = torch.full((len(LENGTHS), 12, inputs), float("nan"), dtype=torch.float64)
    for row, length in zip(frames, LENGTHS, strict=True):
        row[:length] = torch.randn(length, inputs, dtype=torch.float64) * 3 - 1
    pooled = pooling(Padded.of(frames, torch.tensor(LENGTHS))).detach().numpy()
    for got, row, length in zip(pooled, frames, LENGTHS, strict=True):
        np.testing.assert_allclose(got, formula(row[:length].numpy()), rtol=1e-9)


def numbers(parameter: Any) -> Floats:
    return np.asarray(parameter.detach().numpy(), dtype=np.float64)


def softmax(scores: Floats) -> Floats:
    """Over time, the first axis."""
    return np.asarray(torch.softmax(torch.from_numpy(scores), 0))


def deviation(variance: Floats) -> Floats:
    return np.sqrt(np.maximum(variance, 1e-8))


def plain_statistics(x: Floats) -> Floats:
    mean = sum(x) / len(x)
    variance = sum((frame - mean) ** 2 for frame in x) / len(x)
    return np.concatenate((mean, deviation(variance)))


def test_mean() -> None:
    holds(build(4, kind="mean"), 4, lambda x: plain_statistics(x)[:4])


def test_statistics() -> None:
    holds(build(4, kind="statistics"), 4, plain_statistics)


def test_self_attention() -> None:
    pooling: Any = build(4, kind="self-attention")
    (projection,) = numbers(pooling.score.weight)

    def formula(x: Floats) -> Floats:
        weights = softmax(np.array([frame @ projection for frame in x]))
        return np.asarray(sum(w * frame for w, frame in zip(weights, x, strict=True)))

    holds(pooling, 4, formula)


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_multi_head(heads: int) -> None:
    pooling: Any = build(6, kind="multi-head", heads=heads)

    def formula(x: Floats) -> Floats:
        means = []
        for query, part in zip(numbers(pooling.queries), np.split(x, heads, axis=1), strict=True):
            weights = softmax(part @ query / np.sqrt(6 / heads))
            means.append(weights @ part)
        return np.concatenate(means)

    holds(pooling, 6, formula)


@pytest.mark.parametrize("context", [True, False])
def test_attentive_statistics(context: bool) -> None:
    """As in the paper: mean and standard deviation stand beside every frame."""
    pooling: Any = build(4, kind="attentive-statistics", bottleneck=3, context=context)
    layers = [pooling.frame.weight] + ([pooling.context.weight] if context else [])
    hidden = np.concatenate([numbers(layer) for layer in layers], axis=1)  # (3, 4 or 12)

    def formula(x: Floats) -> Floats:
        seen = np.array(
            [np.concatenate((frame, plain_statistics(x))) if context else frame for frame in x]
        )
        bottleneck = np.tanh(seen @ hidden.T + numbers(pooling.frame.bias))
        weights = softmax(bottleneck @ numbers(pooling.score.weight).T)
        mean = (weights * x).sum(0)
        return np.concatenate((mean, deviation((weights * x**2).sum(0) - mean**2)))

    holds(pooling, 4, formula)


def test_correlation() -> None:
    """Each pair once, and the deviations that the correlations leave out."""
    pooling: Any = build(4, kind="correlation", channels=3, dropout=0)
    weight, bias = numbers(pooling.project.weight), numbers(pooling.project.bias)

    def formula(x: Floats) -> Floats:
        projected = x @ weight.T + bias
        deviations = plain_statistics(projected)[3:]
        moves = len(x) > 1
        pairs = [
            np.corrcoef(projected[:, a], projected[:, b])[0, 1] if moves else 0.0
            for a, b in ((0, 1), (0, 2), (1, 2))
        ]
        return np.concatenate((np.log(deviations), pairs))

    holds(pooling, 4, formula)
