"""Recordings and what is said in them: each becomes words and phones with their times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from bossline.core.errors import UserError
from bossline.core.refusing import Refused, refusing
from bossline.data.features.audio import seconds_of
from bossline.data.features.spec import FeatureSpec
from bossline.data.inputs import Input
from bossline.data.packed import Corpus, Ints
from bossline.data.passages import Passage, beside, read_passages
from bossline.data.pronunciation.inventory import Inventory
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.runs.run import Run
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.alignment.aligner import Aligner, Committee
from bossline.tasks.alignment.knowledge import Knowledge
from bossline.tasks.alignment.spoken import pronounced, spoken
from bossline.tasks.trained import Ensemble, TrainedModel, items_of
from bossline.training.contents import ALIGNMENT

_MEASURED = 50  # utterances on which the bias is measured
_NEAR_SECONDS = 0.05  # what is off by more is a mistake, not a bias


class Speech:
    """A run, or several, that lay text over recordings.

    Attributes:
        pronouncer: who knows how words are said.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        ensemble: Ensemble,
        dictionary: str | Path | None = None,
        phones: bool = False,
    ) -> None:
        """
        Args:
            dictionary: a file of pronunciations that goes before CMUdict.
            phones: whether texts are of phones, words apart by "|".

        Raises:
            UserError: runs that tell nothing of times, a dictionary that is none, or a corpus that
                is gone and was not yet learnt from.
        """
        first = runs[0]
        spec = ensemble.features
        classes = ensemble.members[0].frame_classes
        if not classes or not isinstance(spec, FeatureSpec):
            raise UserError(
                f"{first.path}: a run of {first.task.name} that says nothing of frames; alignment "
                "wants one of phoneme, or of transcribe with model.frames"
            )
        if spec.kind == "log-mel":
            raise UserError(
                f"{first.path}: its features leave silence out, so that times are unknown: train "
                "on a corpus of MFCC"
            )
        self._spec, self._ensemble = spec, ensemble
        self.pronouncer = Pronouncer.of(dictionary)
        self._of_phones = phones
        self._inventory = Inventory(classes)
        self._committee = Committee(
            [
                Aligner(knowledge_of(run, member), classes, spec)
                for run, member in zip(runs, ensemble.members, strict=True)
            ]
        )

    def align(self, one: Input, passages: Sequence[Passage], seconds: float | None) -> Aligned:
        """
        Args:
            one: a recording, or features.
            passages: at least one.
            seconds: how long the recording is; None: as its features tell.

        Raises:
            UserError: it cannot be read, nothing is said, or more than there is room for.
        """
        features = one.read()
        edges = self._spec.frame_edges(len(features))
        end = max(float(edges[-1]), min(seconds or 0.0, float(edges[-1]) + self._beyond))
        posteriors = [member.frame_answers([features]).array for member in self._ensemble.members]
        utterances = []
        for passage in passages:
            start, stop, until = 0, len(features), end
            if passage.end is not None:
                start, stop = np.searchsorted(edges, [passage.start, passage.end]).tolist()
                stop, until = min(stop, len(features)), min(passage.end, end)
            if stop <= start:
                raise UserError(
                    f"text at {passage.start:.2f} s, but the recording ends at {end:.2f} s"
                )
            words = spoken(
                pronounced(passage.text, self.pronouncer, self._of_phones), self._inventory
            )
            offset = start * self._spec.hop_ms / 1000
            own = [one[start:stop] for one in posteriors]
            try:
                found = self._committee.align(words, own, passage.start - offset, until - offset)
            except UserError as error:
                if passage.end is None:
                    raise
                raise UserError(f"at {passage.start:.2f} s: {error}") from error
            utterances.append(replace(found.later(offset), speaker=passage.speaker))
        return Aligned(one.id, end, tuple(utterances))

    @property
    def _beyond(self) -> float:
        """Seconds that a recording may go on behind its last frame."""
        return (self._spec.window_ms + self._spec.hop_ms) / 1000


def knowledge_of(run: Run, model: TrainedModel) -> Knowledge:
    """What a run knows of phones: as it keeps it, or learnt now from its corpus, and kept.

    Raises:
        UserError: it is damaged; or nothing is kept, and the corpus is gone.
    """
    tables = run.tensors(ALIGNMENT)
    if tables is not None:
        try:
            return Knowledge.restore(tables, len(model.frame_classes))
        except UserError as error:
            raise run.damaged(ALIGNMENT, str(error)) from error
    try:
        corpus = run.corpus()
    except UserError as error:
        raise UserError(
            f"{run.path}: how long phones last is learnt from the corpus, at the first alignment: "
            f"{error}"
        ) from error
    labels = run.task.frame_truth(corpus, items_of([run], corpus, "train"))
    found = Knowledge.of(labels, len(model.frame_classes))
    if run.recipe.split.validation:
        validation = items_of([run], corpus, "validation")
        validation = validation[corpus.labelled[validation]][:_MEASURED]
        if len(validation):
            found = found.with_bias(_bias(run, model, found, corpus, validation))
    run.write(ALIGNMENT, save(found.tables()))
    return found


def _bias(
    run: Run, model: TrainedModel, knowledge: Knowledge, corpus: Corpus, items: Ints
) -> float:
    """Seconds by which edges are late that are laid over utterances whose phones are known."""
    spec = run.features
    assert isinstance(spec, FeatureSpec)
    aligner = Aligner(knowledge, model.frame_classes, spec)
    answers = model.frame_answers(run.task.pieces(corpus, items)).each()
    late = [np.empty(0)]
    for posteriors, labels in zip(answers, run.task.frame_truth(corpus, items), strict=True):
        starts = np.flatnonzero(np.diff(labels, prepend=-1))
        edges = aligner.edges(labels[starts].astype(np.int64), posteriors)
        if edges is not None:
            truth = spec.frame_edges(len(labels))[starts[1:]]
            late.append(edges[1:-1] - truth)
    errors = np.concatenate(late)
    near = errors[np.abs(errors) <= _NEAR_SECONDS]
    return float(near.mean()) if len(near) else 0.0


def align_each(
    speech: Speech,
    inputs: Sequence[Input],
    text: str | None,
    *,
    tier: str | None = None,
    refused: Refused | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    passed: Callable[[Input], bool] | None = None,
) -> Iterator[Aligned]:
    """Align recordings one after the other; see `Model.align_each`."""
    for done, one in enumerate(inputs, start=1):
        if passed is None or not passed(one):
            with refusing(refused, one.name):
                yield _aligned(speech, one, text, tier)
        if progress is not None:
            progress("aligning", done, len(inputs))


def _aligned(speech: Speech, one: Input, text: str | None, tier: str | None) -> Aligned:
    try:
        if text is not None:
            passages = [Passage(text)]
        elif one.path is not None:
            passages = read_passages(beside(one.path), tier)
        else:
            raise UserError("what is said in it? give text=")
        seconds = None if one.path is None else seconds_of(one.path)
        return speech.align(one, passages, seconds)
    except UserError as error:
        if str(error).startswith(one.name):
            raise
        raise UserError(f"{one.name}: {error}") from error
