"""Every other format, from a few lines as its tools write them."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, IntervalTier, NoAlignment, PointTier, source
from bossline.data.alignments.formats import FORMATS

Rows = list[tuple[Any, ...]]


def rows(alignment: Alignment) -> dict[str, Rows]:
    return {
        tier.name: [(one.start, one.end, one.label) for one in tier.intervals]
        if isinstance(tier, IntervalTier)
        else [(point.time, point.label) for point in tier.points]
        for tier in alignment.tiers
    }


def emu(start: int = 16000, step: int = 1) -> dict[str, Any]:
    """Two phones of a word and a syllable, a click, and a word of nothing."""

    def item(id: int, label: str, level: str, **times: int) -> dict[str, Any]:
        labels = [{"name": "other", "value": "?"}, {"name": level, "value": label}]
        return {"id": id, "labels": labels, **times}

    phones = [
        item(3, "a", "Phonetic", sampleStart=start, sampleDur=8000 - step),
        item(4, "t", "Phonetic", sampleStart=start + 8000, sampleDur=8000 - step),
    ]
    return {
        "name": "a", "annotates": "a.wav", "sampleRate": 16000,
        "levels": [
            {"name": "Word", "type": "ITEM",
             "items": [item(1, "at", "Word"), item(9, "x", "Word")]},
            {"name": "Syllable", "type": "ITEM", "items": [item(2, "at", "Syllable")]},
            {"name": "Phonetic", "type": "SEGMENT", "items": phones},
            {"name": "Tone", "type": "EVENT", "items": [item(5, "H", "Tone", samplePoint=24000)]},
        ],
        "links": [
            {"fromID": 1, "toID": 2}, {"fromID": 2, "toID": 3}, {"fromID": 2, "toID": 4},
            {"fromID": 2, "toID": 1},
        ],
    }  # fmt: skip


EMU: dict[str, Rows] = {
    "Word": [(1.0, 2.0, "at")],
    "Syllable": [(1.0, 2.0, "at")],
    "Phonetic": [(1.0, 1.5, "a"), (1.5, 2.0, "t")],
    "Tone": [(1.5, "H")],
}

READ: dict[str, tuple[str, str, dict[str, Rows]]] = {
    "timit": (
        "SA1.PHN", "0 8000 h#\n8000 16000 sh\n", {"phones": [(0, 0.5, "h#"), (0.5, 1, "sh")]}
    ),
    "timit's text": ("sa1.txt", "0 16000 She had.\n", {"labels": [(0, 1, "She had.")]}),
    "htk": ("a.lab", "0 2500000 sil\n2500000 5000000 a\n",
            {"labels": [(0, 0.25, "sil"), (0.25, 0.5, "a")]}),
    "xwaves": (
        "a.lab",
        "signal a\nseparator ;\nnfields 1\n#\n    0.250000  125 sil\n 0.5 125 a b; x\n 0.75 125\n",
        {"labels": [(0, 0.25, "sil"), (0.25, 0.5, "a b"), (0.5, 0.75, "")]},
    ),
    "xwaves without a header": (
        "a.lab", "0.25 121 sil\n0.5 121 a\n", {"labels": [(0, 0.25, "sil"), (0.25, 0.5, "a")]}
    ),
    "buckeye": (
        "s0101a.phones", "header s\n#\n 0.25  122 SIL\n 0.5  122 ah; x\n",
        {"phones": [(0, 0.25, "SIL"), (0.25, 0.5, "ah")]},
    ),
    "seconds": ("a.lab", "0.0 0.25 a\n0.25 1 b\n", {"labels": [(0, 0.25, "a"), (0.25, 1, "b")]}),
    "ctm": (
        "a.ctm", ";; made by hand\na 1 0.1 0.2 the\na 1 0.3 .7 cat 0.98 lex\n",
        {"labels": [(0.1, 0.3, "the"), (0.3, 1, "cat")]},
    ),
    "ctm of two channels": (
        "a.ctm", "a A 0 1 yes\na B 0.5 1 no\n",
        {"channel A": [(0, 1, "yes")], "channel B": [(0.5, 1.5, "no")]},
    ),
    "audacity": (
        "a.txt", "0.25\t0.5\tone two\n\\\t10\t20\n0.5\t0.5\tclick\n1.0\t1.0\t\n",
        {"labels": [(0.25, 0.5, "one two")], "points": [(0.5, "click"), (1.0, "")]},
    ),
    "csv": (
        "a.csv", 'tier,start,end,label\np,0,0.5,"a, ""b"""\nc,0.25,,click\n',
        {"p": [(0, 0.5, 'a, "b"')], "c": [(0.25, "click")]},
    ),
    "the aligner's csv": (
        "a.csv",
        "Begin,End,Label,Type,Speaker\n0,1,at,words,s1\n0,0.5,AE1,phones,s1\n0,1,no,words,s2\n",
        {
            "s1 - words": [(0, 1, "at")],
            "s1 - phones": [(0, 0.5, "AE1")],
            "s2 - words": [(0, 1, "no")],
        },
    ),
    "json": (
        "a.json",
        '{"start": 0, "end": 2, "tiers": {"p": {"type": "interval", "entries": [[0, 1, "a"]]}, '
        '"c": {"type": "point", "entries": [[0.5, "x"]]}}}',
        {"p": [(0, 1, "a")], "c": [(0.5, "x")]},
    ),
    "emu": ("a_annot.json", json.dumps(emu()), EMU),
    "emu of old": ("a_annot.json", json.dumps(emu(step=0)),
                   {**EMU, "Phonetic": [(1.0, 1.5, "a"), (1.5, 2 + 1 / 16000, "t")],
                    "Word": [(1.0, 2 + 1 / 16000, "at")],
                    "Syllable": [(1.0, 2 + 1 / 16000, "at")]}),
    "a bundle of emu": ("a_bndl.json", json.dumps({"annotation": emu()}), EMU),
    "lhotse": (
        "a.jsonl",
        '{"id": "u1", "recording_id": "r", "start": 0.5, "duration": 1, "text": "at", '
        '"speaker": "s", "alignment": {"phone": [["AE", 0.5, 0.2], ["T", 0.7, 0.1, 0.9]]}}\n',
        {"utterances": [(0.5, 1.5, "at")], "phone": [(0.5, 0.7, "AE"), (0.7, 0.8, "T")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ.values(), ids=READ)
def test_formats_are_known_by_name_and_content(
    tmp_path: Path, name: str, text: str, expected: dict[str, Rows]
) -> None:
    (tmp_path / name).write_text(text)
    assert rows(alignments.read(tmp_path / name)) == expected


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "a_annot.json").write_text(READ["emu"][1])
    (tmp_path / "a.lab").write_text("0 5 a -12.5 word\n5 10 b\n")
    (tmp_path / "a.txt").write_text(READ["audacity"][1])
    told = {path.name: alignments.read(path).repairs for path in tmp_path.iterdir()}
    assert "tier 'Word': 1 item linked to no segment" in told["a_annot.json"][0]
    assert "1 line with more than a label: the rest is left out" in told["a.lab"][0]
    assert "1 line of frequencies: left out" in told["a.txt"][0]
    assert all(len(sentences) == 1 for sentences in told.values())


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz"])
def test_several_recordings_and_speakers(tmp_path: Path, name: str) -> None:
    items = [
        {"recording_id": "r1", "start": 0, "duration": 1, "speaker": "ann", "text": "a"},
        {"recording_id": "r1", "start": 0.5, "duration": 1, "speaker": "bob", "text": "b"},
        {"recording_id": "r2", "start": 0, "duration": 1},
    ]
    text = "\n".join(map(json.dumps, items)).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    found = {key: rows(one) for key, one in alignments.read_all(tmp_path / name).items()}
    assert found == {
        "r1": {"ann - utterances": [(0, 1, "a")], "bob - utterances": [(0.5, 1.5, "b")]},
        "r2": {"utterances": [(0, 1, "")]},
    }
    with pytest.raises(UserError, match="holds 2 recordings, expected one"):
        alignments.read(tmp_path / name)


NONE = {
    "a transcript": ("a.lab", "she had your dark suit\n", "a transcript, 'she had your dark suit'"),
    "an empty one": ("a.lab", "\n \n", "an empty file"),
    "a read-me": ("a.txt", "1. Install it\n", "a transcript, '1. Install it', without times"),
    "other csv": ("a.csv", "path,text\na.wav,hello\n", "a CSV without columns start, end and"),
    "other json": ("a.json", '{"epochs": 3}', "JSON without tiers or levels"),
    "another name": ("a.wav", "RIFF", "not known by its name as an alignment"),
}


@pytest.mark.parametrize(("name", "text", "message"), NONE.values(), ids=NONE)
def test_what_is_no_alignment_is_told_apart(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(NoAlignment) as error:
        alignments.read(tmp_path / name)
    assert message in str(error.value)


WRONG = {
    "two words": ("a.phn", "0 5 a\n5 10\n", "a.phn line 2: '5 10', expected a start, an end and"),
    "a fraction": ("a.phn", "0 5 a\n5 1.5 b\n", "line 2: '1.5' is no whole number of samples"),
    "digits": ("a.phn", f"0 {'9' * 5000} a\n", "is no whole number of samples"),
    "backwards": ("a.lab", "\n5 0 a\n", "line 2: tier 'labels': 'a' at 5e-07 s ends at 0 s"),
    "within": ("a.lab", "0 90 a\n0 90 b\n", "line 2: tier 'labels': 'b' at 0 s lies within"),
    "ends": ("a.lab", "#\n0.5 1 a\n0.25 1 b\n", "line 3: tier 'labels': 'b' at 0.5 s ends at 0.25"),
    "mlf": ("a.lab", '#!MLF!#\n"*/a.lab"\n', "a master label file: split it"),
    "ctm": ("a.ctm", "a 1 0 0.5\n", "line 1: 'a 1 0 0.5', expected a recording, a channel"),
    "ctm nan": ("a.ctm", "a 1 0 nan x\n", "line 1: 'nan' is no number of seconds"),
    "ctm far": ("a.ctm", "a 1 1 1e999 x\n", "line 1: inf s is beyond all recordings"),
    "ctm less": ("a.ctm", "a 1 1 -0.5 x\n", "line 1: tier 'labels': 'x' at 1 s ends at 0.5 s"),
    "a cell": ("a.csv", "start,end,label\n0,1\n", "line 2: 2 cells, expected 3"),
    "quotes": ("a.csv", 'start,end,label\n0,1,"a\n', "line 2: not readable as CSV"),
    "both": ("a.csv", "start,end,label\n0,1,a\n2,,b\n", "line 3: points and intervals in one tier"),
    "json": ("a.json", '{"tiers": {\n"p": ]}}', "line 2: not JSON"),
    "depth": ("a.json", '{"tiers": ' + "[" * 100_000, "line 1: JSON nested too deeply"),
    "a list": ("a.json", '{"tiers": []}', "tiers: a list, expected an object"),
    "a kind": ("a.json", '{"tiers": {"p": {"type": "x"}}}', "tiers.p.type: 'x', expected 'inter"),
    "entries": (
        "a.json", '{"tiers": {"p": {"type": "interval", "entries": [[0, NaN, "a"]]}}}',
        "tiers.p.entries[0][1]: NaN, expected a number up to 1e+09",
    ),
    "a rate": ("a.json", '{"levels": [], "sampleRate": 0}', "sampleRate: 0, expected samples"),
    "no rate": ("a.json", '{"levels": []}', "sampleRate: missing, expected a number"),
    "lhotse": ("a.jsonl", '\n{"id": 1}\n', "line 2: recording_id: missing, expected text"),
    "lhotse json": ("a.jsonl", '{}\n{"id": \n', "line 1: recording_id: missing"),
    "gz": ("a.jsonl.gz", "no gzip", "damaged, or not compressed by gzip"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as error:
        alignments.read(tmp_path / name)
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / name))
    assert not isinstance(error.value, NoAlignment)


def test_bombs_and_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_BYTES", 1 << 20)
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(bytes(1 << 24)))
    (tmp_path / "large.phn").write_bytes(bytes((1 << 20) + 1))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(os.urandom(1000))[:-100])
    os.mkfifo(tmp_path / "pipe.lab")
    for name, message in {
        "bomb.jsonl.gz": "more than 1 MiB, too large",
        "large.phn": "more than 1 MiB, too large",
        "cut.jsonl.gz": "damaged, or not compressed by gzip",
        "pipe.lab": "a FIFO, expected a regular file",
        "none.lab": "no such file",
    }.items():
        with pytest.raises(UserError, match=message):
            alignments.read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ctm", "a 1 0 1 é\nb 1 0 1 é\n"),
        ("a.jsonl", '{"recording_id": "a", "start": 0, "duration": 1, "text": "é"}\n'),
    ],
)
def test_another_encoding_is_told_of_every_recording(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="latin-1")
    for found in alignments.read_all(tmp_path / name).values():
        assert rows(found).popitem()[1] == [(0, 1, "é")]
        assert "not UTF-8, first in line 1: read as Latin-1" in found.repairs[0]


