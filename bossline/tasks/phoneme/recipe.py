"""What a recipe of the phoneme task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.utterances import UtteranceConfig
from bossline.batches.windows import WindowConfig
from bossline.models.fitted.discriminant import LdaConfig
from bossline.models.fitted.naive_bayes import NaiveBayesConfig
from bossline.models.fitted.quadratic import QdaConfig
from bossline.models.logistic import LogisticConfig, LogisticLbfgsConfig
from bossline.models.mlp import MlpConfig
from bossline.models.tagger import TaggerConfig
from bossline.models.window_tagger import WindowTaggerConfig
from bossline.tasks.recipe import Recipe
from bossline.tasks.smoothing import SmoothingConfig


class PhonemeRecipe(Recipe):
    """Frames in windows or in whole utterances, and what makes a path of their posteriors."""

    task: Literal["phoneme"] = "phoneme"
    batches: Annotated[WindowConfig | UtteranceConfig, Field(discriminator="kind")] = WindowConfig()
    augment: SpecAugment | None = Field(None, description="in training only")
    model: Annotated[
        MlpConfig
        | LogisticConfig
        | TaggerConfig
        | WindowTaggerConfig
        | NaiveBayesConfig
        | LdaConfig
        | QdaConfig
        | LogisticLbfgsConfig,
        Field(discriminator="kind"),
    ]
    smoothing: SmoothingConfig | None = Field(
        None, description="what turns posteriors into a path of phones after training"
    )

    @model_validator(mode="after")
    def _windows_are_as_wide(self) -> PhonemeRecipe:
        model, batches = self.model, self.batches
        if isinstance(model, WindowTaggerConfig) and batches.kind == "windows":
            if model.encoder.kind == "subsample":
                raise ValueError("the middle frame needs its label: the encoder must not subsample")
            if model.frames != batches.frames:
                raise ValueError(
                    f"model.frames={model.frames}, but windows have batches.frames="
                    f"{batches.frames}: set both to the same"
                )
        return self

    @model_validator(mode="after")
    def _masks_stretches_of_utterances(self) -> PhonemeRecipe:
        if self.augment is not None and self.batches.kind != "utterances":
            raise ValueError(
                f"augment of kind {self.augment.kind} works on utterances: "
                "set batches.kind=utterances, or leave augment out"
            )
        return self
