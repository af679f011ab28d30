"""ARPA files: the text form of n-gram models that SRILM, KenLM and others write and read.

Compressed by gzip where a name ends in .gz, as those tools have it too: of 300,000 n-grams 6 MB
become 2.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bossline.core.errors import UserError, did_you_mean, printable
from bossline.core.reading import as_text, read_bytes, reason
from bossline.tasks.transcribe.decoding.ngram import MOST_WORDS, Level, Ngram

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"

_GZIP = 16 + zlib.MAX_WBITS
_MOST_BYTES = 1 << 30  # of text in a packed file
_NEVER = -99.0  # base 10, of what is never told
_LN10 = math.log(10)

Row = tuple[tuple[int, ...], float, float]


def arpa_of(model: Ngram, names: Sequence[str]) -> str:
    """A model as text.

    Args:
        model: of V symbols.
        names: V of them, without white space.
    """
    words = [END, *names, BEGIN]
    lines = ["\\data\\"]
    lines += [f"ngram {n}={len(level.grams)}" for n, level in enumerate(model.levels, start=1)]
    for n, level in enumerate(model.levels, start=1):
        lines += ["", f"\\{n}-grams:"]
        rows = zip(
            level.grams.tolist(), level.log_probs.tolist(), level.backoffs.tolist(), strict=True
        )
        for gram, log_prob, backoff in rows:
            text = " ".join(words[word] for word in gram)
            # Nothing follows an end, and nothing is longer than the longest.
            tail = "" if n == model.order or gram[-1] == 0 else f"\t{backoff / _LN10:.4g}"
            lines.append(f"{max(log_prob / _LN10, _NEVER):.4g}\t{text}{tail}")
    return "\n".join([*lines, "", "\\end\\", ""])


def read_arpa(path: Path, names: Sequence[str]) -> Ngram:
    """The model of a file, see `parse_arpa`.

    Raises:
        UserError: unreadable, or not such a model; names the line.
    """
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from error
    return parse_arpa(arpa_in(content, path), path, names)


def packed_arpa(text: str) -> bytes:
    """A .arpa.gz, always the same of the same text."""
    return gzip.compress(text.encode(), mtime=0)


def arpa_in(content: bytes, path: Path) -> str:
    """The text of a file, unpacked where its name ends in .gz.

    Raises:
        UserError: damaged, more than it should be, or no text.
    """
    try:
        if path.suffix == ".gz":
            unpacked = zlib.decompressobj(wbits=_GZIP)
            content = unpacked.decompress(content, _MOST_BYTES)
            if not unpacked.eof:
                why = "unpacks to over 1 GB" if len(content) == _MOST_BYTES else "it ends too soon"
                raise UserError(f"cannot read {path}: {why}")
        return as_text(content)
    except zlib.error as error:
        raise UserError(f"cannot read {path}: damaged, or not packed by gzip ({error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: no UTF-8 text, and no ARPA file") from error


def parse_arpa(text: str, path: Path, names: Sequence[str]) -> Ngram:
    """Read a model of these symbols; n-grams with `<unk>` are left out.

    Args:
        text: of the file.
        path: where it is from, for errors.
        names: of the V symbols; each needs a unigram.

    Raises:
        UserError: not such a model; names the line.
    """
    lines = _Lines(path, text)
    words = {END: 0, **{name: k for k, name in enumerate(names, start=1)}}
    words[BEGIN] = len(words)
    counts = _counts(lines)
    levels: list[Level] = []
    for n, count in enumerate(counts, start=1):
        lines.expect(f"\\{n}-grams:")
        at_once = _at_once(lines.ahead(count), n, words, levels)
        if at_once is not None:
            lines.skip(count)
        levels.append(at_once or _level(lines, n, count, words, levels))
    lines.expect("\\end\\")
    if missing := [name for name, word in words.items() if word not in levels[0].grams]:
        raise UserError(f"{path}: no unigram of {', '.join(map(printable, missing))}")
    return Ngram(len(names), tuple(levels))


class _Lines:
    """The lines that are not empty, one after the other; errors name the one read last."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._number = path, 0
        self._lines = text.split("\n")

    def peek(self) -> str:
        """The next line, which is not taken yet; of the file's end, nothing."""
        while self._number < len(self._lines) and not self._lines[self._number].strip():
            self._number += 1
        return "" if self._number == len(self._lines) else self._lines[self._number].strip()

    def take(self) -> str:
        """The next line."""
        line = self.peek()
        self._number = min(self._number + 1, len(self._lines))
        return line

    def ahead(self, count: int) -> list[str]:
        """So many of the next lines as they stand, which are not taken yet."""
        return self._lines[self._number : self._number + count]

    def skip(self, count: int) -> None:
        """Take so many as they stand."""
        self._number += count

    def expect(self, wanted: str) -> None:
        found = self.take()
        if found != wanted:
            raise self.error(f"expected {wanted}, found {printable(found, 60) or 'the end'}")

    def error(self, why: str) -> UserError:
        """For raising."""
        return UserError(f"{self._path}, line {self._number}: {why}")


