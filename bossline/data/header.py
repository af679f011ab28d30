"""The JSON header of a packed corpus: what is in it, in words and counts."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.core.files import read_json, write_json
from bossline.data.features.spec import Features

FORMAT = 1
HEADER = "corpus.json"
AGAIN = "import the corpus again with --fresh"
_PLAIN_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Shard(Config):
    """One safetensors file of whole items, readable alone."""

    model_config = ConfigDict(populate_by_name=True)

    file: str = Field(pattern=f"^{_PLAIN_NAME}$")
    items: int = Field(ge=1, alias="utterances")
    frames: int = Field(ge=1)
    sha256: str


class LeftOut(Config):
    """An item that the source names and the corpus lacks, because its file is damaged."""

    id: str
    part: str
    why: str


class Source(Config):
    """Where the frames came from."""

    reader: str
    path: str
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Header(Config):
    """Everything about a corpus but its arrays.

    A file calls the number of items "utterances", whatever they are.
    """

    model_config = ConfigDict(populate_by_name=True)

    format: int = Field(ge=1)
    features: Features
    classes: tuple[str, ...] = Field(description="name of label 0, 1, ...")
    class_counts: tuple[int, ...] = Field(description="labelled frames, or images, of each class")
    parts: tuple[str, ...] = Field(description="the source's own division, e.g. train, test")
    speakers: tuple[str, ...]
    items: int = Field(alias="utterances", description="utterances, images or rows of a table")
    frames: int = Field(description="or pixels, or rows")
    labelled_frames: int = Field(description="frames, or images, with a class")
    shards: tuple[Shard, ...] = Field(min_length=1)
    left_out: tuple[LeftOut, ...] = ()
    source: Source
    vocabulary: tuple[str, ...] = Field(
        (), description="name of symbol 1, 2, ... of strings that utterances have of their own"
    )
    note: str = Field("", description="a remark that every report repeats, e.g. on the labels")
    passed_over: tuple[str, ...] = Field(
        (), description="what lay among the items and was none, such as '3 .txt files in test/'"
    )
    noticed: tuple[str, ...] = Field(
        (), description="what is odd about items that are there, such as 'a.wav: clipped: ...'"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Header:
        for name in ("parts", "speakers", "vocabulary"):
            names = getattr(self, name)
            if len(set(names)) != len(names):
                raise ValueError(f"{name}: one comes twice")
        if len({shard.file for shard in self.shards}) != len(self.shards):
            raise ValueError("shards: a file comes twice")
        if self.vocabulary and self.features.item != "utterance":
            raise ValueError("vocabulary: only utterances have strings")
        if not self.features.dim:
            raise ValueError("features: there are none")
        counts = {
            "utterances": (self.items, sum(shard.items for shard in self.shards)),
            "frames": (self.frames, sum(shard.frames for shard in self.shards)),
            "class_counts": (len(self.class_counts), len(self.classes)),
            "labelled_frames": (self.labelled_frames, sum(self.class_counts)),
        }
        for name, (found, expected) in counts.items():
            if found != expected:
                raise ValueError(f"{name}: expected {expected}, found {found}")
        return self


_BESIDE = ("passed_over", "noticed")  # what is told of the source, and is not in the corpus


def _checksum(content: dict[str, Any]) -> str:
    """SHA-256 over a header as it stands in its file, so that fields may be added later.

    It names the corpus, so what is not in the corpus is left out.
    """
    named = {key: value for key, value in content.items() if key not in _BESIDE}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def write_header(folder: Path, header: Header) -> None:
    # Left out where there is nothing to say, so that such a header is as it always was.
    empty = {name for name in (*_BESIDE, "vocabulary") if not getattr(header, name)}
    content = header.model_dump(mode="json", by_alias=True, exclude=empty)
    write_json(folder / HEADER, {**content, "checksum": _checksum(content)})


def read_header(folder: Path) -> tuple[Header, str]:
    """Read and check a header.

    Returns:
        The header and its checksum, which names the corpus' content: the shards' hashes are in it.

    Raises:
        UserError: no corpus there, a newer format, or a damaged header.
    """
    path = folder / HEADER
    if not os.path.lexists(path):
        raise UserError(f"{folder} is no packed corpus: it has no {HEADER}")
    try:
        content = read_json(path)
    except UserError as error:
        raise UserError(f"{error}; {AGAIN}") from error
    return check_header(content, str(path), AGAIN)


def check_header(content: Any, where: str, advice: str) -> tuple[Header, str]:
    """The header that a file's JSON is, and its checksum.

    Args:
        where: names the file in messages.
        advice: what to do about a damaged one.

    Raises:
        UserError: a newer format, or a damaged header.
    """
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected a JSON object; {advice}")
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise UserError(
            f"{where} has format version {version}, this bossline reads up to {FORMAT}: "
            "update bossline (pip install -U bossline), or import the corpus again"
        )
    checksum = content.pop("checksum", None)
    try:
        header = Header.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = "".join(f"{key}: " for key in (".".join(map(str, first["loc"])),) if key)
        why = first["msg"].removeprefix("Value error, ").lower()
        raise UserError(f"{where}: {key}{why}; {advice}") from error
    if checksum != _checksum(content):
        raise UserError(f"{where}: its checksum does not match; {advice}")
    return header, str(checksum)
