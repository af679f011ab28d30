"""Speaker identification: who of the known speakers is this?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bossline.batches.base import Batches
from bossline.batches.padded import Padded
from bossline.core.language import term, tr
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.packed import Corpus, Ints
from bossline.data.speeds import copies_of
from bossline.models.base import evaluating
from bossline.models.committee import Committee, CommitteeConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.speaker import SpeakerNetwork, VoiceModel
from bossline.tasks.base import Answers, Kept, OpenRun, Pieces, Scored, Task
from bossline.tasks.classification import ClassificationLesson, ClassificationTask
from bossline.tasks.speaker.prediction import SpeakerPrediction
from bossline.tasks.speaker.recipe import SpeakerRecipe
from bossline.tasks.speaker.verification.det import read_det
from bossline.tasks.views import averaged
from bossline.training.contract import StepLoss, Validation

if TYPE_CHECKING:
    from bossline.figures.picture import Picture


class SpeakerLesson(ClassificationLesson[SpeakerRecipe]):
    """Segments of utterances and who speaks."""

    def __init__(
        self, task: Task[SpeakerRecipe], recipe: SpeakerRecipe, corpus: Corpus, runtime: Runtime
    ) -> None:
        """
        Raises:
            UserError: as every lesson; or the corpus lacks a speed that is to be trained on.
        """
        super().__init__(task, recipe, corpus, runtime)
        # Copies of a speaker's utterances at another speed are another voice (speaker augmentation,
        # Yamamoto et al. 2019): those of speed k come k times all speakers later.
        utterances, voices = [self.splits["train"]], [self.truth("train").array]
        for number, speed in enumerate(recipe.batches.speeds, start=1):
            copies, originals = copies_of(corpus, utterances[0], speed)
            utterances.append(copies)
            voices.append(voices[0][originals] + number * len(self.classes))
        self._heard, self._voices = np.concatenate(utterances), np.concatenate(voices)

    @cached_property
    def training(self) -> Batches:
        pieces = self.task.pieces(self.corpus, self._heard)
        return self.recipe.batches.open(pieces, self.runtime.device, self._voices)

    @cached_property
    def training_targets(self) -> Tensor:
        return torch.from_numpy(self._voices).to(self.runtime.device)

    def gain(self, validation: Validation) -> float:
        """The loss decides: among a few hundred utterances, accuracy is the luck of one or two."""
        return -validation.loss

    def prepare(self, model: nn.Module) -> None:
        """Fit those of a committee's members that take no steps."""
        if isinstance(model, Committee):
            model.fit(_TrainingSplit(self))

    def batch(self, epoch: int, step: int) -> tuple[Padded, Tensor, float]:
        """Segments, their speakers (B,) int64, and the share of the training that is over."""
        inputs, indices = self.drawn(epoch, step)
        if self.recipe.augment is not None:
            frames = torch.arange(len(inputs.padding.rows), device=indices.device)
            speech, chance = self.corpus.speech, self.chance(epoch, step)
            inputs, _ = self.recipe.augment(inputs, frames, speech, chance)
        steps = self.steps_per_epoch
        done = (epoch * steps + step) / (self.recipe.epochs * steps)
        return inputs, self.training_targets[indices], done

    def in_full(self, batch: tuple[Padded, Tensor, float]) -> tuple[Padded, Tensor, float]:
        """The head's margin in full."""
        return batch[0], batch[1], 1.0

    def loss(self, model: nn.Module, batch: tuple[Padded, Tensor, float]) -> StepLoss:
        inputs, labels, done = batch
        assert isinstance(model, SpeakerNetwork)
        with self.runtime.autocast(self.recipe.precision):
            mean, scores = model.loss(inputs, labels, done)
        return self.step_loss(mean, scores, labels)

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """Also the embeddings of the test utterances."""
        pieces = self.task.pieces(self.corpus, test.items)
        vectors = embed(model, self.recipe, pieces, self.runtime).cpu().numpy()
        return {**super().kept(model, test), "embeddings": vectors.astype(np.float16)}


@dataclass(frozen=True)
class Heard(Answers):
    """What one model answers.

    Attributes:
        embeddings: (U, E) float32 of length 1.
    """

    embeddings: npt.NDArray[np.float32]


@dataclass
class _TrainingSplit:
    """Utterances and their speakers, each time they are gone through."""

    lesson: SpeakerLesson

    def __iter__(self) -> Iterator[tuple[Padded, Tensor]]:
        return self.lesson.once()


