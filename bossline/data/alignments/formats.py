"""Which format a file is in, by its name and its first line; reading and writing any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bossline.core.errors import UserError, did_you_mean
from bossline.core.files import write_text
from bossline.core.reading import within_memory
from bossline.data.alignments.ctm import read_ctm, write_ctm
from bossline.data.alignments.lhotse import read_lhotse
from bossline.data.alignments.lines import (
    read_audacity,
    read_htk,
    read_timit,
    read_xwaves,
    write_audacity,
    write_htk,
    write_timit,
)
from bossline.data.alignments.model import Alignment, Tier
from bossline.data.alignments.objects import read_emu, read_json_tiers, write_json_tiers
from bossline.data.alignments.source import NUMBER, RATE, Source, load
from bossline.data.alignments.tables import csv_columns, read_csv, write_csv
from bossline.data.alignments.textgrid import read_textgrid, write_textgrid
from bossline.data.labels import quoted

Recordings = Mapping[str, Alignment]


class NoAlignment(UserError):
    """A file that is no alignment, though its name could be that of one."""


@dataclass(frozen=True)
class Format:
    """A format of alignment files.

    Attributes:
        suffixes: of names, in small letters, from the first dot that matters.
        read: one recording, or several by their names.
    """

    suffixes: tuple[str, ...]
    read: Callable[[Source], Alignment | Recordings]


FORMATS: dict[str, Format] = {
    "textgrid": Format((".textgrid",), read_textgrid),
    "timit": Format((".phn", ".wrd"), read_timit),
    "htk": Format((".lab",), read_htk),
    "xwaves": Format((".phones", ".words", ".lab"), read_xwaves),
    "ctm": Format((".ctm",), read_ctm),
    "audacity": Format((".txt",), read_audacity),
    "emu": Format((".json",), read_emu),
    "lhotse": Format((".jsonl", ".jsonl.gz"), read_lhotse),
    "json": Format((".json",), read_json_tiers),
    "csv": Format((".csv",), read_csv),
}

WRITTEN = ("textgrid", "timit", "htk", "ctm", "audacity", "json", "csv")
"""The formats that can be written."""

OF_ONE_TIER = ("timit", "htk", "ctm", "audacity")
"""Of these, those that hold a single tier."""

SUFFIXES = tuple(sorted({suffix for form in FORMATS.values() for suffix in form.suffixes}))

SEVERAL = (".ctm", ".jsonl", ".jsonl.gz")
"""Suffixes of formats that name any number of recordings."""

_WHOLE_NUMBERS = re.compile(r"[ \t]*[0-9]+[ \t]+[0-9]+[ \t]+[^ \t]")
_COLOURED = re.compile(r"[ \t]*[0-9]*\.[0-9]+[ \t]+-?[0-9]+([ \t]|$)")
_SECONDS = re.compile(rf"[ \t]*{NUMBER}[ \t]+{NUMBER}([ \t]|$)")


def suffix_of(path: Path) -> str | None:
    """The part of a name that is a suffix of some format; None where there is none.

    >>> suffix_of(Path("cuts/SUP.jsonl.gz")), suffix_of(Path("sa1.PHN")), suffix_of(Path("a.wav"))
    ('.jsonl.gz', '.phn', None)
    """
    name = path.name.lower()
    return max((one for one in SUFFIXES if name.endswith(one)), key=len, default=None)


def read(path: str | Path, format: str | None = None, *, rate: int = RATE) -> Alignment:
    """Read an alignment of one recording.

    Args:
        format: a key of FORMATS; without it, what name and content say.
        rate: Hz, of TIMIT's sample numbers.

    Raises:
        NoAlignment: a transcript, or another file that is none.
        UserError: missing, unreadable, damaged beyond repair, or of several recordings.
    """
    recordings = read_all(path, format, rate=rate)
    if len(recordings) != 1:
        raise UserError(f"{path}: holds {len(recordings)} recordings, expected one")
    return next(iter(recordings.values()))


def read_all(path: str | Path, format: str | None = None, *, rate: int = RATE) -> Recordings:
    """Read a file of any number of recordings: alignments by the names of their recordings.

    A format of one recording does not name it, so it is called as the file is, without suffix.

    Args, Raises: as `read`.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise UserError(f"no alignment format '{format}': {did_you_mean(format, FORMATS)}")
    source = load(path, rate)
    try:
        with within_memory(path):
            found = FORMATS[format or _recognised(source)].read(source)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return {stem(path): found} if isinstance(found, Alignment) else found


