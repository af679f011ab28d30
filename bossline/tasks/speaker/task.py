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
from bossline.batches.order import generator_of
from bossline.batches.padded import Padded
from bossline.batches.segments import SegmentConfig, Segments
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.packed import Corpus, Ints
from bossline.data.speeds import copies_of
from bossline.models.committee import Committee, CommitteeConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.speaker import SpeakerNetwork, VoiceModel
from bossline.recipes.schema import Recipe
from bossline.tasks.base import Pieces
from bossline.tasks.classification import ClassificationTask
from bossline.tasks.views import averaged
from bossline.training.contract import StepLoss, Validation


class SpeakerTask(ClassificationTask):
    """Utterances of a corpus, a model that knows their speakers, utterance accuracy."""

    unit = "utterances"
    item = "utterance"
    wants = "no speakers"

    def __init__(self, recipe: Recipe, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: as every task; or the corpus lacks a speed that is to be trained on.
        """
        super().__init__(recipe, corpus, runtime)
        # Copies of a speaker's utterances at another speed are another voice (speaker augmentation,
        # Yamamoto et al. 2019): those of speed k come k times all speakers later.
        utterances, voices = [self.splits["train"]], [self.targets("train")]
        for number, speed in enumerate(_segments(recipe).speeds, start=1):
            copies, originals = copies_of(corpus, utterances[0], speed)
            utterances.append(copies)
            voices.append(voices[0][originals] + number * len(self.classes))
        self._heard, self._voices = np.concatenate(utterances), np.concatenate(voices)

    @staticmethod
    def labelled(corpus: Corpus) -> npt.NDArray[np.bool_]:
        return np.asarray(corpus.speakers >= 0)

    @staticmethod
    def classes_of(corpus: Corpus) -> tuple[str, ...]:
        return corpus.header.speakers

    @staticmethod
    def built(recipe: Recipe, features: Features, outputs: int) -> nn.Module:
        assert isinstance(features, FeatureSpec)  # a speaker task takes no others
        outputs *= _voices_of_each(recipe)
        if isinstance(recipe.model, SpeakerLdaConfig | CommitteeConfig):
            return recipe.model.build(features.dim, outputs, features.statics)
        return recipe.model.build(features.dim, outputs)

    @cached_property
    def training(self) -> Segments:
        pieces = self.pieces_of(self.corpus, self._heard)
        return _segments(self.recipe).open(pieces, self.runtime.device, self._voices)

    @cached_property
    def training_targets(self) -> Tensor:
        return torch.from_numpy(self._voices).to(self.runtime.device)

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
            drawn = generator_of(self.recipe.seed, epoch, step, self.runtime.device)
            inputs, _ = self.recipe.augment(inputs, frames, self.corpus.speech.blocks, drawn)
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
        """(U, C) float32 probabilities, after averaging the logarithms of an utterance's views.

        Voices at other speeds are no answers.
        """

        def log_probabilities(inputs: Padded) -> Tensor:
            scores: Tensor = model(inputs)
            speakers = scores.shape[1] // _voices_of_each(recipe)
            return scores[:, :speakers].float().log_softmax(1)

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


def _voices_of_each(recipe: Recipe) -> int:
    """Of a speaker: at the speed of the recordings and at others."""
    return 1 + len(_segments(recipe).speeds)


def _segments(recipe: Recipe) -> SegmentConfig:
    assert isinstance(recipe.batches, SegmentConfig)  # the recipe's schema sees to it
    return recipe.batches
