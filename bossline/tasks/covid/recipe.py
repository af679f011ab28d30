"""What a recipe of the covid task may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bossline.batches.rows import RowConfig
from bossline.models.tabular.multilevel import MultilevelConfig
from bossline.models.tabular.regressor import RegressorConfig
from bossline.models.tabular.ridge import RidgeConfig
from bossline.tasks.recipe import Recipe
from bossline.training.objectives import CrossEntropyConfig


class CovidRecipe(Recipe):
    """Rows of a table; the objective is the squared error."""

    task: Literal["covid"] = "covid"
    batches: RowConfig
    augment: None = None
    model: Annotated[RegressorConfig | RidgeConfig | MultilevelConfig, Field(discriminator="kind")]
    smoothing: None = None

    @model_validator(mode="after")
    def _squared_error_is_the_objective(self) -> CovidRecipe:
        if self.objective != CrossEntropyConfig():
            raise ValueError("the objective of a table's model is the squared error: leave it out")
        return self
