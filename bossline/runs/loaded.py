"""A run, or several, loaded once and asked often."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from bossline.core.errors import UserError, did_you_mean
from bossline.core.refusing import Refused, by_halves, refusing
from bossline.core.runtime import Runtime
from bossline.data.inputs import Array, Input, Source, apart, inputs_of
from bossline.data.passages import SUFFIXES as TEXTS
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.splits import SPLITS, UNHEARD
from bossline.runs.aligning import Speech, align_each
from bossline.runs.engine import Runs, opened_runs, searching
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.prediction import Prediction
from bossline.tasks.trained import UNLABELLED, Ensemble, Smoothing, items_of, smoother_of

Inputs = Source | Sequence[Source]
Progress = Callable[[str, int, int], None]

ASKABLE = (*SPLITS, UNHEARD, UNLABELLED)
"""Splits of a run's corpus, by name."""

_AT_ONCE = 256  # files whose features are in memory together
_BYTES_AT_ONCE = 1 << 25  # of these features; half an hour of speech


class Model:
    """A run's best weights, or those of several runs that answer as one, ready to be asked.

    It stays in evaluation mode, so that threads may share it: each gets what it would get alone.

    Attributes:
        runs: whose weights they are.
        features: what it takes.
        classes: names of what it answers with; none where that is a value.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        smoothing: Smoothing | None = None,
        decoding: Sequence[str] = (),
        device: str = "auto",
    ) -> None:
        """See `load`."""
        self.runs = tuple(opened_runs(runs))
        recipes = searching(self.runs, decoding)
        self._ensemble = Ensemble(self.runs, Runtime.choose(device), recipes)
        self._smoother = smoother_of(self.runs[0], smoothing)
        self._task = self.runs[0].task
        self.features, self.classes = self._ensemble.features, self._ensemble.classes

    @property
    def fingerprints(self) -> list[str]:
        """SHA-256 of the weights of each run."""
        return [member.fingerprint for member in self._ensemble.members]

    def __repr__(self) -> str:
        which = ", ".join(f"{run.path}: {run.label}" for run in self.runs)
        return f"Model({which})"

    def predict(
        self,
        inputs: Inputs,
        *,
        rate: float | None = None,
        refused: Refused | None = None,
        progress: Progress | None = None,
    ) -> list[Prediction]:
        """What it makes of some inputs, in their order; many are answered in batches.

        Args:
            inputs: one, or a list of them: a recording, a feature file (.pt, .npy), an image, or a
                folder of these; "train", "validation", "test", "unheard" or "unlabelled", which
                are splits of the run's corpus; an array or a tensor of samples (with `rate`), of
                features (T, D), of an image (H, W, 3) uint8, or of rows (N, D). The id of a
                prediction is a file's name without its ending, or the number of an array.
            rate: Hz of samples; several channels are averaged, as those of a file.
            refused: called with the name of what cannot be answered, and why; the others are
                answered. None: that is an error.
            progress: called with what is done, how many inputs, and of how many.

        Raises:
            UserError: an input that cannot be read or answered; begins with its name.
        """
        return list(self.predict_each(inputs, rate=rate, refused=refused, progress=progress))

    def predict_each(
        self,
        inputs: Inputs,
        *,
        rate: float | None = None,
        refused: Refused | None = None,
        progress: Progress | None = None,
        passed: Callable[[Input], bool] | None = None,
    ) -> Iterator[Prediction]:
        """As `predict`, one after the other: no more than a few hundred inputs are in memory, and
        of recordings about half an hour, or one.

        Args:
            inputs, rate, refused, progress: as in `predict`.
            passed: whether to pass by an input, unread.

        Raises:
            UserError: as `predict`, before or between predictions.
        """
        self._ensemble.equip()  # what is missing of the run is not the fault of an input
        groups = self._groups(inputs, rate, refused)
        done, total = 0, sum(map(len, groups))
        for group in groups:
            read: list[tuple[str, tuple[str, Array]]] = []
            held = 0
            for one in group:
                if passed is None or not passed(one):
                    with refusing(refused, one.name):
                        features = one.read()
                        read.append((one.name, (one.id, features)))
                        held += features.nbytes if one.path is not None else 0
                if held >= _BYTES_AT_ONCE:
                    yield from by_halves(read, self._answer, refused)
                    read, held = [], 0
                done += 1
                if progress is not None:
                    progress("reading", done, total)
            yield from by_halves(read, self._answer, refused)

    def align(
        self,
        inputs: Inputs,
        text: str | None = None,
        *,
        dictionary: str | Path | None = None,
        phones: bool = False,
        tier: str | None = None,
        rate: float | None = None,
        refused: Refused | None = None,
        progress: Progress | None = None,
    ) -> list[Aligned]:
        """When each word and phone of a known text is said.

        Args:
            inputs: recordings or feature files, a list or a folder of them, or arrays, as of
                `predict`; no splits.
            text: what is said in it; None: as a .lab, .txt or .TextGrid beside each file says.
            dictionary: a file of pronunciations, which go before those of CMUdict.
            phones: the text is of phones of the run, words apart by "|".
            tier: of a .TextGrid, which holds the text.
            rate, refused, progress: as of `predict`.

        Raises:
            UserError: a run that does not know of times, or an input that cannot be read, has no
                text or less room than its text takes; begins with its name.
        """
        return list(
            self.align_each(
                inputs,
                text,
                dictionary=dictionary,
                phones=phones,
                tier=tier,
                rate=rate,
                refused=refused,
                progress=progress,
            )
        )

    def align_each(
        self,
        inputs: Inputs,
        text: str | None = None,
        *,
        dictionary: str | Path | None = None,
        phones: bool = False,
        tier: str | None = None,
        rate: float | None = None,
        refused: Refused | None = None,
        progress: Progress | None = None,
        passed: Callable[[Input], bool] | None = None,
        pronounced: Callable[[Pronouncer], None] | None = None,
    ) -> Iterator[Aligned]:
        """As `align`, one after the other: one recording is in memory at a time.

        Args:
            passed: whether to pass by an input, unread.
            pronounced: given who knows how words are said, and what was guessed, before the first.

        Raises:
            UserError: as `align`, before or between recordings.
        """
        speech = Speech(self.runs, self._ensemble, dictionary, phones)
        if pronounced is not None:
            pronounced(speech.pronouncer)
        listed: list[Input] = []
        for source in _several(inputs):
            with refusing(refused, str(source)):
                check_there(source)
                first = len(listed) + 1
                listed += inputs_of(source, self.features, rate, first, TEXTS)
        yield from align_each(
            speech,
            apart(listed),
            text,
            tier=tier,
            refused=refused,
            progress=progress,
            passed=passed,
        )

    def _groups(
        self, inputs: Inputs, rate: float | None, refused: Refused | None
    ) -> list[list[Input]]:
        """What is answered together: a split as a whole, so many of all else."""
        listed: list[Input] = []
        bounds = [0]
        for source in _several(inputs):
            with refusing(refused, str(source)):
                if isinstance(source, str) and source in ASKABLE:
                    split = self._split(source)
                    bounds += [len(listed), len(listed) + len(split)]
                    listed += split
                else:
                    check_there(source)
                    listed += inputs_of(source, self.features, rate, len(listed) + 1)
            if len(listed) - bounds[-1] >= _AT_ONCE:
                bounds += range(bounds[-1] + _AT_ONCE, len(listed) + 1, _AT_ONCE)
        listed = apart(listed)
        ends = [*bounds[1:], len(listed)]
        groups = [listed[start:end] for start, end in zip(bounds, ends, strict=True)]
        return [group for group in groups if group]

    def _split(self, name: str) -> list[Input]:
        corpus = self.runs[0].corpus()
        chosen = items_of(self.runs, corpus, name)
        pieces = self._task.pieces(corpus, chosen)
        ids = [corpus.ids[u] for u in chosen]
        return [
            Input(id, id, partial(np.asarray, piece)) for id, piece in zip(ids, pieces, strict=True)
        ]

    def _answer(self, read: Sequence[tuple[str, tuple[str, Array]]]) -> Sequence[Prediction]:
        """Of inputs by their names, ids and features."""
        ids, pieces = [id for _, (id, _) in read], [piece for _, (_, piece) in read]
        try:
            answers = self._ensemble.answers(pieces)
            decided = self._task.decide(answers, self._smoother)
        except UserError as error:
            raise UserError(f"{read[0][0]}: {error}") from error
        found = self._task.predict(ids, answers, decided, self.features, self.classes)
        return [one.of_frames(len(piece)) for one, piece in zip(found, pieces, strict=True)]


def _several(inputs: Inputs) -> Sequence[Source]:
    return [inputs] if isinstance(inputs, str | Path | np.ndarray | Tensor) else inputs


def check_there(source: Source) -> None:
    """
    Raises:
        UserError: a word that is neither a split nor what looks like a file or a folder.
    """
    if isinstance(source, str) and not Path(source).suffix and not os.path.lexists(source):
        raise UserError(
            f"'{source}' is neither a file, a folder nor a split: {did_you_mean(source, ASKABLE)}"
        )


def load(
    runs: Runs,
    *,
    smoothing: Smoothing | None = None,
    decoding: Sequence[str] = (),
    device: str = "auto",
) -> Model:
    """Load a run, or several that answer as one, to be asked as often as needed.

    Args:
        runs: a run or its folder, or several: they answer by the mean of their log-probabilities,
            or of their values.
        smoothing: None: as the (first) run's recipe says.
        decoding: of strings: "beam=16" and the like, in place of what the recipes say.
        device: "auto", "cpu", "cuda", "cuda:1".

    Raises:
        UserError: no run there, or it is damaged; or runs that do not go together.
    """
    return Model(runs, smoothing=smoothing, decoding=decoding, device=device)