def _counts(lines: _Lines) -> list[int]:
    """How many n-grams there are of each length."""
    lines.expect("\\data\\")
    counts: list[int] = []
    while lines.peek().startswith("ngram "):
        name, _, count = lines.take().removeprefix("ngram ").partition("=")
        if name.strip() != str(len(counts) + 1) or not count.strip().isdecimal():
            raise lines.error(f"expected ngram {len(counts) + 1}=a count")
        counts.append(int(count))
    if not 1 <= len(counts) <= MOST_WORDS:
        raise lines.error(f"n-grams of up to {len(counts)} words, expected 1 to {MOST_WORDS}")
    return counts


def _at_once(
    lines: list[str], length: int, words: dict[str, int], shorter: list[Level]
) -> Level | None:
    """All n-grams of one length as `arpa_of` writes them, sorted, some hundred thousand a second.

    Returns:
        None: one is written in another way, or wrong: then line after line tells.
    """
    # One list of all fields: a list a line keeps the garbage collector busy.
    tabs = [line.count("\t") for line in lines]
    if not set(tabs) <= {1, 2}:
        return None
    whole = [line if count == 2 else f"{line}\t0" for line, count in zip(lines, tabs, strict=True)]
    fields = "\t".join(whole).split("\t") if lines else []
    try:
        log_probs = np.array(list(map(float, fields[::3])))
        backoffs = np.array(list(map(float, fields[2::3])))
        told = " ".join(fields[1::3]).split(" ") if lines else []
        grams = np.array([words[word] for word in told], np.int64).reshape(-1, length)
    except (KeyError, ValueError):
        return None
    begin, found = words[BEGIN], Level(grams, log_probs * _LN10, backoffs * _LN10)
    if len(grams) != len(lines) or not (log_probs <= 0).all() or np.isinf(log_probs).any():
        return None
    if not np.isfinite(backoffs).all():
        return None
    if (grams[:, :-1] == 0).any() or (grams[:, 1:] == begin).any():
        return None
    if not (np.diff(found.codes(len(words))) > 0).all():
        return None
    if shorter and (shorter[-1].places(grams[:, :-1], len(words)) < 0).any():
        return None
    return found


def _level(
    lines: _Lines, length: int, count: int, words: dict[str, int], shorter: list[Level]
) -> Level:
    """The n-grams of one length, whose contexts are among the shorter ones."""
    known = {tuple(gram) for gram in shorter[-1].grams.tolist()} if shorter else {()}
    rows: dict[tuple[int, ...], tuple[float, float]] = {}
    for gram, log_prob, backoff in _rows(lines, length, count, words):
        if gram in rows:
            raise lines.error("an n-gram that was there before")
        if gram[:-1] not in known:
            raise lines.error("an n-gram whose words before the last are no n-gram themselves")
        rows[gram] = log_prob, backoff
    ordered = sorted(rows)
    grams = np.array(ordered, np.int64).reshape(-1, length)
    numbers = np.array([rows[gram] for gram in ordered], np.float64).reshape(-1, 2)
    return Level(grams, numbers[:, 0], numbers[:, 1])


def _rows(lines: _Lines, length: int, count: int, words: dict[str, int]) -> Iterator[Row]:
    """Words, log-probability and backoff of so many lines, those with `<unk>` left out."""
    for _ in range(count):
        fields = lines.take().split()
        if len(fields) not in (length + 1, length + 2):
            raise lines.error(
                f"expected a log-probability, {length} words and perhaps a backoff; {count} such "
                "lines were promised"
            )
        log_prob = _number(lines, fields[0])
        backoff = _number(lines, fields[-1]) if len(fields) == length + 2 else 0.0
        if log_prob > 0:
            raise lines.error(f"a log-probability of {fields[0]}, expected at most 0")
        told = fields[1 : length + 1]
        if UNKNOWN in map(str.lower, told):
            continue
        for word in told:
            if word not in words:
                raise lines.error(f"no phone {printable(word, 60)!r}: {did_you_mean(word, words)}")
        gram = tuple(words[word] for word in told)
        if 0 in gram[:-1] or words[BEGIN] in gram[1:]:
            raise lines.error(f"{END} stands last and {BEGIN} first in n-grams")
        yield gram, log_prob * _LN10, backoff * _LN10


def _number(lines: _Lines, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise lines.error(f"expected a number, found {printable(text, 60)}")
    return number
