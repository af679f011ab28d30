"""Two images in one: mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899)."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from bossline.augmentation.pixels.boxes import inside, uniform
from bossline.config import Config


class Mix(Config):
    """Shares are drawn from Beta(alpha, alpha), one for each image.

    Where both ways are given, each batch takes one of them, either as likely.
    """

    mixup: float | None = Field(None, gt=0, description="alpha; both images everywhere")
    cutmix: float | None = Field(None, gt=0, description="alpha; a box of the other image")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.mixup is None and self.cutmix is None:
            raise ValueError("nothing to mix by: give mixup, cutmix or both an alpha")
        return self

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Args:
            images: (B, C, S, S).

        Returns:
            The mixed images, the partner (B,) int64 of each, and the share (B,) float32 that is the
            image's own: its weight, or the pixels that are really left of it.
        """
        partner = torch.randperm(len(images), device=images.device)
        others = images.index_select(0, partner)
        if self.cutmix is None or (self.mixup is not None and bool(torch.rand(()) < 0.5)):
            assert self.mixup is not None
            share = _beta(self.mixup, images)
            return others.lerp_(images, share.view(-1, 1, 1, 1)), partner, share
        box = _boxes(1 - _beta(self.cutmix, images), images.shape[3])
        share = 1 - box.float().mean((1, 2, 3))
        return torch.where(box, others, images, out=others), partner, share


def _beta(alpha: float, images: Tensor) -> Tensor:
    """(B,) draws from Beta(alpha, alpha)."""
    both = torch.full((len(images), 2), alpha, device=images.device)
    # Validation would wait for the device.
    return torch.distributions.Dirichlet(both, validate_args=False).sample()[:, 0]


def _boxes(area: Tensor, side: int) -> Tensor:
    """(B, 1, side, side) bool: squares of about these areas (B,), centred anywhere.

    What lies beyond the image is cut off, as in the paper.
    """
    length = (area.sqrt() * side).round()
    left, top = ((uniform(area, 0, 1) * side).floor() - (length / 2).floor() for _ in range(2))
    return inside(left, top, length, length, side)
