"""Voices as directions: unit vectors of utterances, near each other for one speaker."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError, did_you_mean
from bossline.core.refusing import Refused, by_halves, refusing
from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec
from bossline.data.inputs import inputs_of, read_features
from bossline.data.packed import Corpus, Ints
from bossline.data.splits import SPLITS, UNHEARD
from bossline.tasks.base import OpenRun, Pieces
from bossline.tasks.speaker.gallery import Vectors, read_vectors, write_vectors
from bossline.tasks.speaker.task import embed
from bossline.tasks.speaker.verification.error_rates import Floats
from bossline.tasks.speaker.verification.normalisation import ScoreScale, as_norm, cosine_scores
from bossline.tasks.trained import UNLABELLED, TrainedModel, check_finite, items_of

_COHORT = "sha256"  # of its file's metadata
_SPLITS = (*SPLITS, UNHEARD, UNLABELLED)


class Voices:
    """A speaker run with its best weights, ready to embed and to compare.

    Attributes:
        weights: fingerprint (SHA-256) of the weights.
    """

    def __init__(self, run: OpenRun, runtime: Runtime) -> None:
        """
        Raises:
            UserError: a run of another task, or its weights are missing or damaged.
        """
        self.run, self._runtime = check_speaker_run(run), runtime
        assert isinstance(run.features, FeatureSpec)  # a speaker task takes no others
        self._features = run.features
        trained = TrainedModel(run, runtime)
        self._model = trained.model
        self.weights = trained.fingerprint

    @cached_property
    def corpus(self) -> Corpus:
        """See Run.corpus."""
        return self.run.corpus()

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each utterance stands in the corpus."""
        return {id: place for place, id in enumerate(self.corpus.ids)}

    def read(self, name: str) -> npt.NDArray[Any]:
        """(T, dim) features of a file, or of an utterance of the run's corpus by its id.

        Raises:
            UserError: neither (with the nearest id), or a file of other features.
        """
        return self._read(name, ())

    def read_all(
        self, names: Sequence[str], refused: Refused | None = None
    ) -> list[tuple[str, npt.NDArray[Any]]]:
        """Ids and features of files, folders of them, utterances, and whole splits of the corpus.

        Args:
            refused: see `refusing`.

        Raises:
            UserError: none of these (with the nearest name), or an empty split.
        """
        found: list[tuple[str, npt.NDArray[Any]]] = []
        for name in names:
            with refusing(refused, name):
                if name in _SPLITS:
                    utterances = items_of([self.run], self.corpus, name)
                    ids, pieces = self._ids(utterances), self._pieces(utterances)
                    found += zip(ids, pieces, strict=True)
                elif os.path.isdir(name):
                    for one in inputs_of(name, self._features, None, 1):
                        with refusing(refused, one.name):
                            found.append((one.name, one.read()))
                else:
                    found.append((name, self._read(name, _SPLITS)))
        return found

    def embed_all(
        self, names: Sequence[str], refused: Refused | None = None
    ) -> tuple[list[str], Vectors]:
        """Ids and unit vectors (U, D) of what `read_all` reads.

        Raises:
            UserError: as `read_all` and `embed`.
        """

        def embedded(
            read: Sequence[tuple[str, npt.NDArray[Any]]],
        ) -> list[tuple[str, npt.NDArray[np.float32]]]:
            ids = [id for id, _ in read]
            return list(zip(ids, self.embed(ids, [piece for _, piece in read]), strict=True))

        found = by_halves(self.read_all(names, refused), embedded, refused)
        if not found:
            return [], np.empty((0, 0), np.float32)
        return [id for id, _ in found], np.stack([vector for _, vector in found])

    def _read(self, name: str, splits: Sequence[str]) -> npt.NDArray[Any]:
        """`splits`: further names that would have been understood."""
        if os.path.isfile(name):  # False, too, of a name that is too long for any file
            return read_features(Path(name), self._features)
        try:
            places = self._places
        except UserError as error:
            raise UserError(f"{name}: no such file, and {error}") from error
        if name not in places:
            known = (*splits, *places)
            shown = get_close_matches(name, known) or [*splits, *sorted(places)[:5]]
            a_split = "a split, " if splits else ""
            raise UserError(
                f"'{name}' is neither a file, {a_split}nor an utterance of corpus "
                f"'{self.run.corpus_name}': {did_you_mean(name, shown)}"
            )
        return self.corpus.frames(places[name])

    def _ids(self, utterances: Ints) -> list[str]:
        return [self.corpus.ids[u] for u in utterances]

    def _pieces(self, utterances: Ints) -> list[npt.NDArray[Any]]:
        return [self.corpus.frames(int(u)) for u in utterances]

    def embed(self, names: Sequence[str], pieces: Pieces) -> Vectors:
        """(U, D) unit vectors: of whole utterances, or the mean of their views.

        Args:
            names: (U,) what errors call them.
            pieces: features of the utterances, (T, dim) each.

        Raises:
            UserError: one of silence only, or too short for the encoder; or the model's answer is
                no number.
        """
        refuse_silence(names, pieces)
        try:
            vectors = embed(self._model, self.run.recipe, pieces, self._runtime)
        except UserError as error:  # an encoder refuses what is too short
            shortest = int(np.argmin([len(piece) for piece in pieces]))
            raise UserError(f"{names[shortest]}: {error}") from error
        found = np.asarray(vectors.cpu().numpy())
        check_finite(found, self.run)
        return found

    def scores(
        self, vectors: Vectors, enrol: npt.ArrayLike, test: npt.ArrayLike, scale: ScoreScale
    ) -> Floats:
        """(N,) scores of pairs of vectors (U, D): rows enrol (N,) and test (N,) of them.

        Raises:
            UserError: AS-norm with a corpus that is gone, or of a single training speaker.
        """
        if scale == "as-norm":
            return as_norm(vectors, enrol, test, self.cohort())
        return cosine_scores(vectors, enrol, test)

    def cohort(self) -> Vectors:
        """(S, D) mean vector of each training speaker, made once and kept in the run folder.

        Raises:
            UserError: the corpus is gone, or has changed.
        """
        path = self.run.path / "cohort.safetensors"
        try:
            kept, metadata = read_vectors(path)
            if metadata.get(_COHORT) == self._seal(kept):
                return kept
        except DamagedFile:
            pass  # not there yet, or damaged: it is made again
        utterances = items_of([self.run], self.corpus, "train")
        vectors = self.embed(self._ids(utterances), self._pieces(utterances))
        speakers = self.corpus.speakers[utterances]
        means = np.stack([vectors[speakers == one].mean(0) for one in np.unique(speakers)])
        write_vectors(path, means, {_COHORT: self._seal(means)})
        return means

    def _seal(self, cohort: Vectors) -> str:
        """SHA-256 of a cohort and of the weights that it was made by."""
        content = f"{self.weights} {cohort.shape}".encode() + cohort.tobytes()
        return hashlib.sha256(content).hexdigest()


def check_speaker_run(run: OpenRun) -> OpenRun:
    """The run itself.

    Raises:
        UserError: a run of another task.
    """
    if run.task.name != "speaker":
        raise UserError(
            f"{run.path} is no speaker run ({run.recipe.name} is for the task {run.recipe.task}): "
            "train one, e.g. bossline train speaker/simple -c CORPUS"
        )
    return run


def refuse_silence(names: Sequence[str], pieces: Pieces) -> None:
    """
    Raises:
        UserError: all frames of an utterance are equal.
    """
    for name, piece in zip(names, pieces, strict=True):
        if len(piece) > 1 and (piece == piece[0]).all():
            raise UserError(f"{name}: all frames are equal, silence only: there is no voice in it")
