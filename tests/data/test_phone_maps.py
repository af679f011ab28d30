"""Foldings of phone sets, held against the pairs and counts that are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.phone_maps import PHONE_MAPS, TIMIT_61, PhoneMap, phone_map
from bossline.data.phones import ARPABET

# What Kaldi's recipe for TIMIT changes, phone by phone (egs/timit/s5/conf/phones.60-48-39.map);
# it has no qcl, and 61 with q.
PAIRS = """
ao ao aa|ax ax ah|ax-h ax ah|axr er er|bcl vcl sil|dcl vcl sil|gcl vcl sil|pcl cl sil|tcl cl sil
kcl cl sil|el el l|em m m|en en n|eng ng ng|epi epi sil|h# sil sil|pau sil sil|hv hh hh|ix ix ih
nx n n|ux uw uw|zh zh sh
"""
CHANGED = {
    phone: (to_48, to_39)
    for phone, to_48, to_39 in (
        entry.split() for entry in PAIRS.replace("\n", "|").split("|") if entry
    )
}


def named(name: str) -> PhoneMap:
    found = phone_map(name)
    assert found is not None
    return found


def test_timit_has_as_many_phones_as_published() -> None:
    assert len(set(TIMIT_61)) == len(TIMIT_61) == 61
    for name, count in (("timit48", 48), ("timit39", 39)):
        kept = {named(name)(phone) for phone in TIMIT_61} - {""}
        assert len(kept) == count
        assert "sil" in kept


@pytest.mark.parametrize("phone", TIMIT_61)
def test_every_phone_of_timit(phone: str) -> None:
    expected = ("", "") if phone == "q" else CHANGED.get(phone, (phone, phone))
    assert (named("timit48")(phone), named("timit39")(phone)) == expected


def test_what_is_folded_stays_folded() -> None:
    to_48, to_39 = named("timit48"), named("timit39")
    for phone in {to_48(phone) for phone in TIMIT_61} - {""}:
        assert to_48(phone) == phone
        assert to_39(to_39(phone)) == to_39(phone)
    for phone in TIMIT_61:
        assert to_39(phone) == (to_39(to_48(phone)) if to_48(phone) else "")


def test_timit_knows_no_other_phones() -> None:
    assert named("timit39").unknown(["aa", "AA", "x", "AA", "cl", "sil"]) == ["AA", "x"]
    assert named("stress-off").unknown(["AA", "x"]) == []


def test_stress_is_taken_off_vowels_alone() -> None:
    fold = named("stress-off")
    assert [fold(phone) for phone in ("AH0", "AH1", "ER2", "AH", "B", "B0", "AH3", "SIL")] == [
        "AH", "AH", "ER", "AH", "B", "B0", "AH3", "SIL",
    ]  # fmt: skip
    vowels = {phone for phone in ARPABET if phone[0] in "AEIOU"}
    assert set(PHONE_MAPS["stress-off"].table.values()) == vowels


def test_classes_are_merged_in_their_order() -> None:
    names = ("h#", "ao", "aa", "bcl", "q", "b")
    classes, becomes = named("timit39").classes(names)
    assert classes == ("sil", "aa", "b")
    assert [classes[k] for k in becomes] == ["sil", "aa", "aa", "sil", "sil", "b"]
    assert becomes.dtype == np.int16


def test_classes_that_cannot_be_folded() -> None:
    with pytest.raises(UserError, match="what are the classes 'AA', 'B'"):
        named("timit39").classes(("aa", "AA", "B"))
    with pytest.raises(UserError, match="'q' is left out, but its frames must be something"):
        named("timit39").classes(("aa", "q"))


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.TSV"
    file.write_text("ao\taa\n\nq\t\nx\nb c\n".replace("b c\n", "b\tc\r\n"))
    fold = named(str(file))
    assert [fold(phone) for phone in ("ao", "q", "x", "b", "zz")] == ["aa", "", "", "c", "zz"]
    assert fold.words == "folded by mine.TSV"
    assert fold.unknown(["zz"]) == []


def test_all_that_is_wrong_with_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text("ao aa\nb\tp\tx\nb\tp\nb\tq\n\x1b\ty\n")
    with pytest.raises(UserError) as caught:
        phone_map(str(file))
    _, *lines = str(caught.value).split("\n  ")
    assert lines == [
        "line 1: expected 'from<TAB>to', found 'ao aa'",
        "line 2: expected 'from<TAB>to', found 'b\\tp\\tx'",
        "line 4: 'b' a second time",
        "line 5: expected 'from<TAB>to', found '\\x1b\\ty'",
    ]
    file.write_text("\n")
    with pytest.raises(UserError, match="no line"):
        phone_map(str(file))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        phone_map(str(tmp_path / "none.tsv"))


def test_no_such_mapping() -> None:
    assert phone_map("keep") is None
    with pytest.raises(UserError, match="--phones 'timit38': did you mean 'timit"):
        phone_map("timit38")
