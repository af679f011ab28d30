from __future__ import annotations

from typing import Any

import pytest
import torch

from bossline.models.heads import LinearHeadConfig, MlpHeadConfig


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_linear_head_is_the_formula(smoothing: float) -> None:
    torch.manual_seed(0)
    head: Any = LinearHeadConfig(label_smoothing=smoothing).build(4, 6)
    embeddings, labels = torch.randn(9, 4), torch.randint(6, (9,))
    loss, scores = head.loss(embeddings, labels, 1.0)
    torch.testing.assert_close(scores, embeddings @ head.layers.weight.T + head.layers.bias)
    target = torch.full((9, 6), smoothing / 6)
    target[torch.arange(9), labels] += 1 - smoothing
    torch.testing.assert_close(loss, -(target * scores.log_softmax(1)).sum(1).mean())


def test_the_mlp_head_has_one_hidden_layer_with_relu() -> None:
    torch.manual_seed(0)
    head = MlpHeadConfig(width=8).build(4, 6)
    embeddings = torch.randn(9, 4)
    first, first_bias, second, second_bias = head.parameters()
    assert first.shape == (8, 4)
    hidden = (embeddings @ first.T + first_bias).clamp(min=0)
    torch.testing.assert_close(head(embeddings), hidden @ second.T + second_bias)


def test_half_precision_scores_are_summed_in_full() -> None:
    head = LinearHeadConfig().build(4, 40)
    with torch.autocast("cpu", torch.bfloat16):
        loss, scores = head.loss(torch.randn(9, 4), torch.zeros(9, dtype=torch.int64), 1.0)
    assert scores.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
