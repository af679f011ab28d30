"""Phoneme transcription: a string of phones for every utterance, and the phone error rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.batches.utterances import Utterances
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import term, tr
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.packed import Corpus, Ints
from bossline.evaluation.scores import Scores
from bossline.models.tagger import TaggerConfig
from bossline.models.transcriber import Transcriber
from bossline.tasks.base import Answers, Kept, OpenRun, Pieces, Smoother, Task, answers_of
from bossline.tasks.classification import geometric_mean
from bossline.tasks.smoothing import smoothing_of
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.decoding.confidence import fit_calibration
from bossline.tasks.transcribe.decoding.edits import distances
from bossline.tasks.transcribe.frames import Posteriors, merged
from bossline.tasks.transcribe.language import asked_for, equip
from bossline.tasks.transcribe.lesson import TranscribeLesson
from bossline.tasks.transcribe.prediction import StringPrediction
from bossline.tasks.transcribe.recipe import TranscribeRecipe
from bossline.tasks.transcribe.scores import PER, StringScores
from bossline.tasks.transcribe.search import searched
from bossline.tasks.transcribe.strings import Spoken
from bossline.tasks.views import of_frames
from bossline.training.contract import Validation

if TYPE_CHECKING:
    from bossline.figures.picture import Picture


class TranscribeTask(Task[TranscribeRecipe]):
    """Utterances, a model that writes their phones, phone error rate."""

    name = "transcribe"
    recipe = TranscribeRecipe
    lesson = TranscribeLesson
    unit = "phones"
    item = "utterance"
    wants = "no phones"
    classes_are = "phones"
    metric = PER
    scores = StringScores
    keeps: ClassVar = {
        "utterances": Kept(("U",), below="corpus"),
        "predicted": Kept(("N", transcripts.COLUMNS)),
        "whose": Kept(("N",), below="U"),
        "example": Kept((1,), below="corpus"),
        "example_posteriors": Kept(("S", "V")),
        "example_encoder": Kept(("E", "K", "K")),
        "example_attention": Kept(("A", "L", "S")),
    }

    def labelled(self, corpus: Corpus) -> npt.NDArray[np.bool_]:
        return Spoken(corpus).known

    def classes(self, corpus: Corpus) -> tuple[str, ...]:
        """The phones that a string may hold, symbol 1 first."""
        return Spoken(corpus).vocabulary.names

    def count(self, corpus: Corpus, items: Ints) -> None:
        return None

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        """(N,) symbols."""
        strings = Spoken(corpus).strings(items)
        return Answers.of(strings.symbols, strings.lengths)

    def build(self, recipe: TranscribeRecipe, features: Features, outputs: int) -> nn.Module:
        if isinstance(recipe.model, TaggerConfig):
            return recipe.model.build(features.dim, outputs + 1)
        return recipe.model.build(features.dim, outputs)

    def equip(self, model: nn.Module, run: OpenRun, recipe: TranscribeRecipe) -> None:
        """With the n-grams that the search asks for."""
        if isinstance(model, Transcriber):
            equip(model, run, recipe.decoding)

    def to_pass_on(self, recipe: TranscribeRecipe) -> TranscribeRecipe:
        """The run keeps the n-grams of a file."""
        ngram = asked_for(recipe.decoding)
        if ngram is None or ngram.file is None:
            return recipe
        kept = ngram.model_copy(update={"file": None})
        decoding = recipe.decoding.model_copy(update={"ngram": kept})
        return recipe.model_copy(update={"decoding": decoding})

    def calibration(
        self, model: nn.Module, corpus: Corpus, recipe: TranscribeRecipe, runtime: Runtime
    ) -> dict[str, Tensor]:
        """Of the confidence, on all utterances that have strings."""
        items = np.flatnonzero(self.labelled(corpus))
        if not isinstance(model, Transcriber) or not len(items):
            lacking = "has no strings" if isinstance(model, Transcriber) else "no transcriber"
            raise UserError(f"corpus '{corpus.name}': {lacking} to calibrate confidence on")
        before = model.confidence.clone()
        model.confidence.copy_(torch.tensor([1.0, 0.0]))
        answers = answers_of(self, model, self.pieces(corpus, items), recipe, runtime)
        model.confidence.copy_(before)
        best = transcripts.best(answers)
        found = fit_calibration(*transcripts.judged(best, self.truth(corpus, items)))
        return {"confidence": torch.tensor(found)}

    def open(self, recipe: TranscribeRecipe, pieces: Pieces, runtime: Runtime) -> Utterances:
        return cast(Utterances, recipe.batches.open(list(pieces), runtime.device))

    def answer(
        self, model: nn.Module, opened: Utterances, recipe: TranscribeRecipe, runtime: Runtime
    ) -> Answers:
        """(N, COLUMNS) of the n best strings, or the Posteriors of a model that labels frames."""
        if not isinstance(model, Transcriber):
            rows = of_frames(model, opened, recipe.precision, runtime)
            return Posteriors(rows, opened.utterance_lengths)
        found = dict[int, list[transcripts.Transcript]]()
        for inputs in opened.apart():
            assert inputs.items is not None
            with runtime.autocast(recipe.precision):
                lists = searched(model, inputs, recipe.decoding)
            found |= zip(inputs.items.tolist(), lists, strict=True)
        each = [found[piece] for piece in range(len(opened.lengths))]
        return transcripts.answers_of(
            transcripts.of_pieces(each, opened.utterances, opened.lengths)
        )

    def frame_classes(self, recipe: TranscribeRecipe, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Silence, and the phones, where the model labels frames too."""
        labels = isinstance(recipe.model, TaggerConfig) or recipe.model.frames
        return ("SIL", *classes) if labels else ()

    def answer_frames(
        self, model: nn.Module, opened: Utterances, recipe: TranscribeRecipe, runtime: Runtime
    ) -> Answers:
        def logits(inputs: Padded) -> Tensor:
            if not isinstance(model, Transcriber):
                labelled: Tensor = model(inputs)
                return labelled
            return model.frame_logits(model(inputs), inputs.padding.steps)

        rows = of_frames(logits, opened, recipe.precision, runtime)
        return Posteriors(rows, opened.utterance_lengths)

    def frame_truth(self, corpus: Corpus, items: Ints) -> list[Ints]:
        labelled = items[corpus.labelled[items]]
        if not len(labelled):
            return []
        ends = np.cumsum(corpus.lengths[labelled])[:-1]
        return np.split(Spoken(corpus).frames(labelled), ends)

    def agree(self, members: Sequence[Answers]) -> Answers:
        """The mean of posteriors, or of strings those that differ least from all others."""
        if all(isinstance(member, Posteriors) for member in members):
            mean = torch.from_numpy(geometric_mean(members))
            return Posteriors(mean, members[0].lengths)
        return transcripts.agreed([self.decide(member) for member in members])

    def decide(self, answers: Answers, smoother: Smoother | None = None) -> Answers:
        """(N, COLUMNS) of the best strings."""
        if isinstance(answers, Posteriors):
            return merged(answers, smoother)
        return transcripts.best(answers)

    def judge(self, answers: Answers, truth: Answers) -> Validation:
        """Of best strings: errors per phone."""
        wrong = distances(transcripts.strings(truth), transcripts.strings(answers))
        rate = float(wrong.sum() / truth.lengths.sum())
        return Validation(loss=rate, score=rate)

    def score(
        self, ids: Sequence[str], decided: Answers, truth: Answers, classes: Sequence[str]
    ) -> StringScores:
        return StringScores.of(tuple(ids), decided, truth, len(classes))

    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> list[StringPrediction]:
        assert isinstance(features, FeatureSpec)
        told = decided if isinstance(answers, Posteriors) else answers
        each = zip(ids, told.each(), strict=True)
        return [StringPrediction(id, rows, classes, features) for id, rows in each]

    def smoothed(self, classes: Sequence[str]) -> int:
        """The phones and silence."""
        return len(classes) + 1

    def fit_smoother(self, config: Any, corpus: Corpus, items: Ints) -> Smoother:
        labels = self.frame_truth(corpus, items)
        smoother: Smoother = config.fit(labels, self.smoothed(self.classes(corpus)))
        return smoother

    def smoothing(self, kind: str, recipe: TranscribeRecipe) -> Any:
        if recipe.model.kind != "tagger":
            raise UserError(
                "smoothing is for models that label frames; another search for strings is asked "
                "for by --decoding"
            )
        return smoothing_of(kind)

    def sentence(self, test: Scores, features: Features, classes: Sequence[str]) -> str:
        assert isinstance(test, StringScores)
        score, errors = test.score, sum(test.sums)
        known = score.has_width
        interval = (
            tr("(95% interval {low:.1%} to {high:.1%})", low=score.low, high=score.high)
            if known
            else tr("(no interval)")
        )
        text = tr(
            "Writes the phones of {utterances} with a phone error rate of {rate:.1%} {interval}",
            utterances=counted(len(test.ids), "test utterance"),
            rate=score.value,
            interval=interval,
        )
        if not errors:
            return text
        kinds = (
            tr("{share:.0%} are {kind}", share=sum(getattr(test, kind)) / errors, kind=term(kind))
            for kind in ("substitutions", "deletions", "insertions")
        )
        return text + tr("; of its errors {kinds}", kinds=tr(", ").join(kinds))

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """An utterance, attention, and errors by phone, length and confidence."""
        from bossline.tasks.transcribe.pictures.attention import (
            attention_pictures,
            encoder_pictures,
        )
        from bossline.tasks.transcribe.pictures.confidence import confidence_pictures
        from bossline.tasks.transcribe.pictures.errors import error_pictures
        from bossline.tasks.transcribe.pictures.heard import heard_of
        from bossline.tasks.transcribe.pictures.lengths import length_picture
        from bossline.tasks.transcribe.pictures.utterance import example_pictures

        found: dict[str, list[Picture]] = {}
        heard, example = heard_of(run) or (None, None)
        if example is not None:
            decoder = getattr(run.recipe.model, "decoder", None)
            heads = getattr(decoder, "heads", 1)
            found[tr("An utterance")] = example_pictures(example, run.classes, key)
            found[tr("Attention")] = [
                *attention_pictures(example, run.classes, heads, key),
                *encoder_pictures(example, key),
            ]
        test = run.scores.get("test")
        if isinstance(test, StringScores):
            found[tr("Errors by phone")] = error_pictures(test, run.classes, key)
            found[tr("Errors by length")] = [length_picture(test, key)]
        if heard is not None:
            found[tr("Confidence")] = confidence_pictures(heard, key)
        return found

    def show_together(self, runs: Mapping[str, OpenRun]) -> dict[str, list[Picture]]:
        """Errors by length."""
        from bossline.tasks.transcribe.pictures.lengths import lengths_together

        tests = {name: run.scores.get("test") for name, run in runs.items()}
        scored = {name: test for name, test in tests.items() if isinstance(test, StringScores)}
        return {tr("Errors by length"): [lengths_together(scored)]} if len(scored) > 1 else {}
