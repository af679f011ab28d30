from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data.transcripts import read_transcripts

IDS = ["103/1240/103-1240-0000", "103/1240/103-1240-0001", "ann/hello"]


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_as_librispeech_lies_on_disk(tmp_path: Path) -> None:
    lines = "103-1240-0000 CHAPTER ONE\n103-1240-0001 MISSUS LYNDE\n103-1240-0002 GONE\n"
    write(tmp_path / "103" / "1240" / "103-1240.trans.txt", lines)
    write(tmp_path / "ann" / "hello.txt", "  Hello\n there ")
    write(tmp_path / "README.md", "no text")
    found = read_transcripts(tmp_path, IDS)
    assert found.texts == {0: "CHAPTER ONE", 1: "MISSUS LYNDE", 2: "Hello there"}
    assert found.strangers == ["103-1240-0002"]


def test_as_kaldi_and_tables_have_them(tmp_path: Path) -> None:
    kaldi = write(tmp_path / "text", "103-1240-0001  missus lynde\n\n")
    assert read_transcripts(kaldi, IDS).texts == {1: "missus lynde"}
    assert read_transcripts(tmp_path, IDS).texts == {1: "missus lynde"}
    voices = 'client_id\tpath\tsentence\nx\tann/hello.mp3\t"Hello," she said\n'
    table = write(tmp_path / "validated.tsv", voices)
    assert read_transcripts(table, IDS).texts == {2: '"Hello," she said'}
    table = write(tmp_path / "t.csv", 'id,text\nann/hello,"Hello, you"\n')
    assert read_transcripts(table, IDS).texts == {2: "Hello, you"}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("text", "103-1240-0000\n", "line 1: '103-1240-0000' has no text behind it"),
        ("text", "ann/hello one\nhello two\n", "line 2: another text of 'ann/hello'.*line 1"),
        ("text", "bob/bye bye\n", "no text of any of the 3 utterances; it has 'bob/bye'"),
        ("text", "", "it has none"),
        ("t.csv", "who,what\na,b\n", "line 1: expected a column of ids .* found 'who', 'what'"),
        ("t.csv", "id,text\nann/hello\n", "line 2: expected 2 columns, found 1"),
        ("t.csv", 'id,text\nann/hello,"never ends\n', "line 3: unexpected end"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        read_transcripts(write(tmp_path / name, content), IDS)


def test_an_id_that_several_end_in_is_refused(tmp_path: Path) -> None:
    text = write(tmp_path / "text", "hello there\n")
    with pytest.raises(UserError, match="'hello' may be 'ann/hello', 'bob/hello'"):
        read_transcripts(text, ["ann/hello", "bob/hello"])
    with pytest.raises(UserError, match="cannot be read"):
        read_transcripts(tmp_path / "gone", IDS)
