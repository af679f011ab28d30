"""Speaker identification: who of the known speakers is this?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.padded import Padded
from bossline.batches.segments import SegmentConfig, Segments
from bossline.corpora.packed import Corpus, Ints
from bossline.features.spec import Features, FeatureSpec
from bossline.models.committee import Committee, CommitteeConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.speaker import SpeakerNetwork, VoiceModel
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.tasks.base import Pieces, Task
from bossline.tasks.classification import ClassificationTask
from bossline.tasks.views import averaged
from bossline.training.contract import StepLoss, Validation


class SpeakerTask(ClassificationTask):
    """Utterances of a corpus, a model that knows their speakers, utterance accuracy."""

    unit = "utterances"
    item = "utterance"
    wants = "no speakers"

    @staticmethod
    def labelled(corpus: Corpus) -> npt.NDArray[np.bool_]:
        return np.asarray(corpus.speakers >= 0)

    @staticmethod
    def classes_of(corpus: Corpus) -> tuple[str, ...]:
        return corpus.header.speakers

    @staticmethod
    def built(recipe: Recipe, features: Features, outputs: int) -> nn.Module:
        assert isinstance(features, FeatureSpec)  # a speaker task takes no others
        if isinstance(recipe.model, SpeakerLdaConfig | CommitteeConfig):
            return recipe.model.build(features.dim, outputs, features.statics)
        return Task.built(recipe, features, outputs)

    @cached_property
    def training(self) -> Segments:
        groups = self.targets("train")
        return _segments(self.recipe).open(self.pieces("train"), self.runtime.device, groups)

    def targets(self, split: str) -> Ints:
        return self.corpus.speakers[self.splits[split]].astype(np.int64)

    def gain(self, validation: Validation) -> float:
        """The loss decides: among a few hundred utterances, accuracy is the luck of one or two."""
        return -validation.loss

    def prepare(self, model: nn.Module) -> None:
        """Fit those of a committee's members that take no steps."""
        if isinstance(model, Committee):
            model.fit(_TrainingSplit(self))

    def batch(self, epoch: int, step: int) -> tuple[Padded, Tensor, float]:
        """Segments, their speakers (B,) int64, and the share of the training that is over."""
        inputs, numbers = self.training.batch(self.recipe.seed, epoch, step)
        if self.recipe.augment is not None:
            assert isinstance(self.recipe.augment, SpecAugment)  # the recipe's schema sees to it
            frames = torch.arange(int(inputs.lengths.sum()), device=numbers.device)
            inputs, _ = self.recipe.augment(inputs, frames, self.corpus.speech.blocks)
        steps = self.steps_per_epoch
        done = (epoch * steps + step) / (self.recipe.epochs * steps)
        return inputs, self.training_targets[numbers], done

    def loss(self, model: nn.Module, batch: tuple[Padded, Tensor, float]) -> StepLoss:
        inputs, labels, done = batch
        assert isinstance(model, SpeakerNetwork)
        with self.runtime.autocast(self.recipe.precision):
            mean, scores = model.loss(inputs, labels, done)
        return self.step_loss(mean, scores, labels)

    @staticmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Segments:
        return _segments(recipe).open(list(pieces), runtime.device)

    @staticmethod
    @torch.inference_mode()
    def answer(model: nn.Module, opened: Segments, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(U, C) float32 probabilities, after averaging the logarithms of an utterance's views."""

        def log_probabilities(inputs: Padded) -> Tensor:
            scores: Tensor = model(inputs)
            return scores.float().log_softmax(1)

        return averaged(log_probabilities, model, opened, recipe, runtime).softmax(1)

    @staticmethod
    @torch.inference_mode()
    def embed(model: nn.Module, recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Tensor:
        """(U, D) float32 embeddings of length 1, after averaging those of an utterance's views."""
        assert isinstance(model, VoiceModel)

        def unit_vectors(inputs: Padded) -> Tensor:
            return normalize(model.embed(inputs).float())

        opened = SpeakerTask.open(recipe, pieces, runtime)
        return normalize(averaged(unit_vectors, model, opened, recipe, runtime))

    def embeddings(self, model: nn.Module, split: str) -> npt.NDArray[np.float32]:
        vectors = self.embed(model, self.recipe, self.pieces(split), self.runtime)
        return np.asarray(vectors.cpu().numpy())


@dataclass
class _TrainingSplit:
    """Utterances and their speakers, each time they are gone through."""

    task: SpeakerTask

    def __iter__(self) -> Iterator[tuple[Padded, Tensor]]:
        return self.task.once()


def _segments(recipe: Recipe) -> SegmentConfig:
    assert isinstance(recipe.batches, SegmentConfig)  # the recipe's schema sees to it
    return recipe.batches
