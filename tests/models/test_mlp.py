from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import nn

from bossline.models.layers import Dropout, OutputLayer
from bossline.models.mlp import MlpConfig
from bossline.tasks import TASKS


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("inputs", "outputs", "depth", "width", "expected"),
    [(117, 41, 6, 64, 31017), (117, 41, 2, 113, 30890), (8, 8, 2, 16, 552), (4, 3, 1, 5, 43)],
)
def test_parameter_counts_of_the_course(
    inputs: int, outputs: int, depth: int, width: int, expected: int
) -> None:
    assert count(MlpConfig(depth=depth, width=width).build(inputs, outputs)) == expected


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky-relu", "gelu", "silu"])
def test_every_option_gives_logits_and_gradients_everywhere(
    norm: Any, place: Any, activation: Any
) -> None:
    torch.manual_seed(0)
    config = MlpConfig(
        depth=3, width=16, norm=norm, dropout=0.2, dropout_at=place, activation=activation
    )
    model = config.build(12, 5)
    logits = model(torch.randn(64, 12))
    assert logits.shape == (64, 5)
    logits.logsumexp(1).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if norm == "none" or not name.endswith("bias"):  # a norm takes out the bias before it
            assert parameter.grad.abs().sum() > 0, name


def test_dropout_stands_where_the_config_says() -> None:
    def kinds(**keys: Any) -> list[type[nn.Module]]:
        layers = MlpConfig(depth=1, norm="batch", dropout=0.1, **keys).build(3, 2).layers
        return [type(layer) for layer in layers]

    before = [nn.Linear, nn.BatchNorm1d, Dropout, nn.ReLU, OutputLayer]
    after = [nn.Linear, nn.BatchNorm1d, nn.ReLU, Dropout, OutputLayer]
    assert kinds(dropout_at="before") == before
    assert kinds(dropout_at="after") == after


def test_a_kind_names_one_model_in_all_tasks() -> None:
    configs = {
        config
        for task in TASKS.values()
        for config in get_args(task.recipe.model_fields["model"].annotation)
    }
    kinds = [config.model_fields["kind"].default for config in configs]
    assert len(kinds) == len(set(kinds))
    assert {"mlp", "tagger", "speaker", "lda", "transcriber"} < set(kinds)
