"""Receptive fields by trying, held against the formulas of textbooks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.encoders.conformer import ConformerConfig
from bossline.models.encoders.layers import Encoder
from bossline.models.encoders.rnn import RnnConfig
from bossline.models.encoders.subsampling import SubsampleConfig
from bossline.models.encoders.tdnn import TdnnConfig
from bossline.models.images import CnnConfig
from bossline.models.layout import layers_of, receptive_fields

T = 64


def fields_of(model: nn.Module) -> dict[str, int]:
    return receptive_fields(model, Padded.of(torch.randn(1, T, 8), torch.tensor([T])))


def test_dilated_convolutions_add_up() -> None:
    """1 + the sum of (kernel - 1) * dilation, layer by layer."""
    dilations = (1, 2, 3)
    model = TdnnConfig(kernel=3, dilations=dilations, width=8).build(8)
    found = sorted(set(fields_of(model).values()))
    assert found == [1 + 2 * sum(dilations[:n]) for n in (1, 2, 3)]


def test_strides_multiply() -> None:
    """Two convolutions of kernel 3 and stride 2: 3, then 3 + 2 * 2; kernel 3 behind: + 2 * 4."""
    within = TdnnConfig(kernel=3, dilations=(1,), width=8)
    model = SubsampleConfig(channels=4, encoder=within).build(8)
    assert sorted(set(fields_of(model).values())) == [3, 7, 15]


@pytest.mark.parametrize(
    "config",
    [RnnConfig(width=4, depth=2), ConformerConfig(width=8, depth=1, heads=2, kernel=3)],
)
def test_what_sees_all_has_the_whole_length(config: RnnConfig | ConformerConfig) -> None:
    model: Encoder = config.build(8)
    assert max(fields_of(model).values()) == T


def test_images() -> None:
    """3 x 3 convolutions with halvings between: 3, 3 + 1 + 2 * 2, 8 + 2 + 4 * 2."""
    model = CnnConfig(depth=3, width=4).build(3, 5)
    found = receptive_fields(model, torch.rand(1, 3, T, T))
    first_three = sorted({found[name] for name in found if name.startswith("blocks.")})
    assert first_three == [3, 8, 18]


def test_layers_account_for_all_parameters_once() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    model.append(nn.Linear(4, 4))
    model[3].weight = model[1].weight  # shared
    layers = layers_of(model, {})
    assert sum(layer.parameters for layer in layers) == sum(p.numel() for p in model.parameters())
    assert layers[0].shapes == {"weight": (4, 3), "bias": (4,)}
    assert [layer.kind for layer in layers] == ["Linear", "Linear", "BatchNorm1d", "Linear"]
    assert layers[3].shapes == {"bias": (4,)}


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    receptive_fields(model, torch.rand(1, 3, 16, 16))
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
