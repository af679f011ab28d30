"""The text of an alignment file, and what is put right in it."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from pathlib import Path

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable
from bossline.core.reading import open_file, reason, within_memory
from bossline.data.alignments.model import LATEST
from bossline.data.labels import quoted

RATE = 16000  # of TIMIT's recordings, Hz
MOST_BYTES = 1 << 28  # of a file, and of what a compressed one unfolds to: 1000 hours of phones
_MOST_SENTENCES = 100
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?"
BLANKS = re.compile("[ \t]+")  # between fields: the spaces of other scripts belong to labels
_COUNT = re.compile("[0-9]{1,18}")
_LONGEST_NUMBER = 512  # characters


@dataclass
class Source:
    """One alignment file while it is read.

    Attributes:
        text: all of it, line ends as "\\n".
        rate: Hz, of a format that counts samples.
        repairs: sentences so far.
    """

    path: Path
    text: str
    rate: int = RATE
    repairs: list[str] = field(default_factory=list)
    _more: int = 0

    def repaired(self, what: str, tier: str | None = None, at: float | None = None) -> None:
        """Tell what was put right, of the whole file, of a tier, or at a time in it."""
        if len(self.repairs) >= _MOST_SENTENCES:
            self._more += 1
            return
        where = "" if tier is None else f" tier {quoted(tier)}" + ("," if at is not None else ":")
        when = "" if at is None else f" {at:.6g} s:"
        self.repairs.append(f"{self.path}:{where}{when} {what}")

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that was put right; of very many the first ones, and how many more."""
        more = [f"{self.path}: and {counted(self._more, 'more repair')}"] if self._more else []
        return (*self.repairs, *more)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Lines that are not empty, with their numbers from 1."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            if line.strip(" \t"):
                yield number, line

    def wrong(self, line: int, why: str) -> UserError:
        """An error that names file and line; line 0 is none."""
        return UserError(f"{self.path}{f' line {line}' if line else ''}: {why}")

    def seconds(self, word: str, line: int) -> float:
        """A time.

        Raises:
            UserError: no number, or beyond all recordings.
        """
        if len(word) > _LONGEST_NUMBER or not re.fullmatch(NUMBER, word):
            raise self.wrong(line, f"{quoted(word)} is no number of seconds")
        return self.within(float(word), line)

    def within(self, time: float, line: int) -> float:
        """The same time.

        Raises:
            UserError: beyond all recordings.
        """
        if not (isfinite(time) and abs(time) <= LATEST):
            raise self.wrong(line, f"{time:g} s is beyond all recordings")
        return time

    def units(self, word: str, line: int, per_second: int, unit: str) -> float:
        """A time that is written as a whole number of units, in seconds.

        Raises:
            UserError: no whole number.
        """
        if not _COUNT.fullmatch(word):
            raise self.wrong(line, f"{quoted(word)} is no whole number of {unit}")
        return self.within(int(word) / per_second, line)


def digits(time: float) -> str:
    """Seconds, exactly, without an exponent, which some readers do not know.

    >>> digits(6.25e-05), digits(12)
    ('0.0000625', '12.0')
    """
    return f"{Decimal(repr(float(time))):f}"


def load(path: Path, rate: int = RATE) -> Source:
    """Read a file, unfold it where its name ends in .gz, and decode it.

    A byte order mark says the encoding; without one it is UTF-8, UTF-16 where every other byte
    is 0, or else Latin-1 as Windows extends it, as Praat tries them.

    Raises:
        UserError: missing, unreadable, damaged, too large, or no text.
    """
    try:
        with within_memory(path):
            content = _unfolded(path)
            source = Source(path, "", rate)
            source.text = _decoded(content, source).replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    if "\0" in source.text:
        line = source.text.count("\n", 0, source.text.index("\0")) + 1
        raise source.wrong(line, "a zero byte: a binary file, expected text")
    return source


def _unfolded(path: Path) -> bytes:
    with open_file(path) as stream:
        if path.suffix.lower() != ".gz":
            content = stream.read(MOST_BYTES + 1)
        else:
            try:
                content = gzip.GzipFile(fileobj=stream).read(MOST_BYTES + 1)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise UserError(f"{path}: damaged, or not compressed by gzip ({error})") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: more than {MOST_BYTES >> 20} MiB, too large for an alignment")
    return content


def _decoded(content: bytes, source: Source) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _strictly(content[len(mark) :], encoding, source)
    if wide := _zeros(content[:1024]):
        source.repaired(f"no byte order mark: read as {wide.upper()}")
        return _strictly(content, wide, source)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        source.repaired(f"not UTF-8, first in line {line}: read as Latin-1")
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError:
            return content.decode("latin-1")


def _zeros(head: bytes) -> str | None:
    """UTF-16 of text in Latin letters, by its zero bytes."""
    places = Counter(place % 2 for place, byte in enumerate(head) if not byte)
    if sum(places.values()) < len(head) / 4 or len(places) != 1:
        return None
    return "utf-16-be" if 0 in places else "utf-16-le"


def _strictly(content: bytes, encoding: str, source: Source) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise source.wrong(
            line, f"not {encoding.upper()} text ({printable(error.reason)}): damaged"
        ) from error
