"""What training may do to utterances or images before a model sees them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.augmentation.images import ImageAugment
from bossline.augmentation.spec_augment import SpecAugment

AugmentConfig = Annotated[SpecAugment | ImageAugment, Field(discriminator="kind")]
