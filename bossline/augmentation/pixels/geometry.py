"""Crop, mirror and rotation as matrices, so that images are interpolated once however many work.

A matrix (3, 3) takes (x, y, 1) of a pixel of the result to where it comes from; x and y run from
-1 to 1, edge to edge.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import grid_sample

from bossline.augmentation.pixels.boxes import random_sides, uniform
from bossline.config import Config


class Crop(Config):
    """Random resized crop (Szegedy et al. 2014, arXiv 1409.4842)."""

    least: float = Field(0.25, gt=0, le=1, description="least share of the area that is kept")
    aspect: float = Field(4 / 3, ge=1, description="most of width / height and of height / width")

    def __call__(self, like: Tensor) -> Tensor:
        """(B, 3, 3): boxes anywhere in the image; `like`, (B,), gives count and device."""
        width, height = random_sides(uniform(like, self.least, 1), self.aspect)
        matrices = _identities(like)
        matrices[:, 0, 0], matrices[:, 1, 1] = width, height
        matrices[:, 0, 2] = uniform(like, -1, 1) * (1 - width)
        matrices[:, 1, 2] = uniform(like, -1, 1) * (1 - height)
        return matrices


def flips(like: Tensor, probability: float) -> Tensor:
    """(B, 3, 3): the mirror image, left for right, of so many of the images."""
    matrices = _identities(like)
    matrices[:, 0, 0] = 1 - 2 * (uniform(like, 0, 1) < probability).float()
    return matrices


def rotations(degrees: Tensor) -> Tensor:
    """(B,) -> (B, 3, 3): turned about the centre, anticlockwise."""
    cosine, sine = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    matrices = _identities(degrees)
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine, -sine
    matrices[:, 1, 0], matrices[:, 1, 1] = sine, cosine
    return matrices


def moved(images: Tensor, matrices: Tensor) -> Tensor:
    """(B, C, S, S), (B, 3, 3) -> (B, C, S, S), bilinear; beyond its edges an image is mirrored."""
    side = images.shape[3]
    centres = (2 * torch.arange(side, device=images.device) + 1) / side - 1
    x, y, shift = matrices[:, :2].unsqueeze(1).unsqueeze(1).unbind(-1)
    # Sums of a row and a column; affine_grid multiplies matrices and takes several times as long.
    grid = centres.view(-1, 1) * x + (centres.view(-1, 1, 1) * y + shift)
    sampled = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return sampled.clamp_(0, 1)  # weights that sum to 1 only up to rounding


def _identities(like: Tensor) -> Tensor:
    return torch.eye(3, device=like.device).repeat(len(like), 1, 1)
