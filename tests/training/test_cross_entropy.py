from __future__ import annotations

import pytest
import torch

from bossline.training.objectives import CrossEntropyConfig


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_equals_the_formula(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(20, 7, dtype=torch.float64), torch.randint(7, (20,))
    target = torch.full((20, 7), smoothing / 7, dtype=torch.float64)
    target[torch.arange(20), labels] += 1 - smoothing
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    loss = CrossEntropyConfig(label_smoothing=smoothing)(logits, labels)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)


def test_half_precision_logits_are_summed_in_full() -> None:
    logits = torch.randn(1000, 41).bfloat16()
    loss = CrossEntropyConfig()(logits, torch.zeros(1000, dtype=torch.int64))
    assert loss.dtype == torch.float32
