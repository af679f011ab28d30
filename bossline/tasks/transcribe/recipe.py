"""What a recipe of the transcribe task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.utterances import UtteranceConfig
from bossline.models.tagger import TaggerConfig
from bossline.models.transcriber import TranscriberConfig
from bossline.tasks.recipe import Recipe
from bossline.tasks.smoothing import SmoothingConfig
from bossline.tasks.transcribe.decoding import DecodingConfig, GreedyConfig
from bossline.tasks.transcribe.objective import ObjectiveConfig


class TranscribeRecipe(Recipe):
    """Whole utterances, what makes strings of them, and how the best string is searched for."""

    task: Literal["transcribe"] = "transcribe"
    batches: UtteranceConfig = UtteranceConfig()
    augment: SpecAugment | None = Field(None, description="in training only")
    model: Annotated[TranscriberConfig | TaggerConfig, Field(discriminator="kind")]
    objective: ObjectiveConfig = Field(  # type: ignore[assignment]
        ObjectiveConfig(), description="of a transcriber; a tagger has the cross entropy of frames"
    )
    decoding: DecodingConfig = Field(
        GreedyConfig(), description="how a transcriber's best string is searched for"
    )
    smoothing: SmoothingConfig | None = Field(
        None, description="what turns a tagger's posteriors into a path of phones"
    )

    @model_validator(mode="after")
    def _parts_go_together(self) -> TranscribeRecipe:
        model, objective = self.model, self.objective
        if model.kind == "tagger":
            for key in ("objective", "decoding"):
                if getattr(self, key) != self._default(key):
                    raise ValueError(f"a model of kind tagger labels frames: leave out {key}")
            return self
        if self.smoothing is not None:
            raise ValueError("smoothing is for the posteriors of frames: take decoding instead")
        weight = objective.weight_of_ctc(model.ctc, model.decoder is not None)
        if weight and not model.ctc:
            raise ValueError("objective.ctc weighs an output that the model lacks: set model.ctc")
        if weight < 1 and model.decoder is None:
            raise ValueError("objective.ctc below 1 leaves the rest to model.decoder: there is none")
        if bool(objective.frames) != model.frames:
            raise ValueError(
                "objective.frames weighs the output for frames: set both it and model.frames, "
                "or neither"
            )
        for key in ("guided", "sampling"):
            if getattr(objective, key) is not None and (model.decoder is None or weight == 1):
                raise ValueError(f"objective.{key} is for a decoder that is trained")
        if objective.sampling is not None and objective.sampling.form == "token":
            if model.decoder is None or model.decoder.kind != "lstm":
                raise ValueError("objective.sampling.form=token is for an lstm decoder: two-pass")
        return self
