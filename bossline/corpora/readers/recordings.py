"""Recordings, a folder for each speaker.

SPEAKER/.../NAME.wav   or .flac, .ogg, .opus, .mp3; the id is the path without its suffix

LibriSpeech and VoxCeleb lie on disk so. Features are log-mel without their mean, which takes a
steady channel out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from bossline.corpora.ptfile import DamagedFile
from bossline.corpora.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    inside,
    printable,
    register,
)
from bossline.corpora.speeds import copy_id, part_of
from bossline.errors import UserError
from bossline.features.spec import FeatureSpec

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
_FEATURES = FeatureSpec(kind="log-mel", dim=40, normalisation="mean")


def _recordings(path: Path) -> Iterator[Path]:
    """Audio files in the folders in a folder, at any depth."""
    for speaker in inside(path):
        if speaker.is_dir():
            for file in speaker.rglob("*"):
                visible = not file.name.startswith(".")
                if file.suffix.lower() in _SUFFIXES and visible and file.is_file():
                    yield file


def _load(file: Path, speed: float = 1.0) -> npt.NDArray[Any]:
    from bossline.features.recording import read_recording

    try:
        return read_recording(file, _FEATURES, speed)
    except UserError as error:
        raise DamagedFile(str(error).removeprefix(f"{file}: ")) from error


@register
class Recordings(Reader):
    name = "recordings"
    description = "SPEAKER/.../NAME.wav, .flac, .ogg, .opus or .mp3: who speaks"

    def recognises(self, path: Path) -> bool:
        return next(_recordings(path), None) is not None

    def files(self, path: Path) -> list[Path]:
        return sorted(_recordings(path))

    def at_speeds(self, path: Path, items: Sequence[Item], speeds: Sequence[float]) -> list[Item]:
        return [
            replace(
                item,
                id=copy_id(item.id, speed),
                part=part_of(speed),
                source=f"{item.source} at speed {speed:g}",
                load=partial(_load, path / item.source, speed),
            )
            for speed in speeds
            for item in items
        ]

    def scan(self, path: Path) -> Listing:
        listing = Listing(_FEATURES, ())
        seen: dict[str, str] = {}
        for file in self.files(path):
            name = file.relative_to(path)
            id, source = name.as_posix().removesuffix(file.suffix), printable(name.as_posix())
            if id in seen:
                listing.problems.append(Problem(source, f"the same id as {seen[id]}"))
            elif id.split() != [id] or not id.isprintable():
                why = "white space or unprintable characters in the name"
                listing.problems.append(Problem(source, why, printable(id), "train"))
            else:
                load = partial(_load, file)
                listing.items.append(Item(id, "train", source, load, speaker=name.parts[0]))
            seen.setdefault(id, source)
        if not seen:
            raise UserError(f"{path}: no recordings in the folders of it: one folder a speaker")
        return listing
