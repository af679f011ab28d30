"""Write a packed corpus, item by item, as a whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from bossline.core.errors import UserError
from bossline.core.files import replacing_folder
from bossline.data.features.spec import Features
from bossline.data.header import FORMAT, Header, LeftOut, Shard, Source, write_header
from bossline.data.ids import id_fault
from bossline.data.packed import Corpus
from bossline.data.precision import HalfPrecision, Moments, moments
from bossline.data.stamps import stamp_written

SHARD_BYTES = 256 << 20
_NO_SPEAKER = -1
_NO_LABEL = -1


class CorpusWriter:
    """Collects items and writes a shard whenever enough are there. Made by `writing`."""

    def __init__(
        self,
        folder: Path,
        features: Features,
        classes: Sequence[str],
        speakers: Sequence[str],
        vocabulary: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._features = features
        self._classes = tuple(classes)
        self._counts = np.zeros(len(self._classes), np.int64)
        self._vocabulary = tuple(vocabulary)
        self._parts: list[str] = []
        self._speakers = {speaker: number for number, speaker in enumerate(speakers)}
        self._shards: list[Shard] = []
        self._left_out: list[LeftOut] = []
        self._noticed: list[str] = []
        self._known: set[str] = set()
        self._clear()

    def _clear(self) -> None:
        self._frames: list[npt.NDArray[Any]] = []
        self._labels: list[npt.NDArray[np.int16]] = []
        self._strings: list[npt.NDArray[np.int16]] = []
        self._ids: list[str] = []
        self._part: list[int] = []
        self._speaker: list[int] = []
        self._category: list[int] = []
        self._target: list[float] = []
        self._shape: list[tuple[int, ...]] = []
        self._bytes = 0
        self._half = HalfPrecision(self._features.dim)

    def add(
        self,
        id: str,
        values: npt.NDArray[Any],
        *,
        part: str,
        labels: npt.NDArray[Any] | None = None,
        string: npt.NDArray[Any] | None = None,
        speaker: str | None = None,
        category: int | None = None,
        target: float | None = None,
        known: Moments | None = None,
    ) -> None:
        """Append one item. The caller has checked all of it but its id.

        Args:
            id: unique in the corpus; see ids.py.
            values: frames (T, dim), a row (1, dim), or an image (H, W, 3) uint8.
            part: the source's own division it belongs to.
            labels: (T,) class of each frame, or None for an unlabelled utterance.
            string: (L,) symbols 1 to V, or None; only where there is a vocabulary.
            speaker: who speaks, where known.
            category: class of an image, where known.
            target: of a row, where known.
            known: of frames as float32, where another process has worked them out.

        Raises:
            UserError: an id that cannot be one, or comes a second time.
        """
        if fault := id_fault(id) or ("there is such an id already" if id in self._known else None):
            raise UserError(f"{id!a}: {fault}")
        self._known.add(id)
        if part not in self._parts:
            self._parts.append(part)
        self._ids.append(id)
        self._shape.append(values.shape[:2])
        self._keep(values.reshape(-1, self._features.dim), known)
        self._labels.append(
            np.full(len(values), _NO_LABEL, np.int16) if labels is None else labels.astype(np.int16)
        )
        self._strings.append(np.array(() if string is None else string, np.int16))
        classes = category if labels is None else labels
        if classes is not None:
            self._counts += np.bincount(
                np.atleast_1d(classes).astype(np.int64), minlength=len(self._classes)
            )
        self._part.append(self._parts.index(part))
        self._speaker.append(
            _NO_SPEAKER
            if speaker is None
            else self._speakers.setdefault(speaker, len(self._speakers))
        )
        self._category.append(_NO_LABEL if category is None else category)
        self._target.append(np.nan if target is None else target)
        if self._bytes >= SHARD_BYTES:
            self._flush()

    def _keep(self, values: npt.NDArray[Any], known: Moments | None) -> None:
        """Hold (n, dim) as it is: how it is stored is known once the shard is full."""
        match self._features.kind:
            case "image":
                size = 1
            case "table":
                values, size = values.astype(np.float32), 4
            case _:
                values = values.astype(np.float32)
                size = 2 if self._half.add(known or moments(values)) else 4
        self._frames.append(values)
        self._bytes += values.size * size

    def _joined(self) -> npt.NDArray[Any]:
        """(frames, dim) of the shard, in the type that the corpus keeps; lets the pieces go."""
        match self._features.kind:
            case "image":
                dtype: npt.DTypeLike = np.uint8
            case "table":
                dtype = np.float32
            case _:
                dtype = np.float16 if self._half.is_enough else np.float32
        joined = np.empty((sum(map(len, self._frames)), self._features.dim), dtype)
        end = len(joined)
        while self._frames:  # from the end, so that never all of them are there twice
            piece = self._frames.pop()
            joined[end - len(piece) : end] = piece
            end -= len(piece)
        return joined

    def leave_out(self, id: str, *, part: str, why: str) -> None:
        """Record an item that the source names and that is damaged."""
        if part not in self._parts:
            self._parts.append(part)
        self._left_out.append(LeftOut(id=id, part=part, why=why))

    def _flush(self) -> None:
        if not self._ids:
            return
        lengths = [len(piece) for piece in self._frames]
        file = f"shard-{len(self._shards):05d}.safetensors"
        tensors = {
            "frames": self._joined(),
            "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "parts": np.array(self._part, np.uint8),
            "speakers": np.array(self._speaker, np.int32),
            "ids": np.frombuffer("".join(f"{id}\n" for id in self._ids).encode(), np.uint8),
        }
        if self._features.kind == "image":
            tensors["shapes"] = np.array(self._shape, np.int32)
            tensors["categories"] = np.array(self._category, np.int16)
        elif self._features.kind == "table":
            tensors["targets"] = np.array(self._target, np.float64)
        else:
            tensors["labels"] = np.concatenate(self._labels)
        if self._vocabulary:
            ends = np.cumsum([len(string) for string in self._strings])
            tensors["symbols"] = np.concatenate(self._strings)
            tensors["string_offsets"] = np.concatenate([[0], ends]).astype(np.int64)
        save_file(tensors, self._folder / file)
        with (self._folder / file).open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        self._shards.append(
            Shard(file=file, items=len(lengths), frames=sum(lengths), sha256=sha256)
        )
        self._clear()

    def notice(self, what: str) -> None:
        """Something odd about an item that is there, with its name."""
        self._noticed.append(what)

    def finish(self, source: Source, note: str, passed_over: Sequence[str]) -> None:
        """Write the last shard and the header."""
        self._flush()
        write_header(
            self._folder,
            Header(
                format=FORMAT,
                features=self._features,
                classes=self._classes,
                class_counts=tuple(int(count) for count in self._counts),
                parts=tuple(self._parts),
                speakers=tuple(self._speakers),
                items=sum(shard.items for shard in self._shards),
                frames=sum(shard.frames for shard in self._shards),
                labelled_frames=int(self._counts.sum()),
                shards=tuple(self._shards),
                left_out=tuple(self._left_out),
                source=source,
                vocabulary=self._vocabulary,
                note=note,
                passed_over=tuple(passed_over),
                noticed=tuple(self._noticed),
            ),
        )


@contextmanager
def writing(
    path: Path,
    *,
    features: Features,
    classes: Sequence[str],
    source: Source,
    note: str = "",
    speakers: Sequence[str] = (),
    vocabulary: Sequence[str] = (),
    passed_over: Sequence[str] = (),
) -> Iterator[CorpusWriter]:
    """Write a corpus folder: it appears at `path` when the block ends well, else nothing does.

    Args:
        path: of the folder; one that is there is replaced.
        features: what a frame is.
        classes: name of label 0, 1, ...; none where frames have no labels.
        source: where the frames come from.
        note: a remark that every report repeats.
        speakers: speaker 0, 1, ...; any other gets the next number when it first comes.
        vocabulary: name of symbol 1, 2, ..., where utterances have strings of their own.
        passed_over: what lay among the items and is none.

    Raises:
        UserError: the disk is full or read-only.
    """
    with replacing_folder(path) as folder:
        writer = CorpusWriter(folder, features, classes, speakers, vocabulary)
        yield writer
        writer.finish(source, note, passed_over)
    stamp_written(Corpus(path))