class SpeakerTask(ClassificationTask[SpeakerRecipe]):
    """Utterances of a corpus, a model that knows their speakers, utterance accuracy."""

    name = "speaker"
    recipe = SpeakerRecipe
    lesson = SpeakerLesson
    unit = "utterances"
    item = "utterance"
    wants = "no speakers"
    classes_are = "speakers"
    keeps: ClassVar = {
        "utterances": Kept(("U",), below="corpus"),
        "predicted": Kept(("U",), below="C"),
        "confidence": Kept(("U",)),
        "embeddings": Kept(("U", "E")),
    }

    def labelled(self, corpus: Corpus) -> npt.NDArray[np.bool_]:
        return np.asarray(corpus.speakers >= 0)

    def classes(self, corpus: Corpus) -> tuple[str, ...]:
        return corpus.header.speakers

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        return Answers.of(corpus.speakers[items].astype(np.int64))

    def build(self, recipe: SpeakerRecipe, features: Features, outputs: int) -> nn.Module:
        assert isinstance(features, FeatureSpec)  # a speaker task takes no others
        outputs *= _voices_of_each(recipe)
        if isinstance(recipe.model, SpeakerLdaConfig | CommitteeConfig):
            return recipe.model.build(features.dim, outputs, features.statics)
        return recipe.model.build(features.dim, outputs)

    def open(self, recipe: SpeakerRecipe, pieces: Pieces, runtime: Runtime) -> Batches:
        return recipe.batches.open(list(pieces), runtime.device)

    def answer(
        self, model: nn.Module, opened: Batches, recipe: SpeakerRecipe, runtime: Runtime
    ) -> Answers:
        """(U, C) probabilities, after averaging the logarithms of an utterance's views, and its
        embedding.

        Voices at other speeds are no answers.
        """
        assert isinstance(model, VoiceModel)
        speakers = 0

        def heard(inputs: Padded) -> Tensor:
            nonlocal speakers
            scores, embedding = model.heard(inputs)
            speakers = scores.shape[1] // _voices_of_each(recipe)
            log_probabilities = scores[:, :speakers].float().log_softmax(1)
            return torch.cat([log_probabilities, normalize(embedding.float())], dim=1)

        means = averaged(heard, opened, recipe.precision, runtime)
        rows, vectors = means[:, :speakers].softmax(1), normalize(means[:, speakers:])
        return Heard(rows, np.ones(len(rows), np.int64), np.asarray(vectors.cpu().numpy()))

    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> list[SpeakerPrediction]:
        vectors = answers.embeddings if isinstance(answers, Heard) else [None] * len(ids)
        each = zip(ids, answers.each(), vectors, strict=True)
        return [SpeakerPrediction(id, rows, classes, vector) for id, rows, vector in each]

    def show_together(self, runs: Mapping[str, OpenRun]) -> dict[str, list[Picture]]:
        """How well they verify."""
        from bossline.tasks.speaker.pictures import det_picture

        curves = {name: curve for name, run in runs.items() if (curve := read_det(run))}
        return {tr("Verification"): [det_picture(curves)]} if curves else {}

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """How often each speaker is found, how much length matters, and the map of voices."""
        from bossline.tasks.speaker.pictures import voice_pictures, voices_of

        found = super().show(run, key)
        if (voices := voices_of(run)) is None:
            return found
        by_length, maps = voice_pictures(voices, key)
        where = term(self.classes_are).capitalize()
        if where in found:
            found[where] += by_length
        else:
            found[tr("Length")] = by_length
        return {**found, tr("Voices"): maps}


@torch.inference_mode()
def embed(model: nn.Module, recipe: SpeakerRecipe, pieces: Pieces, runtime: Runtime) -> Tensor:
    """(U, D) float32 embeddings of length 1, after averaging those of an utterance's views."""
    assert isinstance(model, VoiceModel)

    def unit_vectors(inputs: Padded) -> Tensor:
        return normalize(model.embed(inputs).float())

    opened = recipe.batches.open(list(pieces), runtime.device)
    with evaluating(model):
        return normalize(averaged(unit_vectors, opened, recipe.precision, runtime))


def _voices_of_each(recipe: SpeakerRecipe) -> int:
    """Of a speaker: at the speed of the recordings and at others."""
    return 1 + len(recipe.batches.speeds)
