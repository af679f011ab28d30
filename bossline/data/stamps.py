"""That a pack's shards were hashed on this machine: a file beside them, so that it is done once.

A bit that flips on a disk changes no length; only hashing all bytes finds it. What a stamp says
holds as long as the shards' files are untouched: same size, times and inode.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

from bossline.core.errors import UserError
from bossline.core.files import read_json, write_json
from bossline.data.header import Header
from bossline.data.packed import Corpus

STAMP = "verified.json"


def verify_once(corpus: Corpus) -> None:
    """Hash the shards, unless they were hashed on this machine since they were last touched.

    Where the stamp cannot be written, as in a cache that is read-only, they are hashed each time.

    Raises:
        UserError: a shard is damaged.
    """
    if not is_stamped(corpus.path, corpus.header, corpus.key):
        verify_and_stamp(corpus)


def is_stamped(folder: Path, header: Header, key: str) -> bool:
    """Whether all shards are there and were hashed on this machine since they were last touched.

    Args:
        key: the header's checksum.
    """
    try:
        return bool(read_json(folder / STAMP) == _stamp(folder, header, key))
    except UserError:
        return False


def verify_and_stamp(corpus: Corpus) -> None:
    """Hash the shards, whatever a stamp says.

    Raises:
        UserError: a shard is damaged.
    """
    # What is touched while it is hashed fits no stamp.
    before = _stamp(corpus.path, corpus.header, corpus.key)
    corpus.verify()
    _write(corpus, before)


def stamp_written(corpus: Corpus) -> None:
    """Stamp a pack that has just been written, its shards hashed on the way."""
    _write(corpus, _stamp(corpus.path, corpus.header, corpus.key))


def _write(corpus: Corpus, stamp: dict[str, Any]) -> None:
    with contextlib.suppress(UserError):
        write_json(corpus.path / STAMP, stamp)


def _stamp(folder: Path, header: Header, key: str) -> dict[str, Any]:
    """
    Raises:
        UserError: a shard is gone.
    """
    files = {}
    for shard in header.shards:
        path = folder / shard.file
        try:
            status = os.stat(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        files[shard.file] = [
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        ]
    return {"corpus": key, "machine": platform.node(), "shards": files}
