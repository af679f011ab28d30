"""Random erasing: a rectangle of noise somewhere in the image (arXiv 1708.04896)."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from bossline.augmentation.pixels.boxes import inside, random_sides, uniform
from bossline.config import Config

ASPECT = 1 / 0.3  # most of width / height and of height / width, as in the paper


class Erase(Config):
    """One box in so many of the images; noise did best in the paper."""

    probability: float = Field(0.5, gt=0, le=1, description="that an image loses a box")
    least: float = Field(0.02, gt=0, le=1, description="least share of the area that is erased")
    most: float = Field(0.4, gt=0, le=1, description="most of it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is above most ({self.most})")
        return self

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, S, S) -> the same shape; a box has whole pixels, at least one each way."""
        side, like = images.shape[3], images[:, 0, 0, 0]
        width, height = (
            (length * side).round().clamp(1, side)
            for length in random_sides(uniform(like, self.least, self.most), ASPECT)
        )
        left, top = (
            (uniform(like, 0, 1) * (side - length + 1)).floor() for length in (width, height)
        )
        chosen = uniform(like, 0, 1) < self.probability
        box = inside(left, top, width * chosen, height, side)
        noise = torch.rand_like(images)
        return torch.where(box, noise, images, out=noise)