def stem(path: Path) -> str:
    """The name of a file without the suffix of its format.

    >>> stem(Path("a/b.c.TextGrid")), stem(Path("JDR10_annot.json"))
    ('b.c', 'JDR10')
    """
    name = path.name[: len(path.name) - len(suffix_of(path) or path.suffix)]
    return re.sub("_(annot|bndl)$", "", name) if path.suffix.lower() == ".json" else name


def _recognised(source: Source) -> str:
    """The format of a text; what only content can tell stands in the order of trial."""
    path, suffix = source.path, suffix_of(source.path)
    first = next((line for _, line in source.lines()), "")
    if first.startswith(('File type = "oo', "ooBinaryFile", '"Praat chrono')):
        return "textgrid"
    if suffix is None:
        raise NoAlignment(
            f"{path}: not known by its name as an alignment; known suffixes: {', '.join(SUFFIXES)}"
        )
    if suffix == ".json":
        return _kind_of_json(source)
    if suffix == ".csv":
        if {"start", "end", "label"} <= csv_columns(first).keys():
            return "csv"
        raise NoAlignment(f"{path}: no alignment: a CSV without columns start, end and label")
    if suffix in (".lab", ".txt"):
        return _kind_of_lines(source, first)
    return next(name for name, form in FORMATS.items() if suffix in form.suffixes)


def _kind_of_json(source: Source) -> str:
    # Keys are looked for as text: the file is parsed by the reader, once.
    for key, name in (("tiers", "json"), ("levels", "emu")):
        if re.search(rf'"{key}"\s*:', source.text):
            return name
    raise NoAlignment(f"{source.path}: no alignment: JSON without tiers or levels")


def _kind_of_lines(source: Source, first: str) -> str:
    """A .lab or .txt: several formats use these names, and the Aligner's transcripts do."""
    lab = suffix_of(source.path) == ".lab"
    if lab and (re.search(r"^#[ \t]*$", source.text, re.MULTILINE) or _COLOURED.match(first)):
        return "xwaves"
    if not lab and "\t" in first and _SECONDS.match(first):
        return "audacity"
    if _WHOLE_NUMBERS.match(first):
        return "htk" if lab else "timit"
    if _SECONDS.match(first):
        return "audacity"
    if first.startswith("#!MLF!#"):
        raise UserError(f"{source.path}: a master label file: split it into a .lab a recording")
    said = f"a transcript, {quoted(first)}, without times" if first else "an empty file"
    raise NoAlignment(f"{source.path}: no alignment: {said}")


def written_format(path: Path) -> str:
    """The format in which a file of this name is written.

    Raises:
        UserError: its suffix is that of none.
    """
    suffix = suffix_of(path)
    for name in WRITTEN:
        if suffix in FORMATS[name].suffixes:
            return name
    known = ", ".join(one for name in WRITTEN for one in FORMATS[name].suffixes)
    raise UserError(f"{path}: write alignments to one of {known}")


def write(
    alignment: Alignment,
    path: str | Path,
    format: str | None = None,
    *,
    tier: str | None = None,
    rate: int = RATE,
) -> None:
    """Write an alignment as a whole file, in a form that strict readers take.

    Args:
        format: one of WRITTEN; without it, what the path's suffix says.
        tier: only this one; needed where the format holds one tier and the alignment has several.
        rate: Hz, of TIMIT's sample numbers.

    Raises:
        UserError: no such format or tier, something that the format cannot say, or a disk that is
            full, read-only or otherwise unwilling.
    """
    path = Path(path)
    if format is None:
        format = written_format(path)
    elif format not in WRITTEN:
        raise UserError(
            f"alignments are not written as '{format}': {did_you_mean(format, WRITTEN)}"
        )
    try:
        text = _text(alignment, format, stem(path), tier, rate)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    write_text(path, text)


def _text(alignment: Alignment, format: str, recording: str, tier: str | None, rate: int) -> str:
    if tier is not None:
        alignment = replace(alignment, tiers=(alignment.tier(tier),))
    match format:
        case "textgrid":
            return write_textgrid(alignment)
        case "json":
            return write_json_tiers(alignment)
        case "csv":
            return write_csv(alignment)
        case "timit":
            return write_timit(_only(alignment, format), rate)
        case "htk":
            return write_htk(_only(alignment, format))
        case "ctm":
            return write_ctm(_only(alignment, format), recording)
    return write_audacity(_only(alignment, format))


def _only(alignment: Alignment, format: str) -> Tier:
    if len(alignment.tiers) != 1:
        names = ", ".join(f"'{tier.name}'" for tier in alignment.tiers) or "none"
        raise UserError(f"{format} holds one tier, here are {names}: name one")
    return alignment.tiers[0]