def test_a_format_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("0 16000 a\n")
    assert rows(alignments.read(tmp_path / "a.dat", "timit")) == {"labels": [(0, 1, "a")]}
    with pytest.raises(UserError, match="no alignment format 'timti': did you mean 'timit'"):
        alignments.read(tmp_path / "a.dat", "timti")


def read_or_refused(path: Path, format: str | None) -> None:
    """Whatever is read keeps the model's rules, which it checks itself; a refusal is a line."""
    message = f"{path}: read"
    try:
        for found in alignments.read_all(path, format).values():
            assert all(isinstance(tier, IntervalTier | PointTier) for tier in found.tiers)
    except UserError as error:
        message = str(error)
    assert message.startswith(str(path))
    assert "\n" not in message


PIECES = st.sampled_from(
    ["0", "1", "0.5", "-1", "9e9", "\t", " ", "\n", ",", '"', "{", "}", "[", "]", ":", "#", ";;",
     "a", '"tiers"', '"levels"',
     '"type"', "<exists>", '"ooTextFile"', '"TextGrid"', '"IntervalTier"',
     "start,end,label\n", "\ud7ff", "\x1b", "null", "1e999"]
)  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(PIECES, max_size=25).map("".join).map(str.encode) | st.binary(max_size=40),
)
def test_anything_is_read_or_refused(format: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.txt")
        path.write_bytes(content)
        read_or_refused(path, format)


@settings(max_examples=150)
@given(st.sampled_from(sorted(READ)), st.integers(0, 400), st.sampled_from(list('0"9,]\n\0 x')))
def test_one_wrong_character_is_read_or_refused(case: str, place: int, sign: str) -> None:
    name, text, _ = READ[case]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text[: place % len(text)] + sign + text[place % len(text) + 1 :])
        read_or_refused(path, None)
