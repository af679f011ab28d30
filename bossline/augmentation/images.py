"""What training may do to images before a model sees them, for a whole batch at once."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bossline.augmentation.pixels.boxes import uniform
from bossline.augmentation.pixels.colour import Colour, greyed, recoloured
from bossline.augmentation.pixels.erase import Erase
from bossline.augmentation.pixels.geometry import Crop, flips, moved, rotations
from bossline.augmentation.pixels.mix import Mix
from bossline.config import Config


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

    def __call__(self, images: Tensor) -> Tensor:
        """A disturbed copy of (B, 3, S, S) float32 in 0..1, not mixed yet.

        Draws from torch's global random state.
        """
        images = self._moved(images)
        images = self._recoloured(images)
        return images if self.erase is None else self.erase(images)

    def mixed(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The images mixed with others of their batch; draws from torch's global random state.

        Returns:
            Images (B, 3, S, S), the partner (B,) int64 of each, and its own share (B,) float32. The
            loss is share * loss(own label) + (1 - share) * loss(partner's label).
        """
        if self.mix is not None:
            return self.mix(images)
        own = torch.arange(len(images), device=images.device)
        return images, own, torch.ones_like(own, dtype=torch.float32)

    def _moved(self, images: Tensor) -> Tensor:
        like = images[:, 0, 0, 0]
        matrices = []
        if self.crop is not None:
            matrices.append(self.crop(like))
        if self.rotation:
            matrices.append(rotations(uniform(like, -self.rotation, self.rotation)))
        if self.flip:
            matrices.append(flips(like, self.flip))
        # From the result back to the image: the last step is undone first.
        return moved(images, reduce(torch.matmul, matrices)) if matrices else images

    def _recoloured(self, images: Tensor) -> Tensor:
        if self.colour is None and not self.grey:
            return images
        if self.colour is None:
            matrices = torch.eye(3, 4, device=images.device).expand(len(images), 3, 4)
        else:
            matrices = self.colour(images)
        return recoloured(images, greyed(matrices, self.grey))
