"""What training does to images before a model sees them: geometry, colour, erasing and mixing."""

from __future__ import annotations

import math
from functools import reduce
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from bossline.core import ranks
from bossline.core.config import Config
from bossline.core.runtime import on_device

# Crop, mirror and rotation as matrices, so that images are interpolated once however many work.
#
# A matrix (3, 3) takes (x, y, 1) of a pixel of the result to where it comes from; x and y run
# from -1 to 1, edge to edge.


class Crop(Config):
    """Random resized crop (Szegedy et al. 2014, arXiv 1409.4842)."""

    least: float = Field(0.25, gt=0, le=1, description="least share of the area that is kept")
    aspect: float = Field(4 / 3, ge=1, description="most of width / height and of height / width")

    def __call__(self, like: Tensor, generator: Generator) -> Tensor:
        """(B, 3, 3): boxes anywhere in the image; `like`, (B,), gives count and device."""
        area = uniform(like, self.least, 1, generator)
        width, height = random_sides(area, self.aspect, generator)
        matrices = _identities(like)
        matrices[:, 0, 0], matrices[:, 1, 1] = width, height
        matrices[:, 0, 2] = uniform(like, -1, 1, generator) * (1 - width)
        matrices[:, 1, 2] = uniform(like, -1, 1, generator) * (1 - height)
        return matrices


def flips(like: Tensor, probability: float, generator: Generator) -> Tensor:
    """(B, 3, 3): the mirror image, left for right, of so many of the images."""
    matrices = _identities(like)
    matrices[:, 0, 0] = 1 - 2 * (uniform(like, 0, 1, generator) < probability).float()
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


# Brightness, contrast, saturation, hue and grey as one matrix of colours for each image.


LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
_CYCLE = ((0, -1, 1), (1, 0, -1), (-1, 1, 0))  # (1, 1, 1) x v of a colour v


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

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """(B, 3, S, S) -> (B, 3, 4): a matrix of red, green and blue, and what is added after."""
        brightness, contrast, saturation, turn = (
            uniform(images[:, :1, :1, 0], middle - reach, middle + reach, generator)
            for middle, reach in (
                (1, self.brightness), (1, self.contrast), (1, self.saturation), (0, self.hue),
            )
        )  # fmt: skip
        grey = to_grey(images.device)
        chroma = torch.eye(3, device=images.device) - grey
        # By 1 / sqrt(3) it is a quarter turn about the axis of greys.
        quarter = on_device(torch.tensor(_CYCLE) / math.sqrt(3), images.device)
        angle = 2 * math.pi * turn
        turned = angle.cos() * chroma + angle.sin() * (chroma @ quarter)
        mean = (grey * images.mean((2, 3)).unsqueeze(1)).sum(2, keepdim=True)
        scale = brightness * contrast
        return torch.cat([scale * (grey + saturation * turned), (brightness - scale) * mean], dim=2)


def to_grey(device: torch.device) -> Tensor:
    """(3, 3): the matrix that makes every channel the luma."""
    return on_device(torch.tensor(LUMA), device).expand(3, 3)


def greyed(matrices: Tensor, probability: float, generator: Generator) -> Tensor:
    """(B, 3, 4): so many of the matrices followed by the one to grey."""
    chosen = uniform(matrices[:, :1, :1], 0, 1, generator) < probability
    return torch.where(chosen, to_grey(matrices.device) @ matrices, matrices)


def recoloured(images: Tensor, matrices: Tensor) -> Tensor:
    """(B, 3, S, S), (B, 3, 4) -> (B, 3, S, S) in 0..1."""
    colours = torch.baddbmm(matrices[:, :, 3:], matrices[:, :, :3], images.flatten(2))
    return colours.clamp_(0, 1).view_as(images)


# Random erasing: a rectangle of noise somewhere in the image (arXiv 1708.04896).


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

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """(B, C, S, S) -> the same shape; a box has whole pixels, at least one each way."""
        side, like = images.shape[3], images[:, 0, 0, 0]
        area = uniform(like, self.least, self.most, generator)
        width, height = (
            (length * side).round().clamp(1, side)
            for length in random_sides(area, ASPECT, generator)
        )
        left, top = (
            (uniform(like, 0, 1, generator) * (side - length + 1)).floor()
            for length in (width, height)
        )
        chosen = uniform(like, 0, 1, generator) < self.probability
        box = inside(left, top, width * chosen, height, side)
        noise = ranks.uniform(images.shape, generator, images.device)
        return torch.where(box, noise, images, out=noise)


# Random rectangles in a square image: what a crop keeps and what an erasure hides.


