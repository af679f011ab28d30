"""The packed corpus: all frames end to end, memory-mapped, with labels, speakers and ids beside.

It holds items: utterances, images or rows of a table. The frames of an image are its pixels, row by
row; a row of a table is a single frame.

A corpus is a folder: `corpus.json` (see header.py) and safetensors shards. Opening one reads the
header and maps the shards; no frame is touched, so it takes milliseconds and no memory, and
processes share the pages. A shard holds

| tensor     | type             | shape         |                                            |
| ---------- | ---------------- | ------------- | ------------------------------------------ |
| frames     | float16, float32 | (frames, dim) | float32: of rows, or where float16 is not  |
|            | or uint8         |               | enough (precision.py); uint8: of images    |
| labels     | int16            | (frames,)     | of utterances: -1 where the frame has none |
| offsets    | int64            | (items + 1,)  | item u is frames[offsets[u]:offsets[u + 1]] |
| parts      | uint8            | (items,)      | index into the header's parts              |
| speakers   | int32            | (items,)      | index into the header's speakers, -1 unknown |
| categories | int16            | (items,)      | of images: class, -1 unknown               |
| shapes     | int32            | (items, 2)    | of images: height and width                |
| targets    | float64          | (items,)      | of rows: NaN unknown                       |
| ids        | uint8            | (bytes,)      | UTF-8, one id a line                       |

and where the header has a vocabulary, which is only where utterances have strings of their own,

| symbols        | int16 | (symbols,)   | 1 to V, of all strings end to end                     |
| string_offsets | int64 | (items + 1,) | as offsets, into symbols; an item may have none       |
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.html import html_facts
from bossline.core.language import speaking, term, tr
from bossline.core.reading import open_file, reason
from bossline.data import duplicates
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import AGAIN, HEADER, read_header
from bossline.data.shards import open_shard

Ints = npt.NDArray[np.int64]

_BLOCK = 1 << 20  # labels that are counted at a time: bounds memory


class Corpus:
    """An open packed corpus; its arrays are numpy views of the mapped shards.

    Attributes:
        path: its folder.
        name: as it was asked for: a name given at import, or its folder.
        header: what is in it.
        key: names the content: equal keys, equal corpora.
        offsets: (items + 1,) int64, over all shards.
        parts: (items,) uint8 index into `header.parts`.
        speakers: (items,) int32 index into `header.speakers`, -1 where unknown.
        ids: of the items, in the order of the source's own lists.
        categories: (items,) int16 class, -1 where unlabelled; of images only.
        shapes: (items, 2) int32 height and width; of images only.
        targets: (items,) float64, NaN where unknown; of rows only.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        """
        Raises:
            UserError: not a corpus, a newer format, a shard that is missing or other than the
                header says.
        """
        self.path, self.name = path, name or str(path)
        self.header, self.key = read_header(path)
        self._shards = [open_shard(path, shard, self.header) for shard in self.header.shards]
        self._shard_ends = np.cumsum([shard.items for shard in self.header.shards])
        self.ids = tuple(id for shard in self._shards for id in shard.ids)
        self._check_ids()
        self.offsets = self._all_offsets()
        self.parts: npt.NDArray[np.uint8] = self._join("parts")
        self.speakers: npt.NDArray[np.int32] = self._join("speakers")
        kind = self.header.features.kind
        if kind == "image":
            self.categories: npt.NDArray[np.int16] = self._join("categories")
            self.shapes: npt.NDArray[np.int32] = self._join("shapes")
            self._check_counts([self.categories])
        elif kind == "table":
            self.targets: npt.NDArray[np.float64] = self._join("targets")

    def __len__(self) -> int:
        return self.header.items

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {counted(len(self), self.header.features.item)})"

    @speaking()
    def _repr_html_(self) -> str:
        header = self.header
        return html_facts(
            self.name,
            {
                term(f"{header.features.item}s"): f"{len(self):,}",
                tr("parts"): ", ".join(f"{part} {len(self.part(part)):,}" for part in header.parts),
                tr("features"): header.features.describe(),
                term("classes"): len(header.classes) or "",
                term("speakers"): len(header.speakers) or "",
                tr("note"): term(header.note),
                tr("folder"): self.path,
            },
        )

    def _check_ids(self) -> None:
        if len(set(self.ids)) < len(self.ids):
            twice = next(id for id, count in Counter(self.ids).items() if count > 1)
            raise UserError(f"corpus '{self.name}': the id {twice} comes twice; {AGAIN}")

    def _check_counts(self, classes: Sequence[npt.NDArray[np.int16]]) -> None:
        """Hold the classes of frames or images, shard by shard, against the header's counts."""
        counts = self.header.class_counts
        found = np.zeros(len(counts) + 1, np.int64)
        if all(piece.min() >= -1 and piece.max() < len(counts) for piece in classes):
            for piece in classes:
                for start in range(0, len(piece), _BLOCK):
                    block = piece[start : start + _BLOCK].astype(np.int64) + 1
                    found += np.bincount(block, minlength=len(found))
            missing = sum(map(len, classes)) - self.header.labelled_frames
            if found.tolist() == [missing, *counts]:
                return
        raise UserError(f"corpus '{self.name}': other labels than {HEADER} counts; {AGAIN}")

    def _join(self, name: str) -> npt.NDArray[Any]:
        pieces = [shard.tensors[name] for shard in self._shards]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _all_offsets(self) -> Ints:
        if len(self._shards) == 1:
            return np.asarray(self._shards[0].tensors["offsets"])
        lengths = np.concatenate([np.diff(shard.tensors["offsets"]) for shard in self._shards])
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @property
    def dim(self) -> int:
        """Numbers per frame."""
        return self.header.features.dim

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return sum((self.path / shard.file).stat().st_size for shard in self.header.shards)

    @property
    def speech(self) -> FeatureSpec:
        """What a frame is.

        Raises:
            UserError: a corpus of images or of rows.
        """
        if not isinstance(features := self.header.features, FeatureSpec):
            raise UserError(f"corpus '{self.name}' holds {features.item}s, not utterances")
        return features

    @property
    def hours(self) -> float:
        """Of speech."""
        return self.header.frames / self.speech.frames_per_second / 3600

    @cached_property
    def lengths(self) -> Ints:
        """(items,) frames of each item."""
        return np.diff(self.offsets)

    @cached_property
    def originals(self) -> Ints:
        """(items,) the first item of the same values: itself, where it is no copy."""
        return duplicates.originals(self._shards)

    @cached_property
    def _labels(self) -> list[npt.NDArray[np.int16]]:
        """Of each shard, (frames,) class, -1 where unlabelled; of utterances only.

        Checked when they are asked for, not when the corpus is opened: they are as many as frames.

        Raises:
            UserError: other labels than the header counts, or an utterance labelled in part.
        """
        labels: list[npt.NDArray[np.int16]] = [shard.tensors["labels"] for shard in self._shards]
        self._check_counts(labels)
        for shard, some in zip(self._shards, labels, strict=True):
            known, offsets = some >= 0, shard.tensors["offsets"]
            changes = np.flatnonzero(known[1:] != known[:-1]) + 1
            if (within := ~np.isin(changes, offsets)).any():
                place = np.searchsorted(offsets, changes[within][0], side="right") - 1
                raise UserError(
                    f"corpus '{self.name}': only a part of {shard.ids[int(place)]} has labels; "
                    f"{AGAIN}"
                )
        return labels

    @cached_property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """(items,) True with a class or target; of an utterance, all frames or none."""
        match self.header.features.kind:
            case "image":
                return np.asarray(self.categories >= 0)
            case "table":
                return np.isfinite(self.targets)
        firsts = [shard.tensors["offsets"][:-1] for shard in self._shards]
        each = zip(self._labels, firsts, strict=True)
        return np.concatenate([labels[first] >= 0 for labels, first in each])

    @cached_property
    def _symbols(self) -> list[npt.NDArray[np.int16]]:
        """Of each shard, those of its strings, end to end; checked like labels.

        Raises:
            UserError: one that is not in the vocabulary.
        """
        symbols = [shard.tensors["symbols"] for shard in self._shards]
        last = len(self.header.vocabulary)
        if any(some.min(initial=1) < 1 or some.max(initial=1) > last for some in symbols):
            raise UserError(
                f"corpus '{self.name}': symbols outside of the vocabulary, 1..{last}; {AGAIN}"
            )
        return symbols

    @cached_property
    def has_string(self) -> npt.NDArray[np.bool_]:
        """(items,) True with a string of its own, which is not empty."""
        if not self.header.vocabulary:
            return np.zeros(len(self), np.bool_)
        ends = [shard.tensors["string_offsets"] for shard in self._shards]
        return np.concatenate([np.diff(some) > 0 for some in ends])

    def frames(self, item: int) -> npt.NDArray[Any]:
        """One item's features, (T, dim), a view of the file.

        Raises:
            UserError: as check_sizes, of the one shard.
        """
        shard, place = self._place(item)
        return np.asarray(self._shards[shard].tensors["frames"][place])

    def _place(self, item: int, offsets: str = "offsets") -> tuple[int, slice]:
        """Its shard, looked at once more, and its frames there, or what else has offsets."""
        shard = int(np.searchsorted(self._shard_ends, item, side="right"))
        self._shards[shard].check_size()
        local = item - (int(self._shard_ends[shard - 1]) if shard else 0)
        start, stop = self._shards[shard].tensors[offsets][local : local + 2]
        return shard, slice(start, stop)

    def image(self, item: int) -> npt.NDArray[np.uint8]:
        """One image's pixels, (height, width, 3), a view of the file."""
        height, width = self.shapes[item]
        return self.frames(item).reshape(height, width, 3)

    def frame_labels(self, utterance: int) -> npt.NDArray[np.int16]:
        """One utterance's labels, (T,)."""
        shard, place = self._place(utterance)
        return np.asarray(self._labels[shard][place])

    def string(self, utterance: int) -> npt.NDArray[np.int16]:
        """One utterance's own string, (L,) symbols 1 to V; empty where it has none."""
        if not self.header.vocabulary:
            return np.zeros(0, np.int16)
        shard, place = self._place(utterance, "string_offsets")
        return np.asarray(self._symbols[shard][place])

    def part(self, name: str) -> Ints:
        """Indices of the items of one of the source's own parts.

        Raises:
            UserError: no such part; names those there are.
        """
        if name not in self.header.parts:
            known = ", ".join(self.header.parts)
            raise UserError(f"the corpus has no part '{name}'; its parts: {known}")
        return np.flatnonzero(self.parts == self.header.parts.index(name))

    def verify(self, advance: Callable[[int], None] = lambda done: None) -> None:
        """Hash every shard and hold it against the header.

        Args:
            advance: called with the number of bytes read since the last call.

        Raises:
            UserError: names the shards that differ.
        """
        wrong = []
        for shard in self.header.shards:
            digest = hashlib.sha256()
            path = self.path / shard.file
            try:
                with open_file(path) as stream:
                    while block := stream.read(1 << 22):
                        digest.update(block)
                        advance(len(block))
            except OSError as error:
                raise UserError(f"{path}: cannot be read: {reason(error)}; {AGAIN}") from error
            if digest.hexdigest() != shard.sha256:
                wrong.append(shard.file)
        if wrong:
            raise UserError(
                f"corpus '{self.name}': damaged since it was written: {', '.join(wrong)}; {AGAIN}"
            )

    def check_sizes(self) -> None:
        """Look whether the shards are as long as they were when opened; it costs microseconds.

        A mapped file that another program cuts short ends the process by a bus error, without a
        word, as soon as a lost page is touched. bossline itself replaces packs as a whole, which
        leaves the old ones readable to whoever has opened them.

        Raises:
            UserError: names the shard.
        """
        for shard in self._shards:
            shard.check_size()
