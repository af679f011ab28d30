"""Text into words, as dictionaries of pronunciations have them."""

from __future__ import annotations

import re
import unicodedata

_MARKED = re.compile(r"\[[^\[\]]*\]|<[^<>]*>")  # [laughter], <unk>: said, but no word
_QUOTES = str.maketrans("\u2018\u2019\u02bc`\u00b4", "'''''")
_DASHES = re.compile("[\u2010-\u2015\u2212/_]+|--+")
_NO_BREAK = "'-"


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation.

    An apostrophe stays, wherever it stands in a word, and so do a hyphen and a point within one.
    What is in square or angle brackets is one word each, with its brackets: it was heard, but
    nobody knows how it is said.

    >>> words_of("Ol\u2019 Mr. O'Hara \u2013 a well-known [cough] man: 'no'!")
    ["ol'", 'mr', "o'hara", 'a', 'well-known', '[cough]', 'man', 'no']
    """
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    words: list[str] = []
    place = 0
    for marked in _MARKED.finditer(text):
        words += _plain(text[place : marked.start()])
        words.append("".join(marked[0].lower().split()))
        place = marked.end()
    return words + _plain(text[place:])


def is_marked(word: str) -> bool:
    """Whether it is what brackets held."""
    return word[:1] in "[<" and word[-1:] in "]>"


def _plain(text: str) -> list[str]:
    stripped = (_stripped(token) for token in _DASHES.sub(" ", text.lower()).split())
    return [word for word in stripped if word]


def _stripped(token: str) -> str:
    """Without what is no letter, digit or combining mark at its ends, and none but ' - . within."""
    kept = "".join(
        sign for sign in token if sign in "'-." or unicodedata.category(sign)[0] in "LNM"
    ).strip("-.")
    if len(kept) > 1 and kept[0] == kept[-1] == "'":
        kept = kept.strip("'")  # quoted
    return kept if any(unicodedata.category(sign)[0] in "LN" for sign in kept) else ""
