"""What is said in the utterances of a corpus, from files of text beside their recordings.

| what           | holds                                                                     |
| -------------- | ------------------------------------------------------------------------- |
| FILE           | `id what is said`, an utterance a line: `text` of Kaldi, LibriSpeech's    |
|                | *.trans.txt                                                               |
| FILE.csv, .tsv | a column of ids or paths, and one of text, by their names: Common Voice   |
| FOLDER         | at any depth *.trans.txt, files `text`, and ID.lab or ID.txt of one each  |

An id is that of an utterance, or the last part of it; a recording's suffix is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.reading import text_of
from bossline.data.ids import IdIndex
from bossline.data.labels import quoted
from bossline.data.readers.base import few, read_lines, tree
from bossline.data.readers.recordings import SUFFIXES

IDS = ("id", "path", "file", "file_name", "filename", "utterance", "utterance_id")
TEXTS = ("text", "sentence", "transcript", "transcription", "phones")


@dataclass(frozen=True)
class Transcripts:
    """Texts of a corpus.

    Attributes:
        texts: by the place of the utterance among the ids.
        strangers: ids that are of no utterance.
    """

    texts: dict[int, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)


def read_transcripts(path: Path, ids: Sequence[str]) -> Transcripts:
    """The texts of utterances.

    Args:
        path: a file, or a folder of them.
        ids: of the utterances.

    Raises:
        UserError: missing or unreadable, a line that has no text, an utterance with two texts, an
            id that several utterances end in, or not one text of these utterances.
    """
    index, found = IdIndex(ids), Transcripts()
    sources: dict[int, str] = {}
    for source, id, text in _lines(path):
        places = index.find(id) or index.find(_without_suffix(id))
        if len(places) > 1:
            which = few([ids[place] for place in places])
            raise UserError(f"{source}: {quoted(id)} may be {which}: give the whole id")
        if not places:
            found.strangers.append(id)
            continue
        (place,) = places
        if place in sources and found.texts[place] != text:
            raise UserError(
                f"{source}: another text of {quoted(ids[place])}, whose first is in "
                f"{sources[place]}: keep one of them"
            )
        found.texts[place], sources[place] = text, source
    if not found.texts:
        raise UserError(
            f"{path}: no text of any of the {counted(len(ids), 'utterance')}; it has "
            f"{few(found.strangers) if found.strangers else 'none'}, they are called {few(ids)}"
        )
    return found


def _without_suffix(id: str) -> str:
    name = PurePosixPath(id)
    return str(name.with_suffix("")) if name.suffix.lower() in SUFFIXES else id


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Source, id and text of each."""
    if not path.is_dir():
        yield from _of_table(path) if path.suffix.lower() in (".csv", ".tsv") else _of_list(path)
        return
    for file in tree(path):
        if file.name.endswith(".trans.txt") or file.name == "text":
            yield from _of_list(file)
        elif file.suffix.lower() in (".lab", ".txt"):
            id = file.relative_to(path).with_suffix("").as_posix()
            if text := " ".join(text_of(file).split()):
                yield str(file), id, text


def _of_list(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(read_lines(path), start=1):
        if line:
            id, *rest = line.split(None, 1)
            if not rest:
                raise UserError(f"{path} line {number}: {quoted(id)} has no text behind it")
            yield f"{path} line {number}", id, rest[0]


def _of_table(path: Path) -> Iterator[tuple[str, str, str]]:
    lines = read_lines(path)
    if path.suffix.lower() == ".tsv":  # whose texts have quotation marks of their own
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        of_ids = next((header.index(name) for name in IDS if name in header), None)
        of_texts = next((header.index(name) for name in TEXTS if name in header), None)
        if of_ids is None or of_texts is None:
            raise UserError(
                f"{path} line 1: expected a column of ids ({', '.join(IDS)}) and one of texts "
                f"({', '.join(TEXTS)}), found {few(header)}"
            )
        for row in rows:
            source = f"{path} line {rows.line_num}"
            if len(row) == len(header):
                yield source, row[of_ids].strip(), row[of_texts].strip()
            elif row:
                raise UserError(f"{source}: expected {len(header)} columns, found {len(row)}")
    except csv.Error as error:
        raise UserError(f"{path} line {rows.line_num}: {error}") from error
