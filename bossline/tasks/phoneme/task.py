"""Frame-wise phoneme classification: which phone is each frame?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.base import FrameBatches
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.core.language import tr
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.packed import Corpus, Ints
from bossline.evaluation.scores import Scores
from bossline.tasks.base import Answers, Kept, OpenRun, Pieces, Scored
from bossline.tasks.classification import ClassificationLesson, ClassificationTask
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.phoneme.recipe import PhonemeRecipe
from bossline.tasks.smoothing import smoothing_of
from bossline.tasks.views import of_frames
from bossline.training.contract import StepLoss
from bossline.training.objectives import IGNORED

if TYPE_CHECKING:
    from bossline.figures.picture import Picture

_FRAMES_AT_ONCE = 1 << 16  # of a pass that fits a model; a copy of all would be memory in vain


class PhonemeLesson(ClassificationLesson[PhonemeRecipe]):
    """Frames of a corpus and their labels."""

    @cached_property
    def training(self) -> FrameBatches:
        frames: FrameBatches = super().training
        if len(frames) < 2:
            raise UserError("the training split has a single frame: nothing to learn from")
        return frames

    @cached_property
    def training_targets(self) -> Tensor:
        """(N,) int16, a quarter of the memory."""
        return torch.from_numpy(_labels(self.corpus, self.splits["train"])).to(self.runtime.device)

    def batch(self, epoch: int, step: int) -> tuple[Any, Tensor]:
        """What the model takes, and the labels int64 of what it answers: (n,) of windows, of whole
        utterances (B, T) with IGNORED in the padding."""
        inputs, indices = self.drawn(epoch, step)
        if self.recipe.augment is not None:
            chance = self.chance(epoch, step)
            inputs, indices = self.recipe.augment(inputs, indices, self.corpus.speech, chance)
        labels = self.training_targets.index_select(0, indices).long()
        if isinstance(inputs, Padded):
            labels = inputs.padding.spread(labels, IGNORED)
        return inputs, labels

    def counted(self, batch: tuple[Any, Tensor]) -> int:
        inputs, labels = batch
        return inputs.padding.total if isinstance(inputs, Padded) else len(labels)

    def once(self) -> Iterator[tuple[Any, Tensor]]:
        chosen = self.splits["train"]
        blocks = np.cumsum(self.corpus.lengths[chosen]) // _FRAMES_AT_ONCE
        for items in np.split(chosen, np.flatnonzero(np.diff(blocks)) + 1):
            opened = self.task.open(self.recipe, self.task.pieces(self.corpus, items), self.runtime)
            classes = self.task.truth(self.corpus, items).rows.to(self.runtime.device)
            for inputs, indices, _ in opened.in_order():
                yield inputs, classes[indices]

    def loss(self, model: nn.Module, batch: tuple[Any, Tensor]) -> StepLoss:
        inputs, labels = batch
        with self.runtime.autocast(self.recipe.precision):
            logits = model(inputs)
        mean = self.penalised(self.recipe.objective(logits, labels), model)
        return StepLoss(mean, self.counted(batch), self.right(logits, labels))

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """Also the posteriors of one utterance, of a length that a picture can show."""
        from bossline.tasks.phoneme.pictures import EXAMPLE_SECONDS

        lengths = self.corpus.lengths[test.items]
        rate = self.corpus.speech.frames_per_second
        shown = int(np.abs(lengths - EXAMPLE_SECONDS * rate).argmin())
        frames = slice(start := int(lengths[:shown].sum()), start + int(lengths[shown]))
        return {
            **super().kept(model, test),
            "example": test.items[shown : shown + 1],
            "example_predicted": test.decided.array[frames].astype(np.int16),
            "example_posteriors": test.answers.array[frames].astype(np.float16),
        }


def _labels(corpus: Corpus, items: Ints) -> npt.NDArray[np.int16]:
    """(N,) of the frames of utterances."""
    return np.concatenate([corpus.frame_labels(int(u)) for u in items])


class PhonemeTask(ClassificationTask[PhonemeRecipe]):
    """Frames of a corpus, a model that labels them, frame accuracy."""

    name = "phoneme"
    recipe = PhonemeRecipe
    lesson = PhonemeLesson
    unit = "frames"
    item = "utterance"
    classes_are = "phones"
    beside: ClassVar = {"unsmoothed": "smoothing"}
    keeps: ClassVar = {
        "utterances": Kept(("U",), below="corpus"),
        "predicted": Kept(("N",), below="C"),
        "confidence": Kept(("N",)),
        "example": Kept((1,), below="corpus"),
        "example_predicted": Kept(("T",), below="C"),
        "example_posteriors": Kept(("T", "C")),
    }

    def count(self, corpus: Corpus, items: Ints) -> int:
        """Frames."""
        return int(corpus.lengths[items].sum())

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        return Answers.of(_labels(corpus, items).astype(np.int64), corpus.lengths[items])

    def frame_classes(self, recipe: PhonemeRecipe, classes: tuple[str, ...]) -> tuple[str, ...]:
        return classes

    def answer_frames(
        self, model: nn.Module, opened: Any, recipe: PhonemeRecipe, runtime: Runtime
    ) -> Answers:
        return self.answer(model, opened, recipe, runtime)

    def frame_truth(self, corpus: Corpus, items: Ints) -> list[Ints]:
        return self.truth(corpus, items).each()

    def open(self, recipe: PhonemeRecipe, pieces: Pieces, runtime: Runtime) -> FrameBatches:
        return recipe.batches.open(list(pieces), runtime.device)

    def answer(
        self, model: nn.Module, opened: Any, recipe: PhonemeRecipe, runtime: Runtime
    ) -> Answers:
        """(N, C) class probabilities of all frames."""
        rows = of_frames(model, opened, recipe.precision, runtime)
        return Answers(rows, opened.utterance_lengths)

    def smoothing(self, kind: str, recipe: PhonemeRecipe) -> Any:
        return smoothing_of(kind)

    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> list[FramePrediction]:
        assert isinstance(features, FeatureSpec)
        each = zip(ids, answers.each(), decided.each(), strict=True)
        return [FramePrediction(id, rows, labels, classes, features) for id, rows, labels in each]

    def sentence(self, test: Scores, features: Features, classes: Sequence[str]) -> str:
        return tr(
            "Labels {share} correctly {interval}",
            share=self.share(test),
            interval=self.interval(test),
        )

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """Confusions, and an utterance."""
        from bossline.tasks.phoneme.pictures import example_of, example_picture

        found = super().show(run, key)
        if (example := example_of(run)) is not None:
            found[tr("An utterance")] = [example_picture(example, run.classes, key)]
        return found
