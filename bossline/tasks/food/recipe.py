"""What a recipe of the food task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.augmentation.images import ImageAugment
from bossline.batches.images import ImageConfig
from bossline.models.images import CnnConfig, ConvnextConfig, ResnetConfig
from bossline.tasks.recipe import Recipe


class FoodRecipe(Recipe):
    """Images of any size, seen as squares."""

    task: Literal["food"] = "food"
    batches: ImageConfig
    augment: ImageAugment | None = Field(None, description="in training only")
    model: Annotated[CnnConfig | ResnetConfig | ConvnextConfig, Field(discriminator="kind")]
    smoothing: None = None

    @model_validator(mode="after")
    def _images_are_large_enough(self) -> FoodRecipe:
        least = self.model.least_side
        if self.batches.side < least:
            raise ValueError(
                f"batches.side: this model halves images of {self.batches.side} pixels away: set "
                f"{least} or more"
            )
        return self
