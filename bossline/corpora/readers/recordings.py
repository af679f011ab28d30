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
from bossline.corpora.readers.base import Item, Listing, Problem, Reader, register
from bossline.corpora.speeds import copy_id, part_of
from bossline.errors import UserError
from bossline.features.spec import FeatureSpec

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
_FEATURES = FeatureSpec(kind="log-mel", dim=40, normalisation="mean")


def _recordings(path: Path) -> Iterator[Path]:
    """Audio files in the folders in a folder, at any depth."""
    for speaker in path.iterdir():
        if speaker.is_dir() and not speaker.name.startswith("."):
            yield from (
                file
                for file in speaker.rglob("*")
                if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
            )


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
            inside = file.relative_to(path)
            source = inside.as_posix()
            id = source.removesuffix(file.suffix)
            if id in seen:
                listing.problems.append(Problem(source, f"the same id as {seen[id]}"))
                continue
            seen[id] = source
            if id.split() != [id] or not id.isprintable():
                why = "white space or what cannot be printed in the name"
                listing.problems.append(Problem(source, why, id, "train"))
            load = partial(_load, file)
            listing.items.append(Item(id, "train", source, load, speaker=inside.parts[0]))
        if not listing.items:
            raise UserError(f"{path}: no recordings in the folders of it: one folder a speaker")
        return listing
