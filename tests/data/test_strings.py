"""Strings beside a source, from the file to the pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus


@pytest.fixture
def source(home: Path, tmp_path: Path) -> Path:
    """Features of four utterances, without labels."""
    path = tmp_path / "mfcc"
    rng = np.random.default_rng(0)
    for id in ("a/u1", "a/u2", "b/u3", "b/u 4"):
        (path / id).parent.mkdir(parents=True, exist_ok=True)
        np.save(path / f"{id}.npy", rng.standard_normal((9, 3)))
    return path


def imported(source: Path, *strings: Path, **options: Any) -> Corpus:
    return import_corpus(source, "mine", reader="folder", strings=strings, **options)


def told(corpus: Corpus) -> dict[str, str]:
    """By id, the names of what is said."""
    names = corpus.header.vocabulary
    return {
        id: " ".join(names[symbol - 1] for symbol in corpus.string(u))
        for u, id in enumerate(corpus.ids)
    }


EXPECTED = {"a/u1": "T AA T", "a/u2": "S", "b/u3": "", "b/u 4": "AA AA"}


def as_list(folder: Path) -> Path:
    file = folder / "text"
    file.write_text("u1 T AA T\n\nb/u 4\tAA  AA\na/u2 <sos> SIL S [EOS]")
    return file


def as_table(folder: Path) -> Path:
    file = folder / "train.CSV"
    file.write_text('\ufeffsplit,Label,ID\nx,T AA T,u1\nx,"AA AA",b/u 4\n\nx,SIL S <eos>,u2\n')
    return file


def as_arrays(folder: Path) -> Path:
    path = folder / "transcript"
    (path / "deep").mkdir(parents=True)
    np.save(path / "deep" / "u1.npy", ["[SOS]", "T", "AA", "T", "[EOS]"])
    np.save(path / "u 4.npy", ["", "AA", "AA"])
    np.save(path / "u2.npy", ["[SIL]", "S"])
    (path / "._u2.npy").write_bytes(b"what macOS leaves behind")
    return path


@pytest.mark.parametrize("form", [as_list, as_table, as_arrays])
def test_every_form_tells_the_same(source: Path, tmp_path: Path, form: Any) -> None:
    corpus = imported(source, form(tmp_path))
    assert corpus.header.vocabulary == ("AA", "S", "T")
    assert told(corpus) == EXPECTED
    known = {id: bool(has) for id, has in zip(corpus.ids, corpus.has_string, strict=True)}
    assert known == {id: bool(string) for id, string in EXPECTED.items()}
    assert not corpus.labelled.any()
    corpus.verify()


def test_the_note_says_what_was_left_out(source: Path, tmp_path: Path) -> None:
    corpus = imported(source, as_list(tmp_path), note="of mine")
    assert corpus.header.note == "strings: text, without <sos>, SIL, [EOS]; of mine"
    np.save(source / "a" / "u1.npy", np.zeros((9, 3)))
    (tmp_path / "text").write_text("u1 T\n")
    assert imported(source, tmp_path / "text").header.note == "strings: text"


def test_arrays_among_the_features_are_no_utterances(source: Path) -> None:
    """As the homework of CMU 11-785 lies: mfcc/ and transcript/ of each part side by side."""
    assert told(imported(source, as_arrays(source))) == EXPECTED


def test_several_files(source: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("u1 T AA T\n")
    (tmp_path / "two.csv").write_text("id,phones\nu2,S\nb/u 4,AA AA\n")
    corpus = imported(source, tmp_path / "one", tmp_path / "two.csv")
    assert told(corpus) == EXPECTED
    assert corpus.header.note == "strings: one, two.csv"


def test_a_vocabulary_rules_the_order(source: Path, tmp_path: Path) -> None:
    vocabulary = tmp_path / "phones.txt"
    vocabulary.write_text("<sos>\nZH\nT\nSIL\nS\nAA\n")
    corpus = imported(source, as_list(tmp_path), vocabulary=vocabulary)
    assert corpus.header.vocabulary == ("ZH", "T", "S", "AA")
    assert told(corpus) == EXPECTED
    vocabulary.write_text("AA\nS\n")
    with pytest.raises(UserError, match="text line 1: u1: not in the vocabulary: 'T'"):
        imported(source, tmp_path / "text", vocabulary=vocabulary)
    with pytest.raises(UserError, match="--vocabulary lists the phones of --strings"):
        imported(source, vocabulary=vocabulary)


def test_all_problems_at_once(source: Path, tmp_path: Path) -> None:
    np.save(source / "b" / "u1.npy", np.ones((9, 3)))
    (tmp_path / "text").write_text(
        "u1 T\na/u1 T\na/u1 S\nu2 S\na/u2 S\n../x T\nnobody T\nu3 \x1b[2J\nend"
    )
    with pytest.raises(UserError) as caught:
        imported(source, tmp_path / "text")
    _, *lines = str(caught.value).split("\n  ")
    assert sorted(lines) == [
        "text line 1: 'u1' may be 'a/u1', 'b/u1': give the whole id",
        "text line 3: 'a/u1' a second time, first in text line 2",
        "text line 5: 'a/u2' a second time, first in text line 4",
        "text line 6: '../x': leads out of its folder by '..'",
        f"text line 7: 'nobody': no such utterance in {source}",
        r"text line 8: 'u3': no phone: '\x1b[2J'",
        f"text line 9: 'end': no such utterance in {source}: the file's last line has no end, "
        "is it cut short?",
    ]


def test_strings_without_audio_may_be_left_out(source: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("u1 T\nnobody S\n")
    corpus = imported(source, tmp_path / "text", skip_damaged=True)
    assert [left.id for left in corpus.header.left_out] == ["nobody"]
    assert len(corpus) == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("u1,T\n", "line 1: expected a column id, and one of phones or label"),
        ("id,phones,label\n", "line 1: expected a column id, and one of"),
        ('id,phones\nu1,"T\n', "line 3: unexpected end of data"),
        ("", "line 1: expected a column id"),
        ("id,phones\n", "no strings in it"),
        ("id,phones\nu1,SIL\n", "expected 1 to 32,767 different phones, found 0"),
        ("id,phones\nu1,T,AA\n", "t.csv line 2: expected 2 columns, found 3"),
    ],
)
def test_tables_that_are_none(source: Path, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "t.csv").write_text(text + ("u2,S\n" if text.endswith("AA\n") else ""))
    with pytest.raises(UserError, match=why):
        imported(source, tmp_path / "t.csv")


def test_arrays_that_are_none(source: Path, tmp_path: Path, payload: Any) -> None:
    path = as_arrays(tmp_path)
    np.save(path / "n.npy", np.ones(3))
    np.save(path / "o.npy", np.array([payload], object), allow_pickle=True)
    np.save(path / "p.npy", np.array([["A"]]))
    beyond = np.array([0x7FFFFFFF], np.uint32).view("U1")
    np.save(path / "u3.npy", beyond)
    with pytest.raises(UserError) as caught:
        imported(source, path)
    _, *lines = str(caught.value).split("\n  ")
    assert lines == [
        "transcript/n.npy: holds float64 (3,), expected text (phones,)",
        "transcript/o.npy: holds pickled objects; they were not run",
        "transcript/p.npy: holds <U1 (1, 1), expected text (phones,)",
        "transcript/u3.npy: holds numbers that are no letters",
    ]
    assert not payload.target.exists()


def test_missing_files(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none: cannot be read: No such file"):
        imported(source, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no strings in it"):
        imported(source, tmp_path / "empty")


def test_what_strings_say_is_part_of_what_a_pack_is_named_by(source: Path, tmp_path: Path) -> None:
    file = as_list(tmp_path)
    plain, first = imported(source), imported(source, file)
    assert imported(source, file).path == first.path != plain.path
    assert imported(source, file, phones="stress-off").path != first.path
    file.write_text("u1 S\n")
    assert told(imported(source, file))["a/u1"] == "S"
    assert told(open_corpus(first.path)) == EXPECTED
    assert not plain.has_string.any()
    assert plain.string(0).tolist() == []


def test_timit_is_folded_at_import(source: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("u1 h# bcl b ao q el h#\nu2 zh ix\n")
    corpus = imported(source, tmp_path / "text", phones="timit39")
    assert told(corpus)["a/u1"] == "b aa l"
    assert told(corpus)["a/u2"] == "sh ih"
    assert corpus.header.note == (
        "phones: TIMIT 61 folded to 39 (Lee and Hon 1989); strings: text, without h#, sil"
    )
    assert corpus.header.source.options["phones"] == "timit39"
    (tmp_path / "text").write_text("u1 AA b\nu2 ix\n")
    with pytest.raises(UserError, match=r"text line 1: u1: what are 'AA'\? TIMIT 61 folded"):
        imported(source, tmp_path / "text", phones="timit39")


def test_classes_are_folded_too(source: Path, tmp_path: Path) -> None:
    (source / "classes.txt").write_text("h#\nbcl\nao\naa\nq\n")
    (source / "labels.txt").write_text("a/u1 0 1 2 2 3 4 3 1 0\n")
    corpus = import_corpus(source, "mine", phones="timit39")
    assert corpus.header.classes == ("sil", "aa")
    assert corpus.frame_labels(0).tolist() == [0, 0, 1, 1, 1, 0, 1, 0, 0]
    assert corpus.header.class_counts == (5, 4)
    assert corpus.header.note == "phones: TIMIT 61 folded to 39 (Lee and Hon 1989)"


def test_classes_without_names_are_not_folded(source: Path, tmp_path: Path) -> None:
    (source / "labels.txt").write_text("a/u1 0 1 2 2 3 4 3 1 0\n")
    with pytest.raises(UserError, match="neither strings nor classes with names"):
        import_corpus(source, "mine", phones="timit39")
    (tmp_path / "text").write_text("u1 bcl ao\n")
    corpus = imported(source, tmp_path / "text", phones="timit39")
    assert corpus.header.classes == ("0", "1", "2", "3", "4")
    assert told(corpus)["a/u1"] == "aa"


def test_rows_have_no_phones(home: Path, tmp_path: Path) -> None:
    (tmp_path / "covid.train.csv").write_text("id,AL,cli,tested_positive\n0,1,2.0,3.0\n1,0,2,3\n")
    (tmp_path / "text").write_text("0 T\n")
    with pytest.raises(UserError, match="holds rows, which have no phones"):
        import_corpus(tmp_path, "mine", reader="covid", strings=[tmp_path / "text"])
