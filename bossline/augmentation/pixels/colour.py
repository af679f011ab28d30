"""Brightness, contrast, saturation, hue and grey as one matrix of colours for each image."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor

from bossline.augmentation.pixels.boxes import uniform
from bossline.config import Config

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


class Colour(Config):
    """Each factor is drawn evenly from 1 - range to 1 + range; they work in this order.

    Hue turns colours about the axis of greys and keeps their luma: linear, unlike HSV, so that all
    are one matrix (as in Karras et al. 2020, arXiv 2006.06676) and values are cut to 0..1 once.
    """

    brightness: float = Field(0, ge=0, le=1, description="range of the factor of all values")
    contrast: float = Field(
        0, ge=0, le=1, description="range of the factor of distances from the mean luma"
    )
    saturation: float = Field(
        0, ge=0, le=1, description="range of the factor of distances from a pixel's own luma"
    )
    hue: float = Field(
        0, ge=0, le=0.5, description="most that hues turn either way, in turns of the circle"
    )

    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3, 4): a matrix of red, green and blue, and what is added after."""
        brightness, contrast, saturation, turn = (
            uniform(images[:, :1, :1, 0], middle - reach, middle + reach)
            for middle, reach in (
                (1, self.brightness), (1, self.contrast), (1, self.saturation), (0, self.hue),
            )
        )  # fmt: skip
        grey = to_grey(images.device)
        chroma = torch.eye(3, device=images.device) - grey
        # v -> (1, 1, 1) x v / sqrt(3) is a quarter turn about the axis of greys.
        quarter = grey.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        angle = 2 * math.pi * turn
        turned = angle.cos() * chroma + angle.sin() * (chroma @ quarter)
        mean = (grey * images.mean((2, 3)).unsqueeze(1)).sum(2, keepdim=True)
        scale = brightness * contrast
        return torch.cat([scale * (grey + saturation * turned), (brightness - scale) * mean], dim=2)


def to_grey(device: torch.device) -> Tensor:
    """(3, 3): the matrix that makes every channel the luma."""
    return torch.tensor(LUMA, device=device).expand(3, 3)


def greyed(matrices: Tensor, probability: float) -> Tensor:
    """(B, 3, 4): so many of the matrices followed by the one to grey."""
    chosen = uniform(matrices[:, :1, :1], 0, 1) < probability
    return torch.where(chosen, to_grey(matrices.device) @ matrices, matrices)


def recoloured(images: Tensor, matrices: Tensor) -> Tensor:
    """(B, 3, S, S), (B, 3, 4) -> (B, 3, S, S) in 0..1."""
    colours = torch.baddbmm(matrices[:, :, 3:], matrices[:, :, :3], images.flatten(2))
    return colours.clamp_(0, 1).view_as(images)
