"""A stretch of a file behind a header of our own, read as one file."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


class Spliced(io.RawIOBase):
    """`head`, then the bytes of `stream` from `start` up to `end`. Leaves the stream open.

    Attributes:
        note: what people should know about the file; or nothing.
    """

    def __init__(self, head: bytes, stream: BinaryIO, start: int, end: int, note: str = "") -> None:
        self.note = note
        self._head, self._stream, self._start = head, stream, start
        self._size = len(head) + end - start
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        wanted = max(min(len(target), self._size - self._place), 0)
        content = self._head[self._place : self._place + wanted]
        if wanted > len(content):
            behind = self._place + len(content) - len(self._head)
            self._stream.seek(self._start + behind)
            content += self._stream.read(wanted - len(content))
        target[: len(content)] = content
        self._place += len(content)
        return len(content)
