"""Tabular regression: what share of tests will be positive, from a survey's answers?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from bossline.batches.rows import Rows
from bossline.core.language import tr
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, TableSpec
from bossline.data.packed import Corpus, Ints
from bossline.evaluation.scores import MSE, Scores
from bossline.models.tabular.base import TableModel
from bossline.models.tabular.regressor import Regressor
from bossline.models.tabular.ridge import Ridge, RidgeConfig
from bossline.tasks.base import Answers, Kept, OpenRun, Pieces, Scored, Task, answers_of
from bossline.tasks.covid.importance import permutation_importance
from bossline.tasks.covid.prediction import ValuePrediction
from bossline.tasks.covid.recipe import CovidRecipe
from bossline.tasks.covid.scores import RegressionScores, explained
from bossline.tasks.lesson import Lesson
from bossline.training.contract import StepLoss, Validation

if TYPE_CHECKING:
    from bossline.figures.picture import Picture


class CovidLesson(Lesson[CovidRecipe]):
    """Rows of a table and their targets."""

    def prepare(self, model: nn.Module) -> None:
        """Tell it the columns' names, and let it choose and scale them by the training rows."""
        super().prepare(model)
        features = self.corpus.header.features
        assert isinstance(features, TableSpec)
        assert isinstance(model, TableModel)
        model.names = features.columns
        if isinstance(model, Regressor):
            model.prepare(self.training.all, self.training_targets)

    def counted(self, batch: Any) -> int:
        return len(batch[1])

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> StepLoss:
        inputs, targets = batch
        mean = mse_loss(model(inputs), targets.float())
        return StepLoss(self.penalised(mean, model), len(targets), mean.detach() * len(targets))

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """Also which columns the predictions hang on.

        Of a linear model of the columns themselves `weights` (D,), in deviations of the target for
        a deviation of the column, 0 of a column that was not chosen; of any other `importances`
        (REPEATS, D), as `permutation_importance` gives them.
        """
        return {**super().kept(model, test), **self._reads(model, test)}

    def _reads(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        config = self.recipe.model
        if isinstance(config, RidgeConfig) and not config.changes and config.degree == 1:
            assert isinstance(model, Ridge)
            weights = np.zeros(self.corpus.header.features.dim)
            weights[model.standard.chosen.cpu().numpy()] = model.weight.detach().cpu().numpy()
            return {"weights": weights}

        def answer(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            return answers_of(self.task, model, [rows], self.recipe, self.runtime).array

        rows = np.concatenate(self.task.pieces(self.corpus, test.items))
        true = self.corpus.targets[test.items]
        return {"importances": permutation_importance(answer, rows, true)}


class CovidTask(Task[CovidRecipe]):
    """Rows of a table, a model that predicts their target, mean squared error."""

    name = "covid"
    recipe = CovidRecipe
    lesson = CovidLesson
    unit = "rows"
    item = "row"
    wants = "no target"
    metric = MSE
    named = False
    keeps: ClassVar = {
        "utterances": Kept(("U",), below="corpus"),
        "predicted": Kept(("U",)),
        "weights": Kept(("D",)),
        "importances": Kept(("R", "D")),
    }
    scores = RegressionScores
    # Published errors are those of other rows, and an error depends on its rows so much that a
    # held-out part of the training rows neither passes nor misses them.
    compares = False

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        return Answers.of(corpus.targets[items])

    def open(self, recipe: CovidRecipe, pieces: Pieces, runtime: Runtime) -> Rows:
        return recipe.batches.open(pieces, runtime.device)

    def answer(
        self, model: nn.Module, opened: Rows, recipe: CovidRecipe, runtime: Runtime
    ) -> Answers:
        """(N,) values."""
        predicted: Tensor = model(opened.all)
        return Answers(predicted.float(), np.ones(len(opened), np.int64))

    def agree(self, members: Sequence[Answers]) -> Answers:
        """The mean of (N,) predictions."""
        mean = np.mean([member.array for member in members], axis=0)
        return Answers.of(np.asarray(mean, np.float32))

    def judge(self, answers: Answers, truth: Answers) -> Validation:
        """Mean squared error, which is loss and score in one."""
        error = float(mse_loss(answers.rows.double(), truth.rows))
        return Validation(loss=error, score=error)

    def score(
        self, ids: Sequence[str], decided: Answers, truth: Answers, classes: Sequence[str]
    ) -> RegressionScores:
        return RegressionScores.of(tuple(ids), truth.array, decided.array.astype(np.float64))

    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> list[ValuePrediction]:
        assert isinstance(features, TableSpec)
        each = zip(ids, answers.each(), strict=True)
        return [ValuePrediction(id, row, features.target) for id, row in each]

    def sentence(self, test: Scores, features: Features, classes: Sequence[str]) -> str:
        assert isinstance(test, RegressionScores)
        assert isinstance(features, TableSpec)
        return explained(test, features.target)

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """Predictions against what is true, and the columns that they are read from."""
        from bossline.tasks.covid.pictures import columns_picture, columns_read, prediction_pictures

        found = {}
        if isinstance(test := run.scores.get("test"), RegressionScores):
            assert isinstance(run.features, TableSpec)
            found[tr("Predictions")] = prediction_pictures(test, run.features.target, key)
        if (read := columns_read(run)) is not None:
            found[tr("What the model reads")] = [columns_picture(read, key)]
        return found
