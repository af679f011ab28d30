"""Batches of images: each resized once, kept as bytes on the device, floats only in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from bossline.batches.base import BatchConfig
from bossline.batches.order import Shuffled
from bossline.core.ranks import WHOLE, Part
from bossline.core.runtime import on_device

KEPT_BYTES = 2 * 1024**3  # of resized images at most; more are resized batch by batch
EVALUATION_PIXELS = 2**20  # of one forward pass outside training, one channel

Views = Literal["one", "flip", "square"]


class ImageConfig(BatchConfig):
    """Batches of images, in random order."""

    kind: Literal["images"] = "images"
    side: int = Field(64, ge=1, description="pixels of a side of the squares that a model sees")
    size: int = Field(64, ge=2, description="images in a batch")
    views: Views = Field(
        "one",
        description="what a prediction averages over: the image, also its mirror image, or the 8 "
        "symmetries of the square",
    )
    mean: Literal["arithmetic", "geometric"] = Field(
        "arithmetic", description="mean of the probabilities of the views"
    )

    def open(self, pieces: Sequence[np.ndarray], device: torch.device) -> Images:
        """
        Args:
            pieces: (H, W, 3) uint8 each, of any sizes.
            device: where batches are computed; the resized images are kept there.
        """
        return Images(pieces, self.on(device), device)


class Images:
    """Images as squares of one size."""

    def __init__(
        self, pieces: Sequence[np.ndarray], config: ImageConfig, device: torch.device
    ) -> None:
        """See ImageConfig.open."""
        self._config, self._device = config, device
        self._squares = Squares(pieces, config.side, device)
        # Which images are next is asked on the CPU, where those that are not kept lie.
        self._shuffled = Shuffled(len(pieces), config.size, torch.device("cpu"))

    def __len__(self) -> int:
        return len(self._squares)

    @property
    def description(self) -> str:
        side = self._config.side
        return f"images of {side} x {side}, batches of {self._config.size}"

    @property
    def steps_per_epoch(self) -> int:
        return self._shuffled.steps_per_epoch

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """Images (B, 3, side, side) float32 in 0..1, and their indices (B,) int64.

        A pure function of its arguments; the batches of an epoch cover every image once.
        """
        return self._taken(part.of(self._shuffled.batch(seed, epoch, step)))

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All images for a prediction, each once per view.

        A batch holds one view of neighbouring images. The batches of their other views, with the
        same indices, follow it in the order of `symmetries`.
        """
        size = max(1, EVALUATION_PIXELS // self._config.side**2)
        for start in range(0, len(self), size):
            chosen = torch.arange(start, min(start + size, len(self)))
            images, indices = self._taken(chosen)
            for view in symmetries(images, self._config.views):
                yield view, indices

    def _taken(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self._squares.take(indices).float().div_(255), on_device(indices, self._device)


class Squares:
    """Images resized on opening where they fit in memory, else whenever they are taken."""

    def __init__(self, pieces: Sequence[np.ndarray], side: int, device: torch.device) -> None:
        """See ImageConfig.open."""
        self._count, self._side, self._device = len(pieces), side, device
        self._pieces = pieces
        self._kept: Tensor | None = None
        if len(pieces) * 3 * side**2 <= KEPT_BYTES:
            self._kept = self._resized(range(len(pieces)))
            self._pieces = ()

    def __len__(self) -> int:
        return self._count

    def take(self, indices: Tensor) -> Tensor:
        """(B,) int64 on the CPU -> (B, 3, side, side) uint8 on the device."""
        if self._kept is None:
            return self._resized(indices.tolist())
        return self._kept.index_select(0, on_device(indices, self._device))

    def _resized(self, indices: Sequence[int]) -> Tensor:
        squares = torch.empty(len(indices), 3, self._side, self._side, dtype=torch.uint8)
        for row, index in enumerate(indices):
            squares[row] = centre_square(self._pieces[index], self._side)
        return on_device(squares, self._device)


def centre_square(image: np.ndarray, side: int) -> Tensor:
    """(H, W, 3) uint8 -> (3, side, side) uint8: the largest square in the middle, resampled.

    Bicubic, antialiased, in whole numbers: sharper than Pillow's BOX, equal to its BICUBIC up to
    rounding, and several times as fast as either, which first copy to four bytes a pixel.
    """
    height, width, _ = image.shape
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    # A copy, since the file is mapped read-only and torch wants to write.
    square = np.array(image[top : top + shorter, left : left + shorter], order="C")
    pixels = torch.from_numpy(square).permute(2, 0, 1)
    if shorter == side:
        return pixels
    return interpolate(pixels.unsqueeze(0), (side, side), mode="bicubic", antialias=True)[0]


def symmetries(images: Tensor, views: Views) -> Iterator[Tensor]:
    """(B, C, S, S) -> so many of the same shape, the images themselves first.

    The image and its mirror image, for a square then both after one, two and three quarter turns
    anticlockwise.
    """
    mirrored = [images] if views == "one" else [images, images.flip(3)]
    for turns in range(4 if views == "square" else 1):
        for image in mirrored:
            yield image.rot90(turns, (2, 3))
