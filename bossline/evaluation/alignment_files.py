"""Files of alignments against files of alignments: each is scored, or named with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.core.reading import reason
from bossline.data.alignments import Alignment, IntervalTier, NoAlignment, read_all
from bossline.data.alignments.formats import SEVERAL, suffix_of
from bossline.data.alignments.source import RATE
from bossline.evaluation.boundaries import AlignmentScores, Compared, alignment_scores

_Recordings = dict[str, Alignment]


class FileScores(Config):
    """What a comparison of two folders or files found.

    Attributes:
        scores: of the recordings that both sides have; None where there is none.
        without_hypothesis, without_reference: recordings that only one side has.
        unreadable: files and recordings that could not be scored, a sentence each.
        passed_over: files that are no alignments, a sentence each.
        repairs: what was put right in files, a sentence each.
    """

    scores: AlignmentScores | None
    without_hypothesis: tuple[str, ...]
    without_reference: tuple[str, ...]
    unreadable: tuple[str, ...]
    passed_over: tuple[str, ...]
    repairs: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything could be scored."""
        lacking = self.without_hypothesis, self.without_reference, self.unreadable
        return self.scores is not None and not any(lacking)

    @property
    def remarks(self) -> dict[str, tuple[str, ...]]:
        """All but the scores, by what it is."""
        return {
            "repaired": self.repairs,
            "passed over": self.passed_over,
            "no hypothesis": self.without_hypothesis,
            "no reference": self.without_reference,
            "cannot be scored": self.unreadable,
        }


@dataclass
class _Side:
    """The recordings of one side by their names, and what came up while they were read."""

    recordings: dict[str, Alignment] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def score_alignments(
    reference: str | Path,
    hypothesis: str | Path,
    *,
    tier: str | None = None,
    hypothesis_tier: str | None = None,
    mapping: str = "none",
    rate: int = RATE,
) -> FileScores:
    """Score alignments in files or folders of any format that can be read.

    Recordings pair by the names of their files without suffix, or, where folders hold a name twice,
    by path; files of several recordings by the names in them; two files of one recording each
    whatever they are called. Several files of one name, such as TIMIT's .phn and .wrd, are tiers of
    one recording.

    Args:
        tier: the tier to compare; without it, the one that holds phones.
        hypothesis_tier: where it has another name in the hypotheses.
        mapping: of labels, a key of MAPPINGS.
        rate: Hz, of TIMIT's sample numbers.

    Raises:
        UserError: no such file or folder, a single file that cannot be read, no such mapping, or
            nothing to score in any reference.
    """
    sides = [_read(Path(path), rate) for path in (reference, hypothesis)]
    ours, theirs = _named_alike(*(side.recordings for side in sides))
    unreadable = [sentence for side in sides for sentence in side.unreadable]
    compared: list[Compared] = []
    repairs: list[str] = []
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name], theirs[name]
        repairs += [*one.repairs, *other.repairs]
        try:
            phones = (
                _phones(one, tier, reference),
                _phones(other, hypothesis_tier or tier, hypothesis),
            )
        except UserError as error:
            unreadable.append(f"{name}: {error}")
        else:
            compared.append(Compared(*phones, one.start, one.end))
    return FileScores(
        scores=alignment_scores(compared, mapping) if compared else None,
        without_hypothesis=tuple(sorted(ours.keys() - theirs.keys())),
        without_reference=tuple(sorted(theirs.keys() - ours.keys())),
        unreadable=tuple(unreadable),
        passed_over=tuple(sentence for side in sides for sentence in side.passed_over),
        repairs=tuple(repairs),
    )


def _phones(alignment: Alignment, tier: str | None, side: str | Path) -> IntervalTier:
    try:
        return alignment.phones(tier)
    except UserError as error:
        raise UserError(f"in {side}: {error}") from error


def _read(path: Path, rate: int) -> _Side:
    side = _Side()
    if not path.is_dir():
        side.recordings = dict(read_all(path, rate=rate))
        return side
    parts: dict[str, list[Alignment]] = {}
    for file in _files(path, side):
        try:
            found = read_all(file, rate=rate)
        except NoAlignment as error:
            side.passed_over.append(str(error))
        except UserError as error:
            side.unreadable.append(str(error))
        else:
            several = suffix_of(file) in SEVERAL
            within = "" if several else f"{file.relative_to(path).parent.as_posix()}/"
            for name, alignment in found.items():
                parts.setdefault(within.removeprefix("./") + name, []).append(alignment)
    for name, alignments in parts.items():
        tiers = tuple(tier for one in alignments for tier in one.tiers)
        names = [tier.name for tier in tiers]
        if twice := next((tier for tier in names if names.count(tier) > 1), None):
            side.unreadable.append(
                f"{path}: {name}: several files of this name have tier '{twice}'"
            )
            continue
        start, end = min(one.start for one in alignments), max(one.end for one in alignments)
        repairs = tuple(repair for one in alignments for repair in one.repairs)
        side.recordings[name] = Alignment(start, end, tiers, repairs)
    return side


def _files(folder: Path, side: _Side) -> Iterator[Path]:
    """Files below a folder whose names are those of alignments, in order."""

    def cannot(error: OSError) -> None:
        side.unreadable.append(f"{error.filename}: cannot be read: {reason(error)}")

    for here, folders, files in os.walk(folder, onerror=cannot):
        folders.sort()
        yield from (Path(here, name) for name in sorted(files) if suffix_of(Path(name)))


def _named_alike(ours: _Recordings, theirs: _Recordings) -> tuple[_Recordings, _Recordings]:
    """Both sides by last names where each has every one once; two lone recordings by one name."""
    if len(ours) == len(theirs) == 1:
        return ours, dict(zip(ours, theirs.values(), strict=True))
    short = [
        {name.rpartition("/")[2]: one for name, one in side.items()} for side in (ours, theirs)
    ]
    if len(short[0]) == len(ours) and len(short[1]) == len(theirs):
        return short[0], short[1]
    return ours, theirs
