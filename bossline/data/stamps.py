"""That a pack's shards were hashed on this machine: a file beside them, so that it is done once.

A bit that flips on a disk changes no length; only hashing all bytes finds it. What a stamp says
holds as long as the shards' files are untouched: same size, times and inode.
"""

from __future__ import annotations

import contextlib
import os
import platform
from typing import Any

from bossline.core.errors import UserError
from bossline.core.files import read_json, write_json
from bossline.data.packed import Corpus

STAMP = "verified.json"


def verify_once(corpus: Corpus) -> None:
    """Hash the shards, unless they were hashed on this machine since they were last touched.

    Where the stamp cannot be written, as in a cache that is read-only, they are hashed each time.

    Raises:
        UserError: a shard is damaged.
    """
    try:
        known = read_json(corpus.path / STAMP)
    except UserError:
        known = None
    if known != _stamp(corpus):
        verify_and_stamp(corpus)


def verify_and_stamp(corpus: Corpus) -> None:
    """Hash the shards, whatever a stamp says.

    Raises:
        UserError: a shard is damaged.
    """
    before = _stamp(corpus)  # what is touched while it is hashed fits no stamp
    corpus.verify()
    _write(corpus, before)


def stamp_written(corpus: Corpus) -> None:
    """Stamp a pack that has just been written, its shards hashed on the way."""
    _write(corpus, _stamp(corpus))


def _write(corpus: Corpus, stamp: dict[str, Any]) -> None:
    with contextlib.suppress(UserError):
        write_json(corpus.path / STAMP, stamp)


def _stamp(corpus: Corpus) -> dict[str, Any]:
    """
    Raises:
        UserError: a shard is gone.
    """
    files = {}
    for shard in corpus.header.shards:
        path = corpus.path / shard.file
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
    return {"corpus": corpus.key, "machine": platform.node(), "shards": files}
