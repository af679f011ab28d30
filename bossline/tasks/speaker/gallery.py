"""Embeddings as a file: one safetensors, with text in its metadata that says whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bossline.core.archives import DamagedFile
from bossline.core.config import Config
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import write_bytes
from bossline.core.language import tr
from bossline.core.reading import check_file, reason

Vectors = npt.NDArray[np.float32]

_TENSOR = "embeddings"
_ROUNDING = 1e-3


def write_vectors(path: Path, vectors: Vectors, metadata: Mapping[str, str]) -> None:
    """Replace a file of embeddings (U, D) as a whole.

    Raises:
        UserError: the disk is unwilling.
    """
    write_bytes(path, save({_TENSOR: np.ascontiguousarray(vectors)}, metadata=dict(metadata)))


def read_vectors(path: Path) -> tuple[Vectors, dict[str, str]]:
    """Embeddings (U, D) and the metadata of their file.

    Raises:
        DamagedFile: missing, unreadable, or no finite float32 embeddings.
    """
    try:
        check_file(path)
        with safe_open(path, framework="np") as content:
            metadata: dict[str, str] = content.metadata() or {}
            vectors = np.asarray(content.get_tensor(_TENSOR))
    except OSError as error:
        raise DamagedFile(f"cannot be read: {reason(error)}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(str(error)) from error
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        raise DamagedFile(f"no finite float32 embeddings, but {vectors.dtype} {vectors.shape}")
    return vectors, metadata


def are_unit(vectors: Vectors) -> bool:
    """Whether vectors (U, D) have length 1, as far as float32 goes."""
    return bool((np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1) < _ROUNDING).all())


# Enrolled speakers: a name, a unit vector, and the recordings that it was made of.


UNKNOWN = "unknown"
"""The answer where nobody enrolled is near enough; nobody's name."""

_SHOWN = 3  # recordings, in a line for people


class Enrolment(Config):
    """One speaker."""

    speaker: str
    recordings: tuple[str, ...] = Field(min_length=1, description="files as given, utterance ids")
    joined: bool = Field(description="frames were joined; else the recordings' vectors averaged")

    def __str__(self) -> str:
        """What it is made of, in the language that is spoken.

        >>> str(Enrolment(speaker="ann", recordings=("a.npy", "b.npy"), joined=False))
        '2 recordings, averaged: a.npy, b.npy'
        """
        count, names = len(self.recordings), ", ".join(self.recordings[:_SHOWN])
        if count > _SHOWN:
            names += " ..."
        recordings = counted(count, "recording")
        if count == 1:
            return tr("{recordings}: {names}", recordings=recordings, names=names)
        if self.joined:
            return tr("{recordings}, joined: {names}", recordings=recordings, names=names)
        return tr("{recordings}, averaged: {names}", recordings=recordings, names=names)


class _Header(Config):
    weights: str
    enrolled: tuple[Enrolment, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """All enrolled speakers of a run.

    Attributes:
        weights: fingerprint of the model that made the vectors.
        enrolled: (S,) in the order of enrolment.
        vectors: (S, D) float32, unit length.
    """

    weights: str
    enrolled: tuple[Enrolment, ...]
    vectors: Vectors

    def find(self, speaker: str) -> Enrolment | None:
        """The enrolment of a name."""
        return next((one for one in self.enrolled if one.speaker == speaker), None)

    def enrol(self, enrolment: Enrolment, vector: Vectors) -> Gallery:
        """A gallery with one more speaker (D,), who takes the place of one of that name."""
        others = [k for k, one in enumerate(self.enrolled) if one.speaker != enrolment.speaker]
        return Gallery(
            weights=self.weights,
            enrolled=(*(self.enrolled[k] for k in others), enrolment),
            vectors=np.concatenate([self.vectors[others], vector[None]]),
        )

    def write(self, path: Path) -> None:
        """Replace the gallery's file as a whole.

        Raises:
            UserError: the disk is unwilling.
        """
        header = _Header(weights=self.weights, enrolled=self.enrolled)
        write_vectors(path, self.vectors, {"gallery": header.model_dump_json()})


def read_gallery(path: Path, weights: str, dim: int) -> Gallery:
    """The gallery of a file; an empty one where there is none.

    Args:
        path: of the file.
        weights: fingerprint of the model that is to compare the vectors.
        dim: numbers of its vectors.

    Raises:
        UserError: damaged, or made by other weights.
    """
    if not path.exists():
        return Gallery(weights, (), np.empty((0, dim), np.float32))
    try:
        vectors, metadata = read_vectors(path)
        header = _Header.model_validate_json(metadata.get("gallery", ""))
    except DamagedFile as error:
        raise _again(path, f"is damaged: {error}") from error
    except ValidationError as error:
        raise _again(path, "is damaged: its metadata name no speakers") from error
    if header.weights != weights:
        raise _again(path, "was made by other weights than the run has now")
    if vectors.shape != (len(header.enrolled), dim):
        raise _again(
            path,
            f"is damaged: vectors of shape {vectors.shape} for {len(header.enrolled)} speakers "
            f"and {dim} dimensions",
        )
    if not are_unit(vectors):
        raise _again(path, "is damaged: its vectors are not of length 1")
    if len({one.speaker for one in header.enrolled}) < len(header.enrolled):
        raise _again(path, "is damaged: a speaker is enrolled twice")
    return Gallery(weights, header.enrolled, vectors)


def _again(path: Path, why: str) -> UserError:
    return UserError(f"{path} {why}: delete it and enroll its speakers again")
