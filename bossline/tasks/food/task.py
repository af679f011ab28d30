"""Image classification: which dish is this?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.augmentation.images import ImageAugment
from bossline.batches.images import ImageConfig, Images, centre_square
from bossline.batches.order import generator_of
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus, Ints
from bossline.recipes.schema import Recipe
from bossline.smoothing import Smoother
from bossline.tasks.base import Outputs, Pieces, Predictor, ScoredSplit
from bossline.tasks.classification import ClassificationTask
from bossline.tasks.food.occlusion import PLACES, occlusion_map
from bossline.tasks.views import averaged
from bossline.training.contract import StepLoss

_MAPPED = 3  # images with a right answer, and as many with a wrong one


class FoodTask(ClassificationTask):
    """Images of a corpus, a model that names what they show, accuracy over images."""

    unit = "images"
    item = "image"
    wants = "no classes"

    @staticmethod
    def pieces_of(corpus: Corpus, utterances: Ints) -> list[npt.NDArray[Any]]:
        """Images (H, W, 3) uint8, as views of the corpus."""
        return [corpus.image(int(u)) for u in utterances]

    def targets(self, split: str) -> Ints:
        return self.corpus.categories[self.splits[split]].astype(np.int64)

    def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Images (B, 3, S, S) and their classes (B,); where images are mixed, also the class of
        each one's partner and the image's own share (B,)."""
        images, numbers = self.training.batch(self.recipe.seed, epoch, step)
        labels = self.training_targets[numbers]
        augment = self.recipe.augment
        if augment is None:
            return images, labels, None, None
        assert isinstance(augment, ImageAugment)  # the recipe's schema sees to it
        drawn = generator_of(self.recipe.seed, epoch, step, self.runtime.device)
        images = augment(images, drawn)
        if augment.mix is None:
            return images, labels, None, None
        images, partner, share = augment.mixed(images, drawn)
        return images, labels, labels[partner], share

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

    @staticmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Images:
        assert isinstance(recipe.batches, ImageConfig)  # the recipe's schema sees to it
        return recipe.batches.open(pieces, runtime.device)

    @staticmethod
    @torch.inference_mode()
    def answer(model: nn.Module, opened: Images, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(N, C) float32 probabilities, the mean over an image's views."""
        assert isinstance(recipe.batches, ImageConfig)
        geometric = recipe.batches.mean == "geometric"

        def scores(images: Tensor) -> Tensor:
            logits: Tensor = model(images).float()
            return logits.log_softmax(1) if geometric else logits.softmax(1)

        mean = averaged(scores, model, opened, recipe, runtime)
        return mean.softmax(1) if geometric else mean

    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> ScoredSplit:
        scored = super().score(predictor, smoother, split)
        if self._single_view == self.recipe.batches:
            return scored
        plain = predictor.outputs(self.pieces(split), self._single_view).argmax(1)
        return replace(scored, beside={"one view": self.scores(plain, split)})

    @property
    def _single_view(self) -> ImageConfig:
        """The recipe's batches, of one view each."""
        assert isinstance(self.recipe.batches, ImageConfig)  # the recipe's schema sees to it
        return self.recipe.batches.model_copy(update={"views": "one"})

    def attributions(self, model: nn.Module, test: ScoredSplit) -> dict[str, npt.NDArray[Any]]:
        """Occlusion maps of some answers: what the class that was named hangs on, in one view.

        Of the right answers those of middling confidence, of the wrong ones the most confident.

        Returns:
            mapped: (K,) places among the test images, right answers first.
            occlusion: (K, PLACES, PLACES) float16.
        """
        single = self.recipe.model_copy(update={"batches": self._single_view})

        def answer(squares: Pieces) -> Outputs:
            return self.outputs(model, squares, single, self.runtime)

        order = np.argsort(-test.outputs.max(1), kind="stable")
        right = (test.predicted == self.corpus.categories[test.utterances])[order]
        middle = max(0, (right.sum() - _MAPPED) // 2)
        mapped = np.concatenate([order[right][middle : middle + _MAPPED], order[~right][:_MAPPED]])
        maps = np.empty((len(mapped), PLACES, PLACES), np.float16)
        for row, place in enumerate(mapped):
            image = centre_square(
                self.corpus.image(int(test.utterances[place])), self._single_view.side
            )
            square = image.permute(1, 2, 0).numpy()
            maps[row] = occlusion_map(answer, square, int(test.predicted[place]))
        return {"mapped": mapped, "occlusion": maps}
