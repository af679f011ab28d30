"""What a recipe of the transcribe task may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.utterances import UtteranceConfig
from bossline.models.tagger import TaggerConfig
from bossline.models.transcriber import TranscriberConfig
from bossline.tasks.recipe import Recipe
from bossline.tasks.smoothing import SmoothingConfig
from bossline.tasks.transcribe.decoding import DecodingConfig
from bossline.tasks.transcribe.decoding.ctc import GreedyConfig
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
            raise ValueError(
                "objective.ctc below 1 leaves the rest to model.decoder: there is none"
            )
        if bool(objective.frames) != model.frames:
            raise ValueError(
                "objective.frames weighs the output for frames: set both it and model.frames, "
                "or neither"
            )
        for key in ("guided", "sampling"):
            if getattr(objective, key) is not None and (model.decoder is None or weight == 1):
                raise ValueError(f"objective.{key} is for a decoder that is trained")
        one_by_one = objective.sampling is not None and objective.sampling.form == "token"
        if one_by_one and model.decoder is not None and model.decoder.kind != "lstm":
            raise ValueError(
                "objective.sampling.form=token is for a decoder of kind lstm: take two-pass"
            )
        self._decoding_fits(model, self.decoding)
        return self

    @staticmethod
    def _decoding_fits(model: TranscriberConfig, decoding: Any) -> None:
        """
        Raises:
            ValueError: a search that the model has no output for.
        """
        if decoding.kind == "prefix-beam" and not model.ctc:
            raise ValueError("decoding of kind prefix-beam searches CTC: set model.ctc=true")
        if decoding.kind == "prefix-beam" and decoding.rescore and model.decoder is None:
            raise ValueError("decoding.rescore asks a decoder: set it to 0, or model.decoder")
        if decoding.kind == "beam" and model.decoder is None:
            raise ValueError("decoding of kind beam asks a decoder: take prefix-beam")
        if decoding.kind == "beam" and decoding.ctc_weight and not model.ctc:
            raise ValueError("decoding.ctc_weight weighs CTC, which the model lacks: set it to 0")
