"""Unit vectors of utterances, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bossline.core.errors import UserError
from bossline.core.refusing import Refused
from bossline.core.runtime import Runtime
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.gallery import Vectors, write_vectors
from bossline.tasks.speaker.voices import Voices


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Unit vectors of utterances.

    Attributes:
        ids: (U,) utterance ids, or files as they were given.
        vectors: (U, D) float32.
        weights: fingerprint of the model that made them; others do not compare.
    """

    ids: tuple[str, ...]
    vectors: Vectors
    weights: str

    def each(self) -> list[Embedding]:
        """One by one."""
        return list(map(Embedding, self.ids, self.vectors))

    def write(self, path: Path) -> None:
        """Write a .safetensors: the tensor `embeddings`, and in the metadata `ids` as JSON.

        Raises:
            UserError: the disk is unwilling.
        """
        ids = json.dumps(self.ids, ensure_ascii=False)
        write_vectors(path, self.vectors, {"ids": ids, "weights": self.weights})


@dataclass(frozen=True, eq=False)
class Embedding:
    """The unit vector (D,) of an utterance."""

    id: str
    vector: Vectors

    def to_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        return {"id": self.id, "embedding": self.vector.tolist()}


def embed(
    run: OpenRun,
    inputs: Sequence[str | Path],
    *,
    refused: Refused | None = None,
    device: str = "auto",
) -> Embeddings:
    """Unit vectors of utterances.

    Args:
        run: of the speaker task.
        inputs: feature files, recordings, folders of them, utterance ids of the run's corpus, or
            "train", "validation", "test", "unlabelled".
        refused: called with the name of what cannot be embedded, and why; the others are. None:
            that is an error.

    Raises:
        UserError: no speaker run, or an input that cannot be read or embedded.
    """
    if not inputs:
        raise UserError("give at least one file, utterance or split to embed")
    voices = Voices(run, Runtime.choose(device))
    ids, vectors = voices.embed_all([str(name) for name in inputs], refused)
    return Embeddings(tuple(ids), vectors, voices.weights)
