"""What a recipe makes of a corpus: batches with their strings, and their loss."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.utterances import Utterances, cut
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.ranks import uniform
from bossline.core.runtime import Runtime, on_device
from bossline.data.packed import Corpus, Ints
from bossline.models.base import evaluating
from bossline.models.transcriber import Transcriber
from bossline.tasks.base import Answers, Scored, Task, answered
from bossline.tasks.lesson import Lesson
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.decoding.arpa import arpa_of, packed_arpa, read_arpa
from bossline.tasks.transcribe.decoding.confidence import fit_calibration
from bossline.tasks.transcribe.decoding.ctc import GreedyConfig
from bossline.tasks.transcribe.decoding.ngram import estimate
from bossline.tasks.transcribe.example import seen_of_one
from bossline.tasks.transcribe.language import asked_for
from bossline.tasks.transcribe.objective import (
    Batch,
    Loss,
    Targets,
    loss_of,
    loss_of_frames,
)
from bossline.tasks.transcribe.recipe import TranscribeRecipe
from bossline.tasks.transcribe.strings import Spoken, Strings
from bossline.training.contents import PHONES
from bossline.training.contract import StepLoss, Validation
from bossline.training.objectives import IGNORED
from bossline.training.schedules import Span

_SHOWN = 3


class TranscribeLesson(Lesson[TranscribeRecipe]):
    """Utterances and their strings."""

    def __init__(
        self,
        task: Task[TranscribeRecipe],
        recipe: TranscribeRecipe,
        corpus: Corpus,
        runtime: Runtime,
    ) -> None:
        """
        Raises:
            UserError: as any lesson's; or the recipe needs to know where a phone is said, and the
                corpus has strings of its own and does not.
        """
        super().__init__(task, recipe, corpus, runtime)
        self.spoken = Spoken(corpus)
        if self.spoken.own:
            self._check_own_strings()

    def _check_own_strings(self) -> None:
        items = np.concatenate([self.splits["train"], self.splits["validation"]])
        lengths, longest = self.corpus.lengths[items], self.recipe.batches.longest
        if (lengths > longest).any():
            raise UserError(
                f"{self._example(items[lengths > longest])} of more frames than batches.longest="
                f"{longest}: nobody knows where to cut a string that has no times; set "
                f"batches.longest={lengths.max()}, or leave such utterances out"
            )
        if not self._learns_frames:
            return
        advice = "take a transcriber with objective.frames=0 and model.frames=false"
        # Beside strings, labels teach where they are there; a tagger has nothing else to learn.
        labelled = self.corpus.labelled[items]
        if not (labelled.all() if self.recipe.model.kind == "tagger" else labelled.any()):
            raise UserError(
                "the recipe learns labels of frames too, and there are none of "
                f"{self._example(items[~labelled])}: {advice}"
            )
        if len(foreign := np.flatnonzero(self.spoken.vocabulary.symbols < 0)):
            raise UserError(
                "the recipe learns labels of frames too, and their class "
                f"{self.corpus.header.classes[foreign[0]]} is none of the strings' phones: {advice}"
            )

    @cached_property
    def _learnt(self) -> tuple[Ints, int]:
        """Utterances of the training split whose strings have a path through the encoder's steps,
        and how many are left out because they have none.

        Raises:
            UserError: none has.
        """
        model, items = self.recipe.model, self.splits["train"]
        if model.kind == "tagger" or not model.ctc:
            return items, 0
        whole = self.corpus.lengths[items]
        utterances, lengths = cut(whole, self.recipe.batches.longest)
        strings = self.spoken.of_pieces(items, utterances, lengths)
        short = model.steps(lengths) < strings.lengths + strings.repeats
        without = np.unique(utterances[short])
        if len(without) == len(items):
            raise UserError(
                f"{self._example(items[without])} and all others have more phones than the "
                "encoder makes steps, so CTC has no path: a smaller model.frame_stack, or an "
                "encoder that does not subsample"
            )
        return np.delete(items, without), len(without)

    def _example(self, utterances: Ints) -> str:
        named = ", ".join(self.corpus.ids[u] for u in utterances[:_SHOWN])
        return named if len(utterances) <= _SHOWN else f"{named} ..."

    @property
    def description(self) -> str:
        described = (
            f"{counted(len(self.strings.symbols), 'training phone')} ({self.training.description})"
        )
        if self._learnt[1]:
            left = counted(self._learnt[1], "utterance")
            described += f", {left} left out: more phones than steps of the encoder"
        return described

    def count(self, split: str) -> int:
        """Phones."""
        return int(self.truth(split).lengths.sum())

    @cached_property
    def training(self) -> Utterances:
        pieces = self.task.pieces(self.corpus, self._learnt[0])
        opened: Utterances = self.task.open(self.recipe, pieces, self.runtime)
        return opened

    @cached_property
    def strings(self) -> Strings:
        """Of the training pieces."""
        return self.spoken.of_pieces(
            self._learnt[0], self.training.utterances, self.training.lengths
        )

    @cached_property
    def training_targets(self) -> Tensor:
        """(N,) int16, the symbols of the frames, 0: silence."""
        symbols = self.spoken.frames(self._learnt[0]).astype(np.int16)
        return torch.from_numpy(symbols).to(self.runtime.device)

    def batch(self, epoch: int, step: int) -> Batch:
        inputs, indices = self.drawn(epoch, step)
        assert inputs.items is not None
        targets = self._targets(self.strings, inputs.items.numpy(), self._width(inputs.frames))
        chance = self.chance(epoch, step)
        if self.recipe.augment is not None:
            inputs, indices = self.recipe.augment(inputs, indices, self.corpus.speech, chance)
        labels = None
        if self._learns_frames:
            own = self.training_targets.index_select(0, indices).long()
            labels = inputs.padding.spread(own, IGNORED)
        return Batch(inputs, targets, labels, *self._scheduled(epoch, step, targets, chance))

    def _scheduled(
        self, epoch: int, step: int, targets: Targets, chance: torch.Generator
    ) -> tuple[float, Tensor | None]:
        """Weight of guided attention, and where a decoder reads its own draws."""
        guided, sampling = self.recipe.objective.guided, self.recipe.objective.sampling
        span = Span(self.recipe.epochs, self.steps_per_epoch)
        done = epoch * self.steps_per_epoch + step
        weight = guided.weight * guided.schedule.factor(done, span) if guided else 0.0
        if sampling is None:
            return weight, None
        # As many columns for every batch: what a row draws must not hang on what it lies beside.
        shape = torch.Size((len(targets.symbols), int(self.strings.lengths.max())))
        draws = uniform(shape, chance, self.runtime.device)
        return weight, draws[:, : targets.symbols.shape[1]] >= sampling.schedule.factor(done, span)

    def _width(self, frames: Tensor) -> int:
        """Of the strings in a batch (B, T, D): in graphs the same for all of a shape."""
        if self.runtime.compile == "off":
            return 1
        return int(self.strings.lengths[self.training.lengths <= frames.shape[1]].max())

    def _targets(self, strings: Strings, items: Ints, width: int = 1) -> Targets:
        lengths = strings.lengths[items]
        symbols, on_there = (
            on_device(torch.from_numpy(array), self.runtime.device)
            for array in (strings.padded(items, width), lengths)
        )
        return Targets(symbols, on_there, tuple(lengths.tolist()))

    def counted(self, batch: Batch) -> int:
        """Phones; 1 at least, since they are divided by."""
        return max(sum(batch.targets.lengths or ()), 1)

    def loss(self, model: nn.Module, batch: Batch) -> StepLoss:
        with self.runtime.autocast(self.recipe.precision):
            found = self._loss(model, batch)
        mean = found.total / batch.targets.on_device.sum().clamp_min(1)
        return StepLoss(mean, self.counted(batch), found.wrong)

    def _loss(self, model: nn.Module, batch: Batch) -> Loss:
        if isinstance(model, Transcriber):
            return loss_of(model, batch, self.recipe.objective)
        return loss_of_frames(model, batch)

    @property
    def _learns_frames(self) -> bool:
        return self.recipe.model.kind == "tagger" or self.recipe.objective.frames > 0

    def learn(self) -> dict[str, bytes]:
        """The model of phones that the recipe's search asks for."""
        config = asked_for(self.recipe.decoding)
        if config is None:
            return {}
        if config.file is not None:
            found = read_arpa(Path(config.file), self.classes)
        else:
            strings = transcripts.strings(self.truth("train"))
            found = estimate(strings, len(self.classes), config.order)
        return {PHONES: packed_arpa(arpa_of(found, self.classes))}

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """Also whose each row is, and what the model makes of one utterance."""
        whose = np.repeat(np.arange(len(test.items)), test.decided.lengths)
        return {
            **super().kept(model, test),
            "whose": whose.astype(np.int32),
            **seen_of_one(model, test, self.recipe, self.corpus, self.runtime),
        }

    def validate(self, model: nn.Module) -> Validation:
        """Loss as in training, and phone errors of the simplest search; fits the confidence."""
        self.corpus.check_sizes()
        quick = self.recipe.model_copy(update={"decoding": GreedyConfig()})
        opened, truth = self._validation
        if isinstance(model, Transcriber):
            model.confidence.copy_(torch.tensor([1.0, 0.0]))
        answers = answered(self.task, model, opened, quick, self.runtime)
        decided = self.task.decide(answers)
        ranks = self.runtime.ranks
        lengths = ranks.joined(torch.from_numpy(decided.lengths)).numpy()
        whole = Answers(ranks.joined(decided.rows), lengths)
        score = self.task.judge(whole, truth).score
        if isinstance(model, Transcriber):
            found = fit_calibration(*transcripts.judged(whole, truth))
            model.confidence.copy_(torch.tensor(found))
        return Validation(loss=self._validation_loss(model), score=score)

    @torch.inference_mode()
    def _validation_loss(self, model: nn.Module) -> float:
        opened, _ = self._validation
        own, _ = self.runtime.ranks.dealt(self.splits["validation"])
        strings = self.spoken.of_pieces(own, opened.utterances, opened.lengths)
        sums = torch.zeros(2, dtype=torch.float64, device=self.runtime.device)
        ends = np.cumsum(opened.lengths)
        symbols = np.split(self.spoken.frames(own), ends[:-1]) if self._learns_frames else []
        with evaluating(model):
            for inputs in opened.apart():
                items = inputs.items.numpy()
                targets, labels = self._targets(strings, items), None
                if self._learns_frames:
                    joined = np.concatenate([symbols[item] for item in items])
                    here = on_device(torch.from_numpy(joined), self.runtime.device)
                    labels = inputs.padding.spread(here, IGNORED)
                batch = Batch(inputs, targets, labels)
                with self.runtime.autocast(self.recipe.precision):
                    sums[0] += self._loss(model, batch).total
                sums[1] += int(strings.lengths[items].sum())
        total, count = self.runtime.ranks.summed(sums).tolist()
        return float(total / max(count, 1))
