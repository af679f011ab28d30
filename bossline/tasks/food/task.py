"""Image classification: which dish is this?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from bossline.augmentation.images import ImageAugment
from bossline.batches.images import ImageConfig, Images, centre_square
from bossline.batches.order import generator_of
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, ImageSpec
from bossline.data.packed import Corpus, Ints
from bossline.tasks.base import (
    Answers,
    Kept,
    OpenRun,
    Pieces,
    Predictor,
    Scored,
    Smoother,
    answers_of,
)
from bossline.tasks.classification import ClassificationLesson, ClassificationTask
from bossline.tasks.food.occlusion import PLACES, occlusion_map
from bossline.tasks.food.prediction import ImagePrediction
from bossline.tasks.food.recipe import FoodRecipe
from bossline.tasks.views import averaged
from bossline.training.contract import StepLoss

if TYPE_CHECKING:
    from bossline.figures.picture import Picture

_MAPPED = 3  # images with a right answer, and as many with a wrong one


class FoodLesson(ClassificationLesson[FoodRecipe]):
    """Images and what they show."""

    def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Images (B, 3, S, S) and their classes (B,); where images are mixed, also the class of
        each one's partner and the image's own share (B,)."""
        augment = self.recipe.augment
        if augment is not None and augment.mix is not None:
            return self._mixed(augment, epoch, step)
        images, labels = super().batch(epoch, step)
        if augment is not None:
            images = augment(images, self.chance(epoch, step))
        return images, labels, None, None

    def _mixed(
        self, augment: ImageAugment, epoch: int, step: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of the whole batch, before processes part it: an image's partner may be another's."""
        images, numbers = self.training.batch(self.recipe.seed, epoch, step)
        labels = self.training_targets[numbers]
        chance = generator_of(self.recipe.seed, epoch, step, self.runtime.device)
        images, partner, share = augment.mixed(augment(images, chance), chance)
        own = self.runtime.ranks.part.of
        return own(images), own(labels), own(labels[partner]), own(share)

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor | None, Tensor | None]
    ) -> StepLoss:
        images, labels, others, share = batch
        with self.runtime.autocast(self.recipe.precision):
            logits = model(images)
        if others is None or share is None:
            return self.step_loss(self.recipe.objective(logits, labels), logits, labels)
        mean = self.recipe.objective.mixed(logits, labels, others, share)
        return self.step_loss(mean, logits, labels)

    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> Scored:
        scored = super().score(predictor, smoother, split)
        if self._single_view == self.recipe.batches:
            return scored
        plain = predictor.answers(self.pieces(split), self._single_view)
        return replace(scored, beside={"one view": self.scored(plain, None, split).scores})

    @property
    def _single_view(self) -> ImageConfig:
        """The recipe's batches, of one view each."""
        return self.recipe.batches.model_copy(update={"views": "one"})

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """Also occlusion maps of some answers: what the class that was named hangs on, in one view.

        Of the right answers those of middling confidence, of the wrong ones the most confident:
        `mapped` (K,) places among the test images, right answers first, `occlusion` (K, PLACES,
        PLACES) float16.
        """
        return {**super().kept(model, test), **self._maps(model, test)}

    def _maps(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        single = self.recipe.model_copy(update={"batches": self._single_view})

        def answer(squares: Pieces) -> npt.NDArray[np.float32]:
            return answers_of(self.task, model, squares, single, self.runtime).array

        probabilities, predicted = test.answers.array, test.decided.array
        order = np.argsort(-probabilities.max(1), kind="stable")
        right = (predicted == self.corpus.categories[test.items])[order]
        middle = max(0, (right.sum() - _MAPPED) // 2)
        mapped = np.concatenate([order[right][middle : middle + _MAPPED], order[~right][:_MAPPED]])
        maps = np.empty((len(mapped), PLACES, PLACES), np.float16)
        for row, place in enumerate(mapped):
            image = centre_square(self.corpus.image(int(test.items[place])), self._single_view.side)
            square = image.permute(1, 2, 0).numpy()
            maps[row] = occlusion_map(answer, square, int(predicted[place]))
        return {"mapped": mapped, "occlusion": maps}


class FoodTask(ClassificationTask[FoodRecipe]):
    """Images of a corpus, a model that names what they show, accuracy over images."""

    name = "food"
    recipe = FoodRecipe
    lesson = FoodLesson
    unit = "images"
    item = "image"
    wants = "no classes"
    beside: ClassVar = {"one view": "averaging views"}
    keeps: ClassVar = {
        "utterances": Kept(("U",), below="corpus"),
        "predicted": Kept(("U",), below="C"),
        "confidence": Kept(("U",)),
        "mapped": Kept(("K",), below="U"),
        "occlusion": Kept(("K", "P", "P")),
    }

    def pieces(self, corpus: Corpus, items: Ints) -> list[npt.NDArray[Any]]:
        """Images (H, W, 3) uint8, as views of the corpus."""
        return [corpus.image(int(u)) for u in items]

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        return Answers.of(corpus.categories[items].astype(np.int64))

    def open(self, recipe: FoodRecipe, pieces: Pieces, runtime: Runtime) -> Images:
        return recipe.batches.open(pieces, runtime.device)

    def answer(
        self, model: nn.Module, opened: Images, recipe: FoodRecipe, runtime: Runtime
    ) -> Answers:
        """(U, C) probabilities, the mean over an image's views."""
        geometric = recipe.batches.mean == "geometric"

        def scores(images: Tensor) -> Tensor:
            logits: Tensor = model(images).float()
            return logits.log_softmax(1) if geometric else logits.softmax(1)

        mean = averaged(scores, opened, recipe.precision, runtime)
        rows = mean.softmax(1) if geometric else mean
        return Answers(rows, np.ones(len(rows), np.int64))

    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> list[ImagePrediction]:
        assert isinstance(features, ImageSpec)  # an image task takes no others
        each = zip(ids, answers.each(), strict=True)
        return [ImagePrediction(id, rows, classes, features.named) for id, rows in each]

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """Confusions, the surest mistakes, and where the model looks."""
        from bossline.tasks.food.pictures import image_pictures, images_of

        found = super().show(run, key)
        if (images := images_of(run)) is not None:
            found |= image_pictures(images, run.classes, key)
        return found
