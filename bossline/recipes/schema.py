"""A recipe as typed data. Each part's config lives beside the code that it configures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bossline.augmentation import AugmentConfig
from bossline.batches import BatchConfig
from bossline.batches.windows import WindowConfig
from bossline.core.config import Config
from bossline.data.splits import SplitConfig
from bossline.models import ModelConfig
from bossline.smoothing import SmoothingConfig
from bossline.training.averaging import AveragingConfig
from bossline.training.objectives import CrossEntropyConfig
from bossline.training.optimisers import OptimiserConfig
from bossline.training.schedules import ConstantConfig, ScheduleConfig

FOR_GRADIENTS = {
    "epochs", "augment", "objective", "optimiser", "schedule", "averaging", "clip", "patience"
}  # fmt: skip

_TAKES = {
    "phoneme": ("windows", "utterances"),
    "speaker": ("segments",),
    "covid": ("rows",),
    "food": ("images",),
}


class Recipe(Config):
    """Everything that decides what is trained."""

    name: str = Field(description="task/rung, or the name of your own file")
    task: Literal["phoneme", "speaker", "covid", "food"]
    about: str = Field("", description="one sentence")
    target: dict[str, float] = Field(default_factory=dict, description="published score by year")
    epochs: int = Field(1, ge=1)
    seed: int = Field(1, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 autocast where the device multiplies it natively"
    )
    split: SplitConfig = SplitConfig()
    batches: BatchConfig = WindowConfig()
    augment: AugmentConfig | None = Field(None, description="in training only")
    model: ModelConfig
    objective: CrossEntropyConfig = Field(
        CrossEntropyConfig(),
        description="of frames and images; a speaker model's head is its own, a table's model has "
        "the squared error",
    )
    optimiser: OptimiserConfig | None = Field(
        None, description="left out for a model that is fitted, which takes no gradient steps"
    )
    schedule: ScheduleConfig = ConstantConfig()
    averaging: AveragingConfig | None = None
    smoothing: SmoothingConfig | None = Field(
        None, description="what turns posteriors into a path of phones after training"
    )
    clip: float | None = Field(None, gt=0, description="largest L2 norm of all gradients together")
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better validation score"
    )

    @model_validator(mode="after")
    def _model_takes_these_batches(self) -> Recipe:
        if self.model.takes != self.batches.kind:
            raise ValueError(
                f"a model of kind {self.model.kind} takes {self.model.takes}: "
                f"set batches.kind={self.model.takes}"
            )
        return self

    @model_validator(mode="after")
    def _only_gradients_take_an_optimiser(self) -> Recipe:
        if self.model.fitted:
            given = self.model_fields_set & FOR_GRADIENTS
            if vain := sorted(key for key in given if getattr(self, key) != _default(key)):
                raise ValueError(
                    f"a model of kind {self.model.kind} is fitted without gradient steps: "
                    f"leave out {', '.join(vain)}"
                )
        elif self.optimiser is None:
            raise ValueError(f"a model of kind {self.model.kind} wants an optimiser")
        elif "epochs" not in self.model_fields_set:
            raise ValueError(f"a model of kind {self.model.kind} wants epochs: how long it trains")
        return self

    @model_validator(mode="after")
    def _augments_what_it_trains_on(self) -> Recipe:
        if self.augment is not None:
            takes = ("images",) if self.augment.kind == "images" else ("utterances", "segments")
            if self.batches.kind not in takes:
                raise ValueError(
                    f"augment of kind {self.augment.kind} works on {' and '.join(takes)}: "
                    f"set batches.kind={takes[0]}, or leave augment out"
                )
        return self

    @model_validator(mode="after")
    def _images_are_large_enough(self) -> Recipe:
        least = getattr(self.model, "least_side", 1)
        if self.batches.kind == "images" and self.batches.side < least:
            raise ValueError(
                f"batches.side: this model halves images of {self.batches.side} pixels away: set "
                f"{least} or more"
            )
        return self

    @model_validator(mode="after")
    def _parts_fit_the_task(self) -> Recipe:
        if self.model.takes not in _TAKES[self.task]:
            raise ValueError(f"a model of kind {self.model.kind} is not for the task {self.task}")
        if self.task != "phoneme" and self.smoothing is not None:
            raise ValueError("smoothing is for frames: leave it out")
        if self.task == "speaker" and self.split.by == "speaker":
            raise ValueError(
                "split.by=speaker tests on speakers that no model can name: set "
                "split.by=each-speaker, and split.unheard=0.1 for trials of speakers it never heard"
            )
        if self.task == "speaker" and self.objective != CrossEntropyConfig():
            raise ValueError("the objective of a speaker model is its head: set model.head")
        if self.task == "covid" and self.objective != CrossEntropyConfig():
            raise ValueError("the objective of a table's model is the squared error: leave it out")
        return self


def _default(key: str) -> object:
    return Recipe.model_fields[key].get_default(call_default_factory=True)
