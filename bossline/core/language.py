"""The language of pages and score tables: messages are English sentences, a catalogue has others.

Code says what it means in English, `tr("{count} of {total} are right", count=3, total=4)`; where
another language is spoken, the catalogue's sentence takes its place. Errors, logs and what a run
keeps stay English: another language is spoken only while a page or a table is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

import yaml

from bossline.core.errors import UserError

Language = Literal["en", "zh"]

VARIABLE = "BOSSLINE_LANG"
"""The environment variable that says which language is meant where nobody asks for one."""

TAGS: dict[Language, str] = {"en": "en", "zh": "zh-Hant"}
"""As `<html lang>` has them (BCP 47)."""

_FOLDER = Path(__file__).parent / "languages"
_spoken: ContextVar[Language | None] = ContextVar("language", default=None)


@dataclass(frozen=True)
class Catalogue:
    """One language.

    Attributes:
        messages: sentences by the English ones that stand in the code, with the same placeholders.
        words: names and sentences that the code holds in variables, as those of measures, verdicts
            and recipes are.
        counts: a number with its noun, by the English noun.
    """

    messages: dict[str, str]
    words: dict[str, str]
    counts: dict[str, str]


@cache
def catalogue(language: Language) -> Catalogue:
    """Of English, an empty one: what stands in the code is what is said."""
    if language == "en":
        return Catalogue({}, {}, {})
    text = (_FOLDER / f"{TAGS[language].replace('-', '_')}.yaml").read_text(encoding="utf-8")
    return Catalogue(**yaml.safe_load(text))


def language_of(asked: str | None) -> Language:
    """The language that is asked for: by an argument, else by BOSSLINE_LANG, else English.

    Raises:
        UserError: there is no such language.
    """
    named = asked or os.environ.get(VARIABLE) or "en"
    if named not in get_args(Language):
        where = "" if asked else f"{VARIABLE}="
        raise UserError(f"{where}{named}: expected a language, {' or '.join(get_args(Language))}")
    return cast(Language, named)


@contextmanager
def speaking(asked: str | None = None) -> Iterator[None]:
    """Speak a language in a block.

    Args:
        asked: None: the one that is spoken around it; if none is, see `language_of`.

    Raises:
        UserError: there is no such language.
    """
    around = _spoken.get()
    token = _spoken.set(around if asked is None and around else language_of(asked))
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> Language:
    """The language of this block; English where none is spoken."""
    return _spoken.get() or "en"


def tr(message: str, /, **values: object) -> str:
    """A message in the language that is spoken, its placeholders filled.

    Args:
        message: in English, written where it is used, so that tests find it there.

    >>> tr("{share:.0%} of {name}", share=0.25, name="all")
    '25% of all'
    """
    return catalogue(spoken()).messages.get(message, message).format(**values)


def term(word: str) -> str:
    """A name, or a sentence of a recipe, in the language that is spoken; as it is where the
    catalogue does not know it, such as one of the user's own."""
    return catalogue(spoken()).words.get(word, word)
