"""Corpora behind URLs: their shards are fetched into a cache, once, and held against their hashes.

A corpus' folder in the cache is named by its content. Its header is fetched each time it is opened,
so that what was published anew is noticed; shards that are there are not. The cache is bounded: to
make room, the corpora that were opened the longest ago go, but none that a process of this machine
has open.

| below the cache | what it is                                                               |
| --------------- | ------------------------------------------------------------------------ |
| KEY/            | a packed corpus; of shards those that have come so far                   |
| KEY.lease       | locked (shared) by who has it open; its time is that of the last opening |
| .lock           | held by the one process that fetches                                     |
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bossline.core.errors import UserError
from bossline.core.files import parse_json, replacing, write_bytes
from bossline.core.progress import bar, waiting
from bossline.core.reading import open_file, placeholder, read_bytes
from bossline.core.terminal import terminal
from bossline.data.header import HEADER, Header, Shard, check_header
from bossline.data.packed import Corpus
from bossline.data.remote import RemoteFolder
from bossline.data.stamps import is_stamped, stamp_written

if sys.platform != "win32":
    import fcntl

BOUND = "BOSSLINE_CACHE_GB"
_DEFAULT_GB = 20.0
_LONGEST_HEADER = 64 << 20  # bytes
# What a shard may have beside frames and labels: its tensors of items, and the longest of ids.
_ITEM_BYTES, _LISTING_BYTES = 64 + 4096, 1 << 20


def open_fetched(url: str, cache: Path) -> Corpus:
    """Open a corpus behind a URL; what of it is not in the cache is fetched.

    Args:
        url: of the folder with its corpus.json.
        cache: a folder of corpora that were fetched.

    Raises:
        UserError: nothing that can be fetched there, or it is not what its header says; no room.
    """
    source = RemoteFolder(url)
    content = _header_bytes(source)
    where = source.place(HEADER)
    header, key = check_header(parse_json(content, where), where, "have it published again")
    folder = cache / key[:32]
    lease = _lease(folder)
    try:
        if not _is_whole(folder, content, header, key):
            with _alone(cache):
                if not _is_whole(folder, content, header, key):  # nobody else has fetched it
                    write_bytes(folder / HEADER, content)
                    _fetch_missing(source, header, folder)
                    stamp_written(Corpus(folder))
        corpus = Corpus(folder)
    except BaseException:
        os.close(lease)
        raise
    weakref.finalize(corpus, os.close, lease)
    return corpus


def _header_bytes(source: RemoteFolder) -> bytes:
    source.size(HEADER)
    content = b"".join(source.blocks(HEADER, _LONGEST_HEADER))
    if why := placeholder(content[:1024]):
        raise UserError(f"{source.place(HEADER)}: {why}")
    return content


def _is_whole(folder: Path, content: bytes, header: Header, key: str) -> bool:
    """Whether all of a corpus is in the cache, as it was fetched."""
    try:
        return read_bytes(folder / HEADER) == content and is_stamped(folder, header, key)
    except OSError:
        return False


# Who uses what.


def _lease(folder: Path) -> int:
    """Keep a corpus in the cache until the handle is closed.

    Raises:
        UserError: the cache cannot be written.
    """
    path = _lease_path(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    with suppress(OSError):  # a cache that is read-only
        os.utime(path, ns=(time.time_ns(),) * 2)  # the system's own "now" is coarse
    _lock(handle, shared=True)
    return handle


def _lease_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lease")


def _lock(handle: int, *, shared: bool) -> None:
    """Wait for a shared lock, or take the only one if nobody has any.

    Raises:
        OSError: not shared, and somebody has one, or the disk knows no locks.
    """
    if sys.platform == "win32":  # where nobody can remove a file that is mapped
        return
    if shared:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Fetch and make room as the only process of this machine; the others wait.

    Raises:
        UserError: the cache cannot be written.
    """
    lock = FileLock(cache / ".lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with waiting(terminal(stderr=True), "waiting for a process that fetches a corpus"):
                lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise UserError(f"cannot lock {cache}: {error}") from error
    try:
        yield
    finally:
        lock.release()


# What comes.


def _fetch_missing(source: RemoteFolder, header: Header, folder: Path) -> None:
    """
    Raises:
        UserError: as open_fetched.
    """
    missing = [shard for shard in header.shards if not _is_there(folder, shard)]
    sizes = [_size(source, shard, header) for shard in missing]
    _make_room(folder, sum(sizes))
    with bar(terminal(stderr=True), "bytes", total=sum(sizes)) as shown:
        for shard in missing:
            _fetch(source, shard, folder, _most_bytes(shard, header), shown.advance)


def _is_there(folder: Path, shard: Shard) -> bool:
    """Whether a shard is, as its hash says; else it goes, if it is there."""
    path = folder / shard.file
    try:
        with open_file(path) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == shard.sha256:
                return True
    except OSError:
        pass
    path.unlink(missing_ok=True)
    return False


def _most_bytes(shard: Shard, header: Header) -> int:
    """More than a shard of so many frames and items can have."""
    frame = header.features.dim * 4 + 2
    return shard.frames * frame + shard.items * _ITEM_BYTES + _LISTING_BYTES


def _size(source: RemoteFolder, shard: Shard, header: Header) -> int:
    """Bytes of a shard, or the most that they can be where the server does not say.

    Raises:
        UserError: more than its frames and items can take.
    """
    most = _most_bytes(shard, header)
    size = source.size(shard.file)
    if size is not None and size > most:
        raise UserError(
            f"{source.place(shard.file)}: {size:,} bytes, where its {shard.items:,} "
            f"{header.features.item}s take {most:,} at most: have it published again"
        )
    return most if size is None else size


def _fetch(
    source: RemoteFolder,
    shard: Shard,
    folder: Path,
    most: int,
    advance: Callable[[int], None],
) -> None:
    """A shard: it is there as a whole, or not at all.

    Raises:
        UserError: it does not come whole, or is not what the header says; or the disk is full.
    """
    digest = hashlib.sha256()
    with replacing(folder / shard.file) as temporary, temporary.open("wb") as stream:
        for block in source.blocks(shard.file, most):
            stream.write(block)
            digest.update(block)
            advance(len(block))
        if digest.hexdigest() != shard.sha256:
            raise UserError(
                f"{source.place(shard.file)}: its checksum is not the one that {HEADER} has; "
                "nothing of it is kept: try again, or have it published again"
            )


# What goes.


def cache_bytes() -> int:
    """How large the cache may become: $BOSSLINE_CACHE_GB, in 10^9 bytes, else 20.

    Raises:
        UserError: no such number.
    """
    said = os.environ.get(BOUND)
    try:
        size = float(said) if said else _DEFAULT_GB
        if not 0 <= size < 1e9:
            raise ValueError
    except ValueError as error:
        raise UserError(f"{BOUND}={said}: expected a number of gigabytes, such as 50") from error
    return int(size * 1e9)


def _make_room(folder: Path, needed: int) -> None:
    """Let go the corpora that were opened the longest ago, until so many bytes more have room.

    Args:
        folder: of the corpus that is to come; it stays.

    Raises:
        UserError: it is larger than the cache may be, or what is in use leaves too little.
    """
    bound, own = cache_bytes(), _bytes_of(folder)
    advice = f"let the cache be larger by {BOUND}, which is {bound / 1e9:g} now"
    if own + needed > bound:
        raise UserError(f"the corpus takes {(own + needed) / 1e9:,.3g} GB: {advice}")
    others = [each for each in _corpora(folder.parent) if each != folder]
    used = own + sum(map(_bytes_of, others))
    for other in others:
        if used + needed <= bound:
            return
        used -= _let_go(other)
    if used + needed > bound:
        raise UserError(
            f"{folder.parent} has no room for {needed / 1e9:,.3g} GB more beside the corpora that "
            f"are in use: {advice}"
        )


def _corpora(cache: Path) -> Sequence[Path]:
    """Folders of the cache, the one that was opened the longest ago first."""

    def opened(folder: Path) -> float:
        try:
            return _lease_path(folder).stat().st_mtime
        except OSError:
            return 0.0

    folders = (path for path in cache.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(folders, key=opened)


def _bytes_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def _let_go(folder: Path) -> int:
    """How many bytes were freed; none where a process has the corpus open."""
    before = _bytes_of(folder)
    with suppress(OSError), open(_lease_path(folder), "ab") as lease:
        _lock(lease.fileno(), shared=False)
        shutil.rmtree(folder, ignore_errors=True)
    return before - _bytes_of(folder)
