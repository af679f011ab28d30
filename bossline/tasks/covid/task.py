"""Tabular regression: what share of tests will be positive, from a survey's answers?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from bossline.batches.rows import RowConfig, Rows
from bossline.core.runtime import Runtime
from bossline.data.features.spec import TableSpec
from bossline.evaluation.scores import MSE
from bossline.models.tabular.base import TableModel
from bossline.models.tabular.regressor import Regressor
from bossline.models.tabular.ridge import Ridge, RidgeConfig
from bossline.recipes.schema import Recipe
from bossline.smoothing import Smoother
from bossline.tasks.base import Outputs, Pieces, Predictor, ScoredSplit, Task
from bossline.tasks.covid.importance import permutation_importance
from bossline.tasks.covid.scores import RegressionScores
from bossline.training.contract import StepLoss, Validation


class CovidTask(Task):
    """Rows of a table, a model that predicts their target, mean squared error."""

    unit = "rows"
    item = "row"
    wants = "no target"
    metric = MSE

    def targets(self, split: str) -> npt.NDArray[np.float64]:
        return self.corpus.targets[self.splits[split]]

    def prepare(self, model: nn.Module) -> None:
        """Tell it the columns' names, and let it choose and scale them by the training rows."""
        features = self.corpus.header.features
        assert isinstance(features, TableSpec)
        assert isinstance(model, TableModel)
        model.names = features.columns
        if isinstance(model, Regressor):
            model.prepare(self.training.all, self.training_targets)

    def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Rows (B, D) and their targets (B,) float64."""
        inputs, numbers = self.training.batch(self.recipe.seed, epoch, step)
        return inputs, self.training_targets[numbers]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> StepLoss:
        inputs, targets = batch
        mean = mse_loss(model(inputs), targets.float())
        return StepLoss(self.penalised(mean, model), len(targets), mean.detach() * len(targets))

    @staticmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Rows:
        assert isinstance(recipe.batches, RowConfig)  # the recipe's schema sees to it
        return recipe.batches.open(pieces, runtime.device)

    @staticmethod
    @torch.inference_mode()
    def answer(model: nn.Module, opened: Rows, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(N,) float32 predictions."""
        model.eval()
        predicted: Tensor = model(opened.all)
        model.train()
        return predicted.float()

    @staticmethod
    def agreed(members: Sequence[Outputs]) -> Outputs:
        """The mean of (N,) predictions."""
        return np.asarray(np.mean(members, axis=0), np.float32)

    @staticmethod
    def judged(outputs: Tensor, true: Tensor) -> Validation:
        """Mean squared error, which is loss and score in one."""
        error = float(mse_loss(outputs.double(), true))
        return Validation(loss=error, score=error)

    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> ScoredSplit:
        outputs = predictor.outputs(self.pieces(split))
        predicted = outputs.astype(np.float64)
        scores = RegressionScores.of(self.ids(split), self.targets(split), predicted)
        return ScoredSplit(scores, outputs, predicted, self.splits[split])

    def attributions(self, model: nn.Module, test: ScoredSplit) -> dict[str, npt.NDArray[Any]]:
        """Which columns the predictions hang on.

        Returns:
            Of a linear model of the columns themselves `weights` (D,), in deviations of the target
            for a deviation of the column, 0 of a column that was not chosen; of any other
            `importances` (REPEATS, D), as `permutation_importance` gives them.
        """
        config = self.recipe.model
        if isinstance(config, RidgeConfig) and not config.changes:
            assert isinstance(model, Ridge)
            weights = np.zeros(self.corpus.header.features.dim)
            weights[model.standard.chosen.cpu().numpy()] = model.weight.detach().cpu().numpy()
            return {"weights": weights}

        def answer(rows: npt.NDArray[np.float32]) -> Outputs:
            return self.outputs(model, [rows], self.recipe, self.runtime)

        rows = np.concatenate(self.pieces_of(self.corpus, test.utterances))
        true = self.corpus.targets[test.utterances]
        return {"importances": permutation_importance(answer, rows, true)}
