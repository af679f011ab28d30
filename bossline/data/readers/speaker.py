"""The speaker set of the courses: log-mel features of utterances, by 600 speakers of VoxCeleb.

    metadata.json   {"n_mels": 40, "speakers": {SPEAKER: [{"feature_path", "mel_len"}, ...], ...}}
    testdata.json   {"n_mels": 40, "utterances": [{"feature_path", "mel_len"}, ...]}
    mapping.json    {"speaker2id": {SPEAKER: 0, ...}, "id2speaker": {"0": SPEAKER, ...}}
    uttr-HEX.pt     float32 (mel_len, n_mels)

All of them lie in a folder Dataset; the folder around it is taken as well. The test part may be
absent. An utterance's id is its feature_path as it stands there, and speaker k of the corpus is
speaker k of mapping.json, whether or not there is an utterance by this speaker.

The courses made them as features/log_mel.py does, so their models hear recordings too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from bossline.core.archives import DamagedFile, read_tensor
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.reading import read_text, reason, within_memory
from bossline.data.features.spec import FeatureSpec
from bossline.data.labels import quoted
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    inside,
    passed_over,
    present,
    register,
    require,
)

_METADATA = "metadata.json"
_TEST = "testdata.json"
_MAPPING = "mapping.json"
_CENTRED = 1.0  # logarithms of a spectrum lie many units below 0
_FILE_NAME = re.compile(r"[^\s/\\]+\.pt")  # of the folder itself, and without white space, as ids


@dataclass(frozen=True)
class _Entry:
    """One utterance as a list names it."""

    source: str
    part: str
    speaker: str | None
    feature_path: str
    mel_len: int


def _folder(path: Path) -> Path:
    """The folder of the files: this one, else the Dataset in it."""
    inner = path / "Dataset"
    here = os.path.lexists(path / _METADATA) or not os.path.lexists(inner / _METADATA)
    return path if here else inner


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False


def _tensors(folder: Path) -> dict[str, bool]:
    """Whether each .pt there is a file; one listing, as 60,000 questions one by one take long."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: _is_file(entry) for entry in entries if entry.name.endswith(".pt")}
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {reason(error)}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a key that comes twice json alone would keep the last value only."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {quoted(key)} a second time")
        if not key.isprintable():  # keys are shown in messages and stored in the header
            raise ValueError(f"key {quoted(key)} is not printable")
        found[key] = value
    return found


def _read_object(path: Path) -> dict[str, Any]:
    """
    Raises:
        UserError: unreadable, not UTF-8, no JSON, or JSON that is no object.
    """
    try:
        with within_memory(path):
            content = json.loads(read_text(path), object_pairs_hook=_object)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error
    except RecursionError as error:
        raise UserError(f"{path}: no JSON of this layout: nested too deeply") from error
    except ValueError as error:
        raise UserError(f"{path}: no JSON of this layout: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object")
    return content


def _shown(value: object) -> str:
    """Of a name that should be text: anything may stand there, however deep."""
    if value is None:
        return "nothing"
    return quoted(value) if isinstance(value, str) else f"a {type(value).__name__}"


def _speakers(mapping: dict[str, Any], problems: list[Problem]) -> tuple[str, ...]:
    """All speakers in the order of their ids, which must be 0, 1, 2, ..."""
    ids, names = mapping.get("speaker2id"), mapping.get("id2speaker")
    if (
        not isinstance(ids, dict)
        or not isinstance(names, dict)
        or not all(type(id) is int for id in ids.values())
    ):
        wanted = '"speaker2id": {SPEAKER: NUMBER, ...}, "id2speaker": {"NUMBER": SPEAKER, ...}'
        problems.append(Problem(_MAPPING, f"expected {wanted}"))
        return ()
    problems.extend(
        Problem(f"{_MAPPING} speaker2id", f"no speaker has id {id}, expected 0..{len(ids) - 1}")
        for id in sorted(set(range(len(ids))) - set(ids.values()))
    )
    inverse = {str(id): speaker for speaker, id in ids.items()}
    for id in inverse | names:
        if inverse.get(id) != names.get(id):
            found = (
                f"{_shown(inverse.get(id))} in speaker2id, {_shown(names.get(id))} in id2speaker"
            )
            problems.append(Problem(f"{_MAPPING} id {id}", found))
    return tuple(sorted(ids, key=ids.__getitem__))


def _entries(
    listed: object, source: str, part: str, speaker: str | None, problems: list[Problem]
) -> Iterator[_Entry]:
    if not isinstance(listed, list):
        problems.append(Problem(source, "expected a list of utterances"))
        return
    for number, entry in enumerate(listed):
        match entry:
            case {"feature_path": str(feature_path), "mel_len": int(mel_len)} if not isinstance(
                mel_len, bool
            ):
                yield _Entry(f"{source}[{number}]", part, speaker, feature_path, mel_len)
            case _:
                wanted = '{"feature_path": FILE, "mel_len": FRAMES}'
                problems.append(Problem(f"{source}[{number}]", f"expected {wanted}"))


