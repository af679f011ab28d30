"""What a recipe of the transcribe task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.utterances import UtteranceConfig
from bossline.models.transcriber import TranscriberConfig
from bossline.tasks.recipe import Recipe
from bossline.tasks.transcribe.objective import ObjectiveConfig


class TranscribeRecipe(Recipe):
    """Whole utterances, what makes strings of them, and how the best string is searched for."""

    task: Literal["transcribe"] = "transcribe"
    batches: UtteranceConfig = UtteranceConfig()
    augment: SpecAugment | None = Field(None, description="in training only")
    model: TranscriberConfig
    objective: ObjectiveConfig = ObjectiveConfig()  # type: ignore[assignment]
