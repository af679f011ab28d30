"""Trial lists: a line `label enrol test` asks whether two utterances are of one speaker.

A name with blanks in it, or a double quote in front, is in double quotes; those within it stand
twice, as in CSV.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError, did_you_mean
from bossline.core.files import write_text
from bossline.data.readers.base import read_lines

_LABELS = {"1": True, "target": True, "0": False, "nontarget": False}
_WORD = re.compile(r'\s*(?:"((?:[^"]|"")*)"(?!\S)|([^\s"]\S*))\s*')


@dataclass(frozen=True, eq=False)
class Trials:
    """N pairs of utterances.

    Attributes:
        labels: (N,) bool, whether a trial is a target trial: one speaker.
        enrol: (N,) ids, or paths of files.
        test: (N,) likewise.
    """

    labels: npt.NDArray[np.bool_]
    enrol: tuple[str, ...]
    test: tuple[str, ...]

    @classmethod
    def of(cls, rows: Sequence[tuple[bool, str, str]]) -> Trials:
        """From rows of label, enrol, test; at least one."""
        labels, enrol, test = zip(*rows, strict=True)
        return cls(np.array(labels, np.bool_), enrol, test)

    def __len__(self) -> int:
        return len(self.enrol)

    def rows(self, ids: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where the enrolled (N,) and the test utterances (N,) stand among the ids, all known."""
        places = {id: place for place, id in enumerate(ids)}
        return (
            np.array([places[id] for id in self.enrol], np.int64),
            np.array([places[id] for id in self.test], np.int64),
        )


def read_trials(path: Path, ids: Sequence[str]) -> Trials:
    """Read a trial list, empty lines left out; a label is 1 or target, 0 or nontarget.

    Args:
        path: UTF-8 text.
        ids: of the utterances that trials may name, beside files.

    Raises:
        UserError: unreadable, empty, a line that does not fit, or what is neither an utterance nor
            a file.
    """
    known = set(ids)
    rows: list[tuple[bool, str, str]] = []
    unknown: list[tuple[str, str]] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        where = f"{path} line {number}"
        words = _words(line, where)
        if len(words) != 3:
            raise UserError(
                f"{where}: expected 'label enrol test', found {counted(len(words), 'word')}"
            )
        label, enrol, test = words
        if label not in _LABELS:
            raise UserError(
                f"{where}: '{label}' is no label: expected 1 or target, 0 or nontarget, "
                "then two utterances"
            )
        unknown += [
            (where, name)
            for name in (enrol, test)
            if name not in known and not os.path.isfile(name)
        ]
        rows.append((_LABELS[label], enrol, test))
    if unknown:
        where, id = unknown[0]
        shown = get_close_matches(id, known) or sorted(known)[:5]  # a corpus has thousands
        more = len({id for _, id in unknown}) - 1
        others = f" ({more} more of the list are unknown)" if more else ""
        raise UserError(
            f"{where}: '{id}' is neither a file nor one of {counted(len(known), 'utterance')}; "
            f"{did_you_mean(id, shown)}{others}"
        )
    if not rows:
        raise UserError(f"{path}: no trials; expected lines 'label enrol test'")
    return Trials.of(rows)


def speakers_of(trials: Trials, known: Mapping[str, str]) -> dict[str, str]:
    """Who speaks in each utterance of the trials.

    Args:
        known: speakers of utterances. Of others the target trials tell: what they link is of one
            speaker, who is called like one of the utterances if none of them is known.
    """
    link: dict[str, str] = {}

    def end(name: str) -> str:
        while (after := link.setdefault(name, name)) != name:
            link[name] = link[after]  # halves the way for the next to come
            name = after
        return name

    for target, enrol, test in zip(trials.labels, trials.enrol, trials.test, strict=True):
        if target:
            link[end(enrol)] = end(test)
    names = dict.fromkeys(trials.enrol + trials.test)
    linked = {end(name): known[name] for name in names if name in known}
    return {name: known.get(name) or linked.get(end(name), end(name)) for name in names}


def write_trials(path: Path, trials: Trials) -> None:
    """Write a trial list.

    Raises:
        UserError: a name that no line can hold; or a full disk.
    """
    for name in trials.enrol + trials.test:
        if not name.isprintable():
            raise UserError(f"cannot write {path}: {name!a} has unprintable characters")
    rows = zip(trials.labels.astype(int), trials.enrol, trials.test, strict=True)
    write_text(
        path, "".join(f"{label} {_word(enrol)} {_word(test)}\n" for label, enrol, test in rows)
    )


def _words(line: str, where: str) -> list[str]:
    words, place = [], 0
    while place < len(line):
        if (found := _WORD.match(line, place)) is None:
            raise UserError(
                f"{where}: a double quote begins a name and does not end it: {line[place:]}"
            )
        quoted, plain = found.groups()
        words.append(plain if quoted is None else quoted.replace('""', '"'))
        place = found.end()
    return words


def _word(name: str) -> str:
    """As _words takes it for one."""
    if name and " " not in name and not name.startswith('"'):
        return name
    return '"' + name.replace('"', '""') + '"'