def _train_entries(
    metadata: dict[str, Any], known: set[str], problems: list[Problem]
) -> Iterator[_Entry]:
    speakers = metadata.get("speakers")
    if not isinstance(speakers, dict):
        problems.append(Problem(f"{_METADATA} speakers", "expected {SPEAKER: [...], ...}"))
        return
    for speaker, listed in speakers.items():
        source = f"{_METADATA} speakers.{speaker}"
        if speaker not in known:
            problems.append(Problem(source, f"{_MAPPING} lacks this speaker"))
        yield from _entries(listed, source, "train", speaker, problems)


def _read(file: Path, mel_len: int) -> npt.NDArray[Any]:
    """
    Raises:
        DamagedFile: as read_tensor; another number of frames than listed; or all frames equal.
    """
    frames = read_tensor(file)
    if frames.ndim != 2:
        return frames  # what shape was expected is said where all sets are checked
    if len(frames) != mel_len:
        raise DamagedFile(f"{counted(len(frames), 'frame')}, but its mel_len is {mel_len}")
    if len(frames) > 1 and (frames == frames[0]).all():
        raise DamagedFile("all frames are equal: silence only")
    return frames


def _features(folder: Path, names: list[str], dim: int) -> FeatureSpec:
    """What the first sound file holds: with its mean, or without, as some make their sets."""
    normalisation: Literal["none", "mean"] = "none"
    for name in names:
        try:
            frames = read_tensor(folder / name)
        except DamagedFile:
            continue
        if frames.size and frames.dtype.kind in "fiu":
            normalisation = "mean" if abs(float(frames.mean())) < _CENTRED else "none"
            break
    return FeatureSpec(kind="log-mel", dim=dim, normalisation=normalisation)


@register
class Speaker(Reader):
    name = "speaker"
    description = "metadata.json, mapping.json, uttr-HEX.pt; testdata.json: who speaks"

    def recognises(self, path: Path) -> bool:
        return all(os.path.lexists(_folder(path) / file) for file in (_METADATA, _MAPPING))

    def files(self, path: Path) -> list[Path]:
        folder = _folder(path)
        texts = existing(folder, [_METADATA, _TEST, _MAPPING])
        tensors = sorted(name for name, is_file in _tensors(folder).items() if is_file)
        return [*texts, *(folder / name for name in tensors)]

    def scan(self, path: Path) -> Listing:
        folder = _folder(path)
        require(folder, self, [_METADATA, _MAPPING])
        metadata, mapping = _read_object(folder / _METADATA), _read_object(folder / _MAPPING)
        dim = metadata.get("n_mels")
        if type(dim) is not int or dim < 1:
            raise UserError(f"{folder / _METADATA}: n_mels: expected a positive integer")
        problems: list[Problem] = []
        speakers = _speakers(mapping, problems)
        entries = list(_train_entries(metadata, set(speakers), problems))
        if present(folder / _TEST):
            test = _read_object(folder / _TEST)
            if test.get("n_mels") != dim:
                problems.append(Problem(f"{_TEST} n_mels", f"expected {dim} as in {_METADATA}"))
            source = f"{_TEST} utterances"
            entries += _entries(test.get("utterances"), source, "test", None, problems)
        there = _tensors(folder)
        listed = [entry.feature_path for entry in entries if entry.feature_path in there]
        features = _features(folder, listed, dim)
        listing = Listing(features, (), problems=problems, speakers=speakers)
        seen: dict[str, str] = {}
        for entry in entries:
            id = entry.feature_path
            if not _FILE_NAME.fullmatch(id) or not id.isprintable():
                problems.append(
                    Problem(entry.source, f"feature_path {quoted(id)}: no .pt file of this folder")
                )
            elif id in seen:
                problems.append(Problem(entry.source, f"'{id}' is in {seen[id]} as well"))
            elif id not in there:
                problems.append(Problem(entry.source, f"no file {id}", id, entry.part))
                seen[id] = entry.source
            else:
                load = partial(_read, folder / id, entry.mel_len)
                listing.items.append(Item(id, entry.part, id, load, speaker=entry.speaker))
                seen[id] = entry.source
        # Only the first are shown: those of the whole set, before a thousand missing files.
        problems.sort(key=lambda problem: bool(problem.id))
        known = {*seen, _METADATA, _TEST, _MAPPING}
        strays = (entry for entry in inside(folder) if entry.name not in known)
        listing.passed_over.extend(passed_over(folder, strays))
        return listing
