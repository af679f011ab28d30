"""Frame-wise phoneme classification: which phone is each frame?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.frames import FrameBatches
from bossline.batches.order import generator_of
from bossline.batches.utterances import UtteranceConfig
from bossline.batches.windows import WindowConfig
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Ints
from bossline.recipes.schema import Recipe
from bossline.smoothing import Smoother
from bossline.tasks.base import Pieces
from bossline.tasks.classification import ClassificationTask
from bossline.training.contract import StepLoss

_FRAMES_AT_ONCE = 1 << 16  # of a pass that fits a model; a copy of all would be memory in vain


class PhonemeTask(ClassificationTask):
    """Frames of a corpus, a model that labels them, frame accuracy."""

    unit = "frames"
    item = "utterance"
    wants = "no labels"

    @cached_property
    def training(self) -> FrameBatches:
        frames = self.open(self.recipe, self.pieces("train"), self.runtime)
        if len(frames) < 2:
            raise UserError("the training split has a single frame: nothing to learn from")
        return frames

    @cached_property
    def training_targets(self) -> Tensor:
        """(N,) int16, a quarter of the memory."""
        return torch.from_numpy(self.targets("train").astype(np.int16)).to(self.runtime.device)

    def targets(self, split: str) -> Ints:
        pieces = [self.corpus.frame_labels(int(u)) for u in self.splits[split]]
        return np.concatenate(pieces).astype(np.int64)

    def batch(self, epoch: int, step: int) -> tuple[Any, Tensor]:
        """What the model takes, and the labels (n,) int64 of the frames that it answers for."""
        inputs, numbers = self.training.batch(self.recipe.seed, epoch, step)
        if self.recipe.augment is not None:
            assert isinstance(self.recipe.augment, SpecAugment)  # the recipe's schema sees to it
            drawn = generator_of(self.recipe.seed, epoch, step, self.runtime.device)
            inputs, numbers = self.recipe.augment(inputs, numbers, self.corpus.speech.blocks, drawn)
        return inputs, self.training_targets[numbers].long()

    def once(self) -> Iterator[tuple[Any, Tensor]]:
        chosen = self.splits["train"]
        blocks = np.cumsum(self.corpus.lengths[chosen]) // _FRAMES_AT_ONCE
        for utterances in np.split(chosen, np.flatnonzero(np.diff(blocks)) + 1):
            pieces = [self.corpus.frames(int(u)) for u in utterances]
            labels = np.concatenate([self.corpus.frame_labels(int(u)) for u in utterances])
            classes = torch.from_numpy(labels.astype(np.int64)).to(self.runtime.device)
            for inputs, numbers in self.open(self.recipe, pieces, self.runtime).in_order():
                yield inputs, classes[numbers]

    def loss(self, model: nn.Module, batch: tuple[Any, Tensor]) -> StepLoss:
        inputs, labels = batch
        with self.runtime.autocast(self.recipe.precision):
            logits = model(inputs)
        mean = self.penalised(self.recipe.objective(logits, labels), model)
        return self.step_loss(mean, logits, labels)

    def fit_smoother(self) -> Smoother | None:
        if self.recipe.smoothing is None:
            return None
        pieces = [self.corpus.frame_labels(int(u)) for u in self.splits["train"]]
        return self.recipe.smoothing.fit(pieces, len(self.classes))

    @staticmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> FrameBatches:
        assert isinstance(recipe.batches, WindowConfig | UtteranceConfig)  # the schema sees to it
        return recipe.batches.open(list(pieces), runtime.device)

    @staticmethod
    @torch.inference_mode()
    def answer(model: nn.Module, opened: FrameBatches, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(N, C) float32 class probabilities of all frames, end to end."""
        model.eval()
        numbers, rows = [], []
        for inputs, where in opened.in_order():
            with runtime.autocast(recipe.precision):
                logits = model(inputs)
            numbers.append(where[where >= 0])
            rows.append(logits[where >= 0].float().softmax(1))
        model.train()
        joined = torch.cat(rows)
        return torch.empty_like(joined).index_copy_(0, torch.cat(numbers), joined)
