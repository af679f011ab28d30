"""What every network over images must do."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from bossline.models.images import CnnConfig, ConvnextConfig, ResnetConfig, centred, mean_pixel

CONFIGS: dict[str, CnnConfig | ResnetConfig | ConvnextConfig] = {
    "cnn": CnnConfig(width=4, hidden=(16, 8)),
    "resnet": ResnetConfig(widths=(8, 12, 16), blocks=(1, 2, 1), squeeze_excitation=True),
    "resnet-patch": ResnetConfig(widths=(8, 16), blocks=(1, 1), stem="patch"),
    "convnext": ConvnextConfig(
        widths=(8, 16, 24, 32), blocks=(1, 2, 1, 1), layer_scale=1, kernel=5
    ),
}
every_model = pytest.mark.parametrize("name", CONFIGS)


def build(name: str) -> nn.Module:
    """With no parameter at zero: a norm that starts there lets no gradient through."""
    torch.manual_seed(0)
    model = CONFIGS[name].build(3, 5)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.uniform_(0.5, 1)
    return model


def photographs(count: int, height: int = 32, width: int = 32) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@every_model
@pytest.mark.parametrize("sides", [(32, 32), (48, 48), (64, 64), (128, 128), (45, 67)])
def test_any_sides(name: str, sides: tuple[int, int]) -> None:
    logits = build(name)(photographs(2, *sides))
    assert logits.shape == (2, 5)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@every_model
def test_gradients_reach_every_parameter(name: str) -> None:
    model = build(name)
    model(photographs(8)).logsumexp(1).mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.any(), key


@every_model
def test_the_rest_of_the_batch_does_not_matter_in_evaluation(name: str) -> None:
    model, images = build(name), photographs(4)
    model(images)  # moves the running statistics
    model.eval()
    alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), alone, rtol=1e-4, atol=1e-5)


@every_model
def test_images_may_lie_in_memory_in_any_way_and_are_not_changed(name: str) -> None:
    model, images = build(name).eval(), photographs(2)
    before = images.clone()
    expected = model(images)
    torch.testing.assert_close(images, before, rtol=0, atol=0)
    torch.testing.assert_close(model(images.to(memory_format=torch.channels_last)), expected)


@every_model
def test_state_dict_round_trip(name: str) -> None:
    model, images = build(name), photographs(3)
    model(images)
    other = CONFIGS[name].build(3, 5)
    other.load_state_dict({key: value.contiguous() for key, value in model.state_dict().items()})
    assert torch.equal(other.eval()(images), copy.deepcopy(model).eval()(images))


@every_model
def test_bfloat16_comes_close(name: str) -> None:
    model, images = build(name), photographs(8)
    exact = model(images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(images).float()
    assert (rough - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("config", [ResnetConfig, ConvnextConfig])
def test_stages_need_width_and_blocks(config: type[ResnetConfig | ConvnextConfig]) -> None:
    with pytest.raises(ValueError, match="widths name 2 stages, blocks 3"):
        config(widths=(8, 16), blocks=(1, 1, 1))


def test_centred() -> None:
    values = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(1, 1, 2, 2)
    assert centred(values).flatten().tolist() == [-2, -1, 0, 2]
    assert centred(photographs(2)).is_contiguous(memory_format=torch.channels_last)


def test_mean_pixel() -> None:
    x = photographs(4, 5, 7)
    torch.testing.assert_close(mean_pixel(x), x.mean((2, 3)))
    assert mean_pixel(x.bfloat16()).dtype == torch.float32