def random_sides(share: Tensor, aspect: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Widths and heights (B,), in sides of the image, of boxes with `share` (B,) of its area.

    Width to height is between 1 / aspect and aspect, even on a logarithmic scale, and such that the
    box fits in the image: nothing is drawn twice.
    """
    reach = share.log().neg().clamp(max=math.log(aspect))
    ratio = (uniform(share, -1, 1, generator) * reach / 2).exp()
    return share.sqrt() * ratio, share.sqrt() / ratio


def inside(left: Tensor, top: Tensor, width: Tensor, height: Tensor, side: int) -> Tensor:
    """(B, 1, side, side) bool: the pixels of boxes, given in whole pixels, each (B,)."""
    steps = torch.arange(side, device=left.device)

    def covered(start: Tensor, length: Tensor) -> Tensor:
        start, length = start.unsqueeze(1), length.unsqueeze(1)
        return (steps >= start) & (steps < start + length)

    return (covered(top, height).unsqueeze(2) & covered(left, width).unsqueeze(1)).unsqueeze(1)


def uniform(like: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """Even draws from low..high in the shape of `like`, on its device."""
    return ranks.uniform(like.shape, generator, like.device) * (high - low) + low


# Two images in one: mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899).


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

    def __call__(self, images: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """
        Args:
            images: (B, C, S, S).
            generator: of their device.

        Returns:
            The mixed images, the partner (B,) int64 of each, and the share (B,) float32 that is the
            image's own: its weight, or the pixels that are really left of it.
        """
        partner = torch.randperm(len(images), generator=generator, device=images.device)
        weights = []  # of the images themselves
        if self.mixup is not None:
            weights.append(_beta(self.mixup, images, generator).view(-1, 1, 1, 1))
        if self.cutmix is not None:
            area = 1 - _beta(self.cutmix, images, generator)
            weights.append((~_boxes(area, images.shape[3], generator)).float())
        weight = weights[0]
        if len(weights) == 2:  # both are drawn: to ask which is wanted would wait for the device
            first = uniform(images[0, 0, 0, 0], 0, 1, generator) < 0.5
            weight = torch.where(first, weights[0], weights[1])
        mixed = images.index_select(0, partner).lerp_(images, weight)
        return mixed, partner, weight.mean((1, 2, 3))


def _beta(alpha: float, images: Tensor, generator: Generator) -> Tensor:
    """(B,) draws from Beta(alpha, alpha)."""
    both = torch.full((len(images), 2), alpha, device=images.device)
    # What torch.distributions.Dirichlet draws with, which takes no generator.
    return torch._sample_dirichlet(both, generator)[:, 0]


def _boxes(area: Tensor, side: int, generator: Generator) -> Tensor:
    """(B, 1, side, side) bool: squares of about these areas (B,), centred anywhere.

    What lies beyond the image is cut off, as in the paper.
    """
    length = (area.sqrt() * side).round()
    left, top = (
        (uniform(area, 0, 1, generator) * side).floor() - (length / 2).floor() for _ in range(2)
    )
    return inside(left, top, length, length, side)


# What training may do to images before a model sees them, for a whole batch at once.


class ImageAugment(Config):
    """Each part works where it is given, in this order; every image has draws of its own."""

    kind: Literal["images"] = "images"
    crop: Crop | None = None
    rotation: float = Field(0, ge=0, le=180, description="most degrees that an image turns by")
    flip: float = Field(0, ge=0, le=1, description="probability of the mirror image")
    colour: Colour | None = None
    grey: float = Field(0, ge=0, le=1, description="probability of an image without colours")
    erase: Erase | None = None
    mix: Mix | None = None

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """A disturbed copy of (B, 3, S, S) float32 in 0..1, not mixed yet.

        Args:
            images: as they are.
            generator: of their device; all chance comes from it.
        """
        images = self._moved(images, generator)
        images = self._recoloured(images, generator)
        return images if self.erase is None else self.erase(images, generator)

    def mixed(self, images: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The images mixed with others of their batch.

        Args:
            images: (B, 3, S, S).
            generator: of their device; all chance comes from it.

        Returns:
            Images (B, 3, S, S), the partner (B,) int64 of each, and its own share (B,) float32. The
            loss is share * loss(own label) + (1 - share) * loss(partner's label).
        """
        if self.mix is not None:
            return self.mix(images, generator)
        own = torch.arange(len(images), device=images.device)
        return images, own, torch.ones_like(own, dtype=torch.float32)

    def _moved(self, images: Tensor, generator: Generator) -> Tensor:
        like = images[:, 0, 0, 0]
        matrices = []
        if self.crop is not None:
            matrices.append(self.crop(like, generator))
        if self.rotation:
            degrees = uniform(like, -self.rotation, self.rotation, generator)
            matrices.append(rotations(degrees))
        if self.flip:
            matrices.append(flips(like, self.flip, generator))
        # From the result back to the image: the last step is undone first.
        return moved(images, reduce(torch.matmul, matrices)) if matrices else images

    def _recoloured(self, images: Tensor, generator: Generator) -> Tensor:
        if self.colour is None and not self.grey:
            return images
        if self.colour is None:
            matrices = torch.eye(3, 4, device=images.device).expand(len(images), 3, 4)
        else:
            matrices = self.colour(images, generator)
        return recoloured(images, greyed(matrices, self.grey, generator))
