"""Recordings with labels over time beside them: TextGrids, or any other format of alignments.

ANY/NAME.wav        or another audio file, at any depth; the id is the path without its suffix
ANY/NAME.TextGrid   or .phn, .lab, .phones, .json, .csv, .ctm ...; there or in a parallel folder

A first folder called train, dev, validation or test is that part; the folder of a recording is its
speaker. Frames are labelled by their centres, and what no label covers is silence.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable, visible
from bossline.data.alignments.formats import SEVERAL, NoAlignment, read_all, stem, suffix_of
from bossline.data.alignments.model import Alignment, IntervalTier
from bossline.data.features.spec import OF_SPEECH
from bossline.data.ids import id_fault
from bossline.data.labels import MOST_CLASSES
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    RecordingOptions,
    few,
    passed_over,
    register,
    tree,
)
from bossline.data.readers.recordings import SUFFIXES as RECORDINGS
from bossline.data.readers.recordings import loaded
from bossline.data.timelines import Timeline

_PARTS = {"train": "train", "dev": "validation", "validation": "validation", "test": "test"}
# Where several lie beside a recording: what tells most of phones first. TIMIT's .txt is a sentence.
_ORDER = (".textgrid", ".phn", ".phones", ".lab", ".json", ".csv", ".ctm", ".txt")
_OF_WORDS = (".wrd", ".words")
_TO_THE_END = (".textgrid", ".phn")  # formats that say where the recording ends
_SILENT = ("SIL", "sil", "h#", "sp")  # what is no phone is the first of these that there is


@dataclass(frozen=True)
class _Found:
    """What is in a folder, by ids."""

    recordings: dict[str, Path]
    labels: dict[str, list[Path]]
    several: list[Path]
    """Files that name recordings themselves."""
    others: list[Path]


@register
@dataclass(frozen=True)
class Aligned(Reader):
    name: ClassVar[str] = "aligned"
    description: ClassVar[str] = "recordings with a .TextGrid, .phn, .lab ... beside each: phones"

    goes_before: ClassVar[tuple[str, ...]] = ("recordings",)

    options: RecordingOptions = field(default_factory=RecordingOptions)

    def recognises(self, path: Path) -> bool:
        found = self._found(path)
        return bool(found.recordings.keys() & found.labels.keys())

    def told(self, options: RecordingOptions) -> Reader:
        return replace(self, options=options)

    def files(self, path: Path) -> list[Path]:
        found = self._found(path)
        labels = [file for files in found.labels.values() for file in files]
        every = [*found.recordings.values(), *labels, *found.several]
        return sorted(file for file in every if file.is_file())

    def scan(self, path: Path) -> Listing:
        found = self._found(path)
        if not found.recordings:
            raise UserError(f"{path}: no recordings in it")
        features = self.options.features or OF_SPEECH
        listing = Listing(features, (), passed_over=passed_over(path, found.others))
        tiers, repairs = self._tiers(path, found, listing)
        if repairs:
            put_right = f"{counted(len(repairs), 'thing')} put right in alignments"
            listing.passed_over.append(f"{put_right}: {repairs[0]}" + " ..." * (len(repairs) > 1))
        if alone := self._alone(found):
            files = counted(len(alone), "file")
            listing.passed_over.append(f"{files} without a recording of that name: {few(alone)}")
        classes, silence = _classes(tiers.values())
        if len(classes) > MOST_CLASSES:
            raise UserError(f"{path}: {len(classes):,} different labels are no phones: see --tier")
        numbers = {name: number for number, name in enumerate(classes)}
        for id, file in found.recordings.items():
            part = self.part(id)
            source = printable(os.path.relpath(file, path))
            if fault := id_fault(id):
                listing.problems.append(Problem(source, fault, printable(id), part))
                continue
            tier = tiers.get(id)
            labels = None
            if tier is not None:
                whole = any(suffix_of(file) in _TO_THE_END for file in found.labels.get(id, []))
                labels = Timeline.of(tier, numbers, silence, whole=whole)
            speaker = self.speaker(id)
            listing.items.append(
                Item(
                    id,
                    part,
                    source,
                    partial(loaded, file, features),
                    speaker=speaker,
                    labels=labels,
                )
            )
        return replace(listing, classes=classes)

    def _found(self, path: Path) -> _Found:
        found = _Found({}, defaultdict(list), [], [])
        folder = self.options.folder
        places = [path] if folder is None else [path, folder.expanduser().absolute()]
        for place in places:
            for file in tree(place):
                id = file.relative_to(place).as_posix()
                is_label = suffix_of(file) is not None and (folder is None or place is not path)
                if file.name.startswith("."):
                    continue
                if file.suffix.lower() in RECORDINGS and place is path:
                    if self.skips(id):
                        continue
                    found.recordings.setdefault(id.removesuffix(file.suffix), file)
                elif is_label and suffix_of(file) in SEVERAL:
                    found.several.append(file)
                elif is_label and suffix_of(file) not in _OF_WORDS:
                    above = id.rpartition("/")[0]
                    found.labels[f"{above}/{stem(file)}" if above else stem(file)].append(file)
                elif place is path and not is_label:
                    found.others.append(file)
        return found

    def _tiers(
        self, path: Path, found: _Found, listing: Listing
    ) -> tuple[dict[str, IntervalTier], list[str]]:
        """The phones of each recording by its id, and what readers put right; what is wrong is
        added to the listing's problems."""
        tiers: dict[str, IntervalTier] = {}
        repairs: list[str] = []
        named: dict[str, Alignment] = {}
        for file in found.several:
            try:
                named.update(read_all(file))
            except UserError as error:
                why = str(error).removeprefix(visible(f"{file}: "))
                listing.problems.append(Problem(printable(file.name), why))
        for id, recording in found.recordings.items():
            source = printable(os.path.relpath(recording, path))
            try:
                alignment = _alignment(found.labels.get(id, []), named, id)
                if alignment is None:
                    why = "no labels over time: no alignment of its name"
                    listing.problems.append(Problem(source, why, id, "train"))
                    continue
                tiers[id] = self._phones(alignment)
                repairs += alignment.repairs
            except UserError as error:
                listing.problems.append(Problem(source, str(error), id, "train"))
        return tiers, repairs

    def _alone(self, found: _Found) -> list[str]:
        """What has a file that may hold labels, and no recording."""
        ids = found.labels.keys() - found.recordings.keys()
        return sorted(id for id in ids if not self.skips(id))

    def _phones(self, alignment: Alignment) -> IntervalTier:
        tier = alignment.phones(self.options.tier)
        said = (replace(one, label=self.phone(one.label)) for one in tier.intervals)
        return replace(tier, intervals=tuple(said))

    def phone(self, label: str) -> str:
        """What a label is called as a class; "" where nothing is said."""
        return label.strip()

    def skips(self, id: str) -> bool:
        """Whether a recording is not to be part of the corpus."""
        return False

    def part(self, id: str) -> str:
        """Of a recording."""
        return _PARTS.get(id.split("/")[0].lower(), "train") if "/" in id else "train"

    def speaker(self, id: str) -> str | None:
        """Of a recording; None: nobody knows."""
        if self.options.speaker is not None:
            match = self.options.speaker.search(id)
            return match and (match[1] if match.re.groups else match[0])
        folders = [part for part in id.split("/")[:-1] if part.lower() not in _PARTS]
        return folders[-1] if folders else None


def _alignment(files: list[Path], named: dict[str, Alignment], id: str) -> Alignment | None:
    """Of one recording: from the file that tells most of phones, or from one of several."""
    order = {suffix: place for place, suffix in enumerate(_ORDER)}
    for file in sorted(files, key=lambda file: order.get(suffix_of(file) or "", len(order))):
        try:
            (alignment,) = read_all(file).values()
        except NoAlignment:
            continue
        return alignment
    return named.get(id, named.get(id.rpartition("/")[2]))


def _classes(tiers: Iterable[IntervalTier]) -> tuple[tuple[str, ...], int]:
    """The labels in order, and which of them is silence."""
    labels = {one.label for tier in tiers for one in tier.intervals if one.label}
    silent = next((name for name in _SILENT if name in labels), _SILENT[0])
    names = sorted(labels | {silent})
    return tuple(names), names.index(silent)
