"""A folder of files behind a URL, read by fsspec: each from its first byte to its last.

What comes is handed on as bytes. Of fsspec's many protocols there are those that read files and do
nothing else; a chain of them ("zip://...::https://...") is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from typing import Any, BinaryIO

import fsspec

from bossline.core.errors import UserError, printable

# What reads a protocol beside fsspec itself, and the extra that brings it.
_DRIVERS: dict[str, tuple[str, str] | None] = {
    "http": ("aiohttp", "http"),
    "https": ("aiohttp", "http"),
    "s3": ("s3fs", "s3"),
    "hf": ("huggingface_hub", "hf"),
    "file": None,
    "memory": None,
}
_BLOCK = 1 << 20
_SILENCE = 60  # seconds without a byte until a server is given up


def is_url(name: str) -> bool:
    """
    >>> is_url("https://example.org/corpus"), is_url("corpora/mine")
    (True, False)
    """
    return "://" in name


class RemoteFolder:
    """A folder behind a URL."""

    def __init__(self, url: str) -> None:
        """
        Raises:
            UserError: a protocol that is not read, a URL that is more than an address, or what
                reads it is not installed.
        """
        self.url = url.rstrip("/")
        protocol = _checked(self.url)
        if driver := _DRIVERS[protocol]:
            module, extra = driver
            try:
                import_module(module)
            except ImportError as error:
                raise UserError(
                    f"{protocol}:// needs the {extra} extra: pip install 'bossline[{extra}]'"
                ) from error
        options: dict[str, Any] = {}
        # A stream takes one request a file, and whatever server: not all of them know ranges.
        self._opening: dict[str, Any] = {}
        if protocol in ("http", "https"):
            options["client_kwargs"] = {"timeout": _patience(), "trust_env": True}
            self._opening["block_size"] = 0
        try:
            self._system, self._path = fsspec.url_to_fs(self.url, **options)
        except Exception as error:
            raise UserError(f"{self.url}: cannot be read: {_words(error)}") from error

    def place(self, name: str) -> str:
        """The URL of a file."""
        return f"{self.url}/{name}"

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where the server does not say.

        Raises:
            UserError: no such file, no regular one, or it cannot be reached.
        """
        try:
            found = self._system.info(f"{self._path}/{name}")
        except Exception as error:
            raise self._failed(name, error) from error
        if found["type"] != "file":  # to open a FIFO is to wait for ever
            raise UserError(f"{self.place(name)}: a {found['type']}, expected a file")
        return None if found["size"] is None else int(found["size"])

    def blocks(self, name: str, most: int) -> Iterator[bytes]:
        """The bytes of a file, a block at a time.

        Raises:
            UserError: no such file, it cannot be reached or ends too early, or it has more bytes
                than `most`.
        """
        done = 0
        stream = self._opened(name)
        try:
            while block := self._read(name, stream):
                done += len(block)
                if done > most:
                    raise UserError(f"{self.place(name)}: longer than the {most:,} bytes it may be")
                yield block
        finally:
            stream.close()

    def _opened(self, name: str) -> BinaryIO:
        try:
            stream: BinaryIO = self._system.open(f"{self._path}/{name}", "rb", **self._opening)
        except Exception as error:
            raise self._failed(name, error) from error
        return stream

    def _read(self, name: str, stream: BinaryIO) -> bytes:
        try:
            return stream.read(_BLOCK)
        except Exception as error:
            raise self._failed(name, error) from error

    def _failed(self, name: str, error: Exception) -> UserError:
        # Drivers raise errors of their own, of no common kind.
        return UserError(f"{self.place(name)}: cannot be fetched: {_words(error)}")


def _checked(url: str) -> str:
    """The protocol.

    Raises:
        UserError: none that is read here, or there is more than an address.
    """
    protocol, _, rest = url.partition("://")
    if protocol not in _DRIVERS or "::" in url:
        known = ", ".join(f"{name}://" for name in _DRIVERS)
        raise UserError(f"'{printable(url)}' cannot be read; corpora lie behind {known}")
    # It is written into runs and reports, where no password belongs.
    if protocol in ("http", "https") and (set("?#") & set(url) or "@" in rest.partition("/")[0]):
        raise UserError(
            f"{protocol}://...: a corpus' URL is that of its folder, without user, password, '?' "
            "and '#'; it is written into every run"
        )
    return protocol


def _patience() -> object:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)


def _words(error: BaseException) -> str:
    """What a driver's error says, in one line."""
    # Whatever is wrong with a host, fsspec says that there is no such file, because of that.
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status == HTTPStatus.NOT_FOUND:
        return "no such file"
    said = " ".join(str(getattr(error, "strerror", None) or error).split())
    return printable(said or type(error).__name__)
