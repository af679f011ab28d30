"""A recipe as typed data. Each part's config lives beside the code that it configures, and each
task's own recipe says which parts it takes."""

from __future__ import annotations

from typing import Any, Literal, Union, get_args

from pydantic import Field, create_model, model_validator

from bossline.batches.base import BatchConfig
from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.data.splits import SplitConfig
from bossline.models.base import ModelConfig
from bossline.training.averaging import AveragingConfig
from bossline.training.objectives import CrossEntropyConfig
from bossline.training.optimisers import OptimiserConfig
from bossline.training.schedules import ConstantConfig, ScheduleConfig

FOR_GRADIENTS = {
    "epochs", "augment", "objective", "optimiser", "schedule", "averaging", "clip", "patience",
    "keep", "keep_every",
}  # fmt: skip


class Recipe(Config):
    """Everything that decides what is trained; a task narrows what its parts may be."""

    name: str = Field(description="task/rung, or the name of your own file")
    task: str = Field(description="what is learnt: see bossline tasks")
    about: str = Field("", description="one sentence")
    target: dict[str, float] = Field(
        default_factory=dict,
        description="published score by edition, and what the rung reaches on synthetic speech",
    )
    epochs: int = Field(1, ge=1, description="passes over the training split")
    seed: int = Field(
        1, ge=0, description="of fresh weights, the order of batches, and all else that is drawn"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 autocast where the device multiplies it natively"
    )
    split: SplitConfig = Field(SplitConfig(), description="who trains, validates and tests")
    batches: BatchConfig = Field(description="what one step sees")
    augment: Config | None = Field(None, description="in training only")
    model: ModelConfig = Field(description="what is trained")
    objective: CrossEntropyConfig = Field(
        CrossEntropyConfig(),
        description="of frames and images; a speaker model's head is its own, a table's model has "
        "the squared error",
    )
    optimiser: OptimiserConfig | None = Field(
        None, description="left out for a model that is fitted, which takes no gradient steps"
    )
    schedule: ScheduleConfig = Field(
        ConstantConfig(), description="how the learning rate goes over the training"
    )
    averaging: AveragingConfig | None = Field(
        None, description="weights that are kept are a mean over the training"
    )
    smoothing: Any = Field(
        None, description="what turns posteriors into a path of phones after training"
    )
    clip: float | None = Field(None, gt=0, description="largest L2 norm of all gradients together")
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better validation score"
    )
    keep: Literal["best", "last"] = Field(
        "best", description="whose weights answer: of the epoch that validates best, or of the last"
    )
    keep_every: int | None = Field(
        None, ge=1, description="keep the weights after each so many steps too, a file each time"
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
            if vain := sorted(key for key in given if getattr(self, key) != self._default(key)):
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
    def _what_follows_validation_has_some(self) -> Recipe:
        if not self.split.validation:
            if self.patience is not None:
                raise ValueError(
                    "patience waits for validation scores: split.validation=0 has none"
                )
            if self.schedule.kind == "plateau":
                raise ValueError(
                    "a schedule of kind plateau follows validation scores, and split.validation=0 "
                    "has none: take another kind"
                )
        return self

    def check_validated(self, what: str) -> None:
        """
        Raises:
            UserError: the recipe leaves nothing to choose by.
        """
        if not self.split.validation:
            raise UserError(
                f"{what} chooses by validation scores, and split.validation=0 leaves none: set "
                "split.validation=0.1"
            )

    def _default(self, key: str) -> object:
        return type(self).model_fields[key].get_default(call_default_factory=True)


def with_kind(recipe: type[Any], field: str, config: type[Config]) -> type[Any]:
    """A type of recipe whose field takes one kind more.

    Raises:
        ValueError: the field takes a kind of this name.
    """
    info = recipe.model_fields[field]
    kinds = get_args(info.annotation) or (info.annotation,)
    name = config.model_fields["kind"].default
    if name in {kind.model_fields["kind"].default for kind in kinds}:
        raise ValueError(f"{field}: there is a kind '{name}' already")
    default = ... if info.is_required() else info.default
    more = Field(default, discriminator="kind", description=info.description)
    fields: Any = {field: (Union[(*kinds, config)], more)}
    extended: type[Any] = create_model(recipe.__name__, __base__=recipe, **fields)
    return extended
