"""Recordings, a folder for each speaker.

SPEAKER/.../NAME.wav   or another audio file; the id is the path without its suffix

LibriSpeech and VoxCeleb lie on disk so. Unless others are asked for, features are log-mel without
their mean, which takes a steady channel out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError, printable, visible
from bossline.data.features.spec import FeatureSpec
from bossline.data.ids import id_fault
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    RecordingOptions,
    inside,
    passed_over,
    register,
    tree,
)
from bossline.data.speeds import copy_id, part_of

# Also what cannot be decoded here: it is named, as a recording that is missing would not be.
SUFFIXES = set(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64 .sph .nist "
    ".m4a .aac .wma .amr .webm .weba .mka .3gp .shn .ape .wv".split()
)
_FEATURES = FeatureSpec(kind="log-mel", dim=40, normalisation="mean")


class _Found(NamedTuple):
    """What is in a folder, in order."""

    recordings: list[Path]
    stray: list[Path]
    """Recordings that are in no speaker's folder."""
    others: list[Path]


def _is_recording(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _found(path: Path) -> _Found:
    found = _Found([], [], [])
    for entry in inside(path):
        files = tree(entry) if entry.is_dir() else [entry]
        for file in files:
            if not _is_recording(file):
                found.others.append(file)
            elif file is entry:
                found.stray.append(file)
            else:
                found.recordings.append(file)
    found.recordings.sort()
    return found


def loaded(file: Path, features: FeatureSpec, speed: float = 1.0) -> npt.NDArray[Any]:
    """(T, dim) features of a recording, as an item of a source.

    Raises:
        DamagedFile: it cannot be read.
    """
    from bossline.data.features.recording import read_recording

    try:
        return read_recording(file, features, speed)
    except UserError as error:
        raise DamagedFile(str(error).removeprefix(visible(f"{file}: "))) from error


@register
@dataclass(frozen=True)
class Recordings(Reader):
    name: ClassVar[str] = "recordings"
    description: ClassVar[str] = (
        "SPEAKER/.../NAME.wav, .flac, .ogg, .mp3 or other audio: who speaks"
    )

    features: FeatureSpec = _FEATURES

    def told(self, options: RecordingOptions) -> Reader:
        if options.features is None:
            return super().told(options)
        super().told(replace(options, features=None))
        return replace(self, features=options.features)

    def recognises(self, path: Path) -> bool:
        speakers = (entry for entry in inside(path) if entry.is_dir())
        return any(_is_recording(file) for speaker in speakers for file in tree(speaker))

    def files(self, path: Path) -> list[Path]:
        found = _found(path)
        return [file for file in found.recordings + found.stray if file.is_file()]

    def at_speeds(self, path: Path, items: Sequence[Item], speeds: Sequence[float]) -> list[Item]:
        return [
            replace(
                item,
                id=copy_id(item.id, speed),
                part=part_of(speed),
                source=f"{item.source} at speed {speed:g}",
                load=partial(loaded, path / item.source, self.features, speed),
            )
            for speed in speeds
            for item in items
        ]

    def scan(self, path: Path) -> Listing:
        found = _found(path)
        listing = Listing(self.features, (), passed_over=passed_over(path, found.others))
        seen: dict[str, str] = {}
        for file in found.recordings:
            name = file.relative_to(path)
            id, source = name.as_posix().removesuffix(file.suffix), printable(name.as_posix())
            if id in seen:
                listing.problems.append(Problem(source, f"the same id as {seen[id]}"))
            elif fault := id_fault(id):
                listing.problems.append(Problem(source, fault, printable(id), "train"))
            else:
                load = partial(loaded, file, self.features)
                listing.items.append(Item(id, "train", source, load, speaker=name.parts[0]))
            seen.setdefault(id, source)
        for file in found.stray:
            why = "in no speaker's folder: move it into one that is named after who speaks"
            source = printable(file.name)
            listing.problems.append(Problem(source, why, source, "train"))
        if not listing.items and not listing.problems:
            raise UserError(f"{path}: no recordings in the folders of it: one folder a speaker")
        return listing
