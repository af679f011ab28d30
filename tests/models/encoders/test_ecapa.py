from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.encoders.ecapa import EcapaConfig
from bossline.models.pooling import AttentiveStatisticsConfig


def theirs(layer: Any, dilation: int = 1) -> nn.Sequential:
    """torch's own convolution, ReLU and norm with the weights of one of ours."""
    weight = layer.convolution.convolution.weight.squeeze(2)
    outputs, inputs, kernel = weight.shape
    convolution = nn.Conv1d(inputs, outputs, kernel, padding="same", dilation=dilation)
    convolution.load_state_dict(
        {"weight": weight, "bias": layer.convolution.convolution.bias}, strict=True
    )
    norm = nn.BatchNorm1d(outputs)
    norm.load_state_dict(
        {
            "weight": layer.norm.weight,
            "bias": layer.norm.bias,
            "running_mean": layer.norm.running_mean,
            "running_var": layer.norm.running_variance,
            "num_batches_tracked": torch.tensor(1),
        }
    )
    return nn.Sequential(convolution, nn.ReLU(), norm).eval()


def res2(ours: Any, x: Tensor, dilation: int) -> Tensor:
    """(1, channels, T): Res2Net's y1 = x1, y2 = K2(x2), yi = Ki(xi + y(i-1))."""
    groups = x.tensor_split(len(ours.layers) + 1, dim=1)
    results = [groups[0]]
    for number, layer in enumerate(ours.layers):
        group = groups[number + 1]
        results.append(theirs(layer, dilation)(group + results[-1] if number else group))
    return torch.cat(results, dim=1)


def squeeze_excitation(ours: Any, x: Tensor) -> Tensor:
    mean = x.mean(2)
    hidden = (mean @ ours.squeeze.weight.T + ours.squeeze.bias).relu()
    scale: Tensor = (hidden @ ours.excite.weight.T + ours.excite.bias).sigmoid()
    return x * scale.unsqueeze(2)


def test_it_is_the_papers_with_torchs_layers() -> None:
    torch.manual_seed(0)
    encoder: Any = EcapaConfig(channels=12, scale=4, bottleneck=5, aggregated=9).build(6)
    for name, parameter in encoder.named_parameters():
        if ".norm." in name:
            parameter.data += torch.randn_like(parameter) / 2
    lengths = torch.tensor([19, 1, 8])
    frames = torch.randn(3, 25, 6) * 2
    for _ in range(10):
        encoder(Padded.of(frames, lengths))  # running statistics worth the name
    encoder.eval()
    got = encoder(Padded.of(frames, lengths)).frames
    for number, length in enumerate(lengths.tolist()):
        total = theirs(encoder.front)(frames[number : number + 1, :length].transpose(1, 2))
        results = []
        for dilation, block in zip((2, 3, 4), encoder.blocks, strict=True):
            y = theirs(block.last)(res2(block.res2, theirs(block.first)(total), dilation))
            results.append(total + squeeze_excitation(block.excitation, y))
            total = total + results[-1]
        side_by_side = torch.cat(results, dim=1)[0].T
        expected = (side_by_side @ encoder.aggregate.weight.T + encoder.aggregate.bias).relu()
        torch.testing.assert_close(got[number, :length], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("channels", "millions"), [(512, 6.2), (1024, 14.7)])
def test_it_has_as_many_parameters_as_the_paper_says(channels: int, millions: float) -> None:
    """With the paper's pooling, norm and embedding behind it."""
    with torch.device("meta"):
        encoder = EcapaConfig(channels=channels).build(80)
        pooling = AttentiveStatisticsConfig().build(encoder.outputs)
        embedding = nn.Sequential(
            nn.BatchNorm1d(pooling.outputs), nn.Linear(pooling.outputs, 192), nn.BatchNorm1d(192)
        )
    model = nn.ModuleList((encoder, pooling, embedding))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.05)
