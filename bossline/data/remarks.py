"""What a user should know of the copies in a corpus: items of equal values."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from bossline.data.duplicates import leaders
from bossline.data.packed import Corpus
from bossline.data.speeds import copies
from bossline.data.splits import PSEUDO

_SHOWN = 3


def remarks_on_copies(corpus: Corpus) -> list[str]:
    """Lines for people; none where every item differs from all others.

    Copies that were made on purpose, at other speeds or with pseudo-labels, are no matter.
    """
    parts, item = corpus.header.parts, corpus.header.features.item
    members = np.flatnonzero(~copies(corpus))
    if PSEUDO in parts:
        members = members[corpus.parts[members] != parts.index(PSEUDO)]
    first = leaders(corpus, members)
    pairs = [(int(u), int(o)) for u, o in zip(members, first, strict=True) if u != o]
    if not pairs:
        return []
    remarks = [
        f"{len(pairs):,} of {len(members):,} {item}s hold the same values as another: "
        f"{_shown(corpus, pairs)}; a split keeps them on one side"
    ]
    if contrary := [pair for pair in pairs if _contradict(corpus, *pair)]:
        remarks.append(
            f"{len(contrary):,} of them {_contradiction(corpus)}: {_shown(corpus, contrary)}"
        )
    across = defaultdict[tuple[str, str], list[tuple[int, int]]](list)
    for u, o in pairs:
        if corpus.parts[u] != corpus.parts[o]:
            across[parts[corpus.parts[u]], parts[corpus.parts[o]]].append((u, o))
    for (part, other), found in across.items():
        remarks.append(
            f"{len(found):,} of part {part} are in part {other} too: {_shown(corpus, found)}; "
            "the corpus' own parts are taken as they are"
        )
    return remarks


def _shown(corpus: Corpus, pairs: list[tuple[int, int]]) -> str:
    shown = [f"{corpus.ids[u]} = {corpus.ids[o]}" for u, o in pairs[:_SHOWN]]
    return ", ".join([*shown, "..."] if len(pairs) > _SHOWN else shown)


def _contradiction(corpus: Corpus) -> str:
    match corpus.header.features.kind:
        case "image":
            return "have another class there"
        case "table":
            return "have another target there"
    return "have other labels or another speaker there"


def _contradict(corpus: Corpus, one: int, other: int) -> bool:
    """Whether what is known of both differs."""
    match corpus.header.features.kind:
        case "image":
            known = corpus.categories[[one, other]]
            return bool((known >= 0).all() and known[0] != known[1])
        case "table":
            targets = corpus.targets[[one, other]]
            return bool(np.isfinite(targets).all() and targets[0] != targets[1])
    speakers = corpus.speakers[[one, other]]
    labels = corpus.frame_labels(one), corpus.frame_labels(other)
    return bool(
        ((speakers >= 0).all() and speakers[0] != speakers[1])
        or (corpus.labelled[[one, other]].all() and (labels[0] != labels[1]).any())
    )
