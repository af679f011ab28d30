"""The smallest square that a network of images takes is what its config says it is."""

from __future__ import annotations

import pytest
import torch

from bossline.core.errors import UserError
from bossline.models.images import CnnConfig, ConvnextConfig, ResnetConfig
from bossline.recipes import load_recipe

CONFIGS = [
    *(CnnConfig(depth=depth, width=2) for depth in range(1, 6)),
    ConvnextConfig(widths=(4,), blocks=(1,)),
    ConvnextConfig(widths=(4, 4, 4), blocks=(1, 1, 1), patch=2),
    ResnetConfig(widths=(4, 4), blocks=(1, 1)),
    ResnetConfig(widths=(4, 4), blocks=(1, 1), stem="patch"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_it_takes_that_and_no_less(config: CnnConfig | ConvnextConfig | ResnetConfig) -> None:
    model, least = config.build(3, 2).eval(), config.least_side
    assert model(torch.zeros(1, 3, least, least)).shape == (1, 2)
    if least > 1:
        with pytest.raises(RuntimeError):
            model(torch.zeros(1, 3, least - 1, least - 1))


def test_a_recipe_of_less_is_refused() -> None:
    with pytest.raises(UserError, match=r"batches\.side: .* of 16 pixels away: set 32 or more"):
        load_recipe("food/simple", ["batches.side=16"])
