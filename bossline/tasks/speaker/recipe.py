"""What a recipe of the speaker task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.segments import SegmentConfig
from bossline.models.committee import CommitteeConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.speaker import SpeakerConfig
from bossline.tasks.recipe import Recipe
from bossline.training.objectives import CrossEntropyConfig


class SpeakerRecipe(Recipe):
    """Segments of utterances; the model's head is the objective."""

    task: Literal["speaker"] = "speaker"
    batches: SegmentConfig
    augment: SpecAugment | None = Field(None, description="in training only")
    model: Annotated[
        SpeakerConfig | CommitteeConfig | SpeakerLdaConfig, Field(discriminator="kind")
    ]
    smoothing: None = None

    @model_validator(mode="after")
    def _names_speakers_that_it_knows(self) -> SpeakerRecipe:
        if self.split.by == "speaker":
            raise ValueError(
                "split.by=speaker tests on speakers that no model can name: set "
                "split.by=each-speaker, and split.unheard=0.1 for trials of speakers it never heard"
            )
        return self

    @model_validator(mode="after")
    def _head_is_the_objective(self) -> SpeakerRecipe:
        if self.objective != CrossEntropyConfig():
            raise ValueError("the objective of a speaker model is its head: set model.head")
        return self
