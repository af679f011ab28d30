"""The JSON header of a packed corpus: what is in it, in words and counts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from bossline.config import Config
from bossline.errors import UserError
from bossline.features.spec import Features
from bossline.files import read_json, write_json

FORMAT = 1
HEADER = "corpus.json"


class Shard(Config):
    """One safetensors file of whole utterances, readable alone."""

    file: str
    utterances: int
    frames: int
    sha256: str


class LeftOut(Config):
    """An utterance that the source names and the corpus lacks, because its file is damaged."""

    id: str
    part: str
    why: str


class Source(Config):
    """Where the frames came from."""

    reader: str
    path: str
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Header(Config):
    """Everything about a corpus but its arrays."""

    format: int
    features: Features
    classes: tuple[str, ...] = Field(description="name of label 0, 1, ...")
    class_counts: tuple[int, ...] = Field(description="labelled frames, or images, of each class")
    parts: tuple[str, ...] = Field(description="the source's own division, e.g. train, test")
    speakers: tuple[str, ...]
    utterances: int = Field(description="or images, or rows of a table")
    frames: int = Field(description="or pixels, or rows")
    labelled_frames: int = Field(description="frames, or images, with a class")
    shards: tuple[Shard, ...]
    left_out: tuple[LeftOut, ...] = ()
    source: Source
    note: str = Field("", description="a remark that every report repeats, e.g. on the labels")
    passed_over: tuple[str, ...] = Field(
        (), description="what lay among the items and was none, such as '3 .txt files in test/'"
    )


def _checksum(content: dict[str, Any]) -> str:
    """SHA-256 over a header as it stands in its file, so that fields may be added later."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_header(folder: Path, header: Header) -> None:
    # Left out where there is nothing to say: the checksum names the corpus, in old runs too.
    content = header.model_dump(
        mode="json", exclude=None if header.passed_over else {"passed_over"}
    )
    write_json(folder / HEADER, {**content, "checksum": _checksum(content)})


def read_header(folder: Path) -> tuple[Header, str]:
    """Read and check a header.

    Returns:
        The header and its checksum, which names the corpus' content: the shards' hashes are in it.

    Raises:
        UserError: no corpus there, a newer format, or a damaged header.
    """
    path = folder / HEADER
    if not path.is_file():
        raise UserError(f"{folder} is no packed corpus: it has no {HEADER}")
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object; import the corpus again")
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise UserError(
            f"{path} has format version {version}, this bossline reads up to {FORMAT}: "
            "update bossline (pip install -U bossline), or import the corpus again"
        )
    checksum = content.pop("checksum", None)
    try:
        header = Header.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{path}: {where}: {first['msg'].lower()}; import the corpus again"
        ) from error
    if checksum != _checksum(content):
        raise UserError(f"{path}: its checksum does not match; import the corpus again")
    return header, str(checksum)
