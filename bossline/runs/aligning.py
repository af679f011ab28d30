"""Recordings and what is said in them: each becomes words and phones with their times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from bossline.core.errors import UserError
from bossline.core.refusing import Refused, refusing
from bossline.data.features.audio import seconds_of
from bossline.data.features.spec import FeatureSpec
from bossline.data.inputs import Input
from bossline.data.labels import quoted
from bossline.data.passages import Passage, beside, read_passages
from bossline.data.pronunciation.dictionary import cmudict, read_dictionary
from bossline.data.pronunciation.inventory import Inventory
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.pronunciation.text import words_of
from bossline.runs.run import Run
from bossline.tasks.alignment.aligned import Aligned, Utterance
from bossline.tasks.alignment.aligner import Aligner, Spoken
from bossline.tasks.alignment.knowledge import Knowledge
from bossline.tasks.trained import Ensemble, items_of
from bossline.training.contents import ALIGNMENT

Posteriors = npt.NDArray[np.float32]


class Speech:
    """A run, or several, that lay text over recordings.

    Attributes:
        unknown: words that nobody knows how to say, with how often they came.
    """

    def __init__(
        self, runs: Sequence[Run], ensemble: Ensemble, dictionary: str | Path | None = None
    ) -> None:
        """
        Args:
            dictionary: a file of pronunciations that goes before CMUdict.

        Raises:
            UserError: runs that tell nothing of times, a dictionary that is none, or a corpus that
                is gone and was not yet learnt from.
        """
        first = runs[0]
        spec = ensemble.features
        if first.task.name != "phoneme" or not isinstance(spec, FeatureSpec):
            raise UserError(f"{first.path}: a run of {first.task.name}; alignment wants phoneme")
        if spec.kind == "log-mel":
            raise UserError(
                f"{first.path}: its features leave silence out, so that times are unknown: train "
                "on a corpus of MFCC"
            )
        self._spec, self._ensemble = spec, ensemble
        own = [] if dictionary is None else [read_dictionary(Path(dictionary))]
        self._pronouncer = Pronouncer([*own, cmudict()])
        self._inventory = Inventory(ensemble.classes)
        self._aligner = Aligner(knowledge_of(first, ensemble), ensemble.classes, spec)
        self.unknown: dict[str, int] = {}

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
        (posteriors,) = self._ensemble.answers([features]).each()
        utterances = []
        for passage in passages:
            start, stop = 0, len(features)
            until = end
            if passage.end is not None:
                start, stop = np.searchsorted(edges, [passage.start, passage.end]).tolist()
                stop = min(stop, len(features))
                until = min(passage.end, end)
            words = self.words(passage.text)
            if stop <= start:
                raise UserError(
                    f"{passage.start:.2f} s: said behind the end of the recording, {end:.2f} s"
                )
            offset = float(edges[start])
            found = self._aligner.align(words, posteriors[start:stop], until - offset)
            utterances.append(
                Utterance(passage.speaker, passage.start, until, _later(found, offset))
            )
        return Aligned(one.id, end, tuple(utterances))

    @property
    def _beyond(self) -> float:
        """Seconds that a recording may go on behind its last frame."""
        return (self._spec.window_ms + self._spec.hop_ms) / 1000

    def words(self, text: str) -> list[Spoken]:
        """The words of a text, as they may be said.

        Raises:
            UserError: no word in it, or phones that the run does not know.
        """
        words = words_of(text)
        if not words:
            raise UserError(f"no word in the text {quoted(text.strip())}")
        found = []
        for word in words:
            ways = self._pronouncer.ways(word)
            if not ways:
                self.unknown[word] = self.unknown.get(word, 0) + 1
            found.append(Spoken(word, tuple(self._places(way) for way in ways)))
        return found

    def _places(self, way: Sequence[str]) -> tuple[int, ...]:
        places = []
        for phone in way:
            if (place := self._inventory.place(phone)) is None:
                known = " ".join(self._inventory.spoken)
                raise UserError(f"phone {quoted(phone)} is none of the run's: {known}")
            places.append(place)
        return tuple(places)


def _later(words: Sequence[Any], seconds: float) -> tuple[Any, ...]:
    from dataclasses import replace

    return tuple(
        replace(
            word,
            start=word.start + seconds,
            end=word.end + seconds,
            phones=tuple(
                replace(phone, start=phone.start + seconds, end=phone.end + seconds)
                for phone in word.phones
            ),
        )
        for word in words
    )


def knowledge_of(run: Run, ensemble: Ensemble) -> Knowledge:
    """What a run knows of phones: as it keeps it, or counted now, and kept.

    Raises:
        UserError: it is damaged; or nothing is kept, and the corpus is gone.
    """
    tables = run.tensors(ALIGNMENT)
    if tables is not None:
        try:
            return Knowledge.restore(tables, len(run.classes))
        except UserError as error:
            raise run.damaged(ALIGNMENT, str(error)) from error
    corpus = run.corpus()
    items = items_of([run], corpus, "train")
    found = Knowledge.of(run.task.truth(corpus, items).each(), len(run.classes))
    run.write(ALIGNMENT, save(found.tables()))
    return found


def align_each(
    speech: Speech,
    inputs: Sequence[Input],
    text: str | None,
    *,
    tier: str | None = None,
    refused: Refused | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    passed: Callable[[str], bool] | None = None,
) -> Iterator[Aligned]:
    """Align recordings one after the other; see `Model.align_each`."""
    for done, one in enumerate(inputs, start=1):
        if passed is None or not passed(one.id):
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
