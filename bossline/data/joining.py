"""One corpus of several: what one says only by labels of frames the other may say by strings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import FORMAT, Source
from bossline.data.packed import Corpus
from bossline.data.phones import Vocabulary
from bossline.data.store import check_name, is_packed, open_corpus, pack_path, register
from bossline.data.writer import CorpusWriter, writing

_NONE = -1


def join_corpora(
    corpora: Sequence[str | Path | Corpus],
    name: str,
    *,
    note: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Make a packed corpus of all utterances of several, and let `name` point to it.

    Ids and speakers begin with the name of their corpus, CORPUS/ID, since two corpora may call
    different things alike. Classes and phones of the same name become one. Where one of the
    corpora has strings of its own, all have: those of the others are their labels of frames with
    repeats merged and silence left out. Parts stay as they are.

    Args:
        corpora: two or more, of speech, with the same features.
        name: what the new corpus is called; an old one of this name is let go.
        note: a remark that every report repeats, beside those of the corpora.
        progress: told how many utterances are done, and of how many.

    Raises:
        UserError: fewer than two, one twice, one that holds no speech, or features that differ.
    """
    check_name(name)
    opened = [open_corpus(corpus) for corpus in corpora]
    features = _common_features(opened)
    names = [Path(corpus.name).name for corpus in opened]
    if len(opened) < 2 or len({corpus.key for corpus in opened}) < len(opened):
        raise UserError("give two or more corpora that differ: bossline join A B --name BOTH")
    if len(set(names)) < len(names):
        raise UserError(f"two corpora are called {max(names, key=names.count)}: import one anew")
    notes = [note, *(corpus.header.note for corpus in opened)]
    note = "; ".join(dict.fromkeys(filter(None, notes)))
    told = [
        FORMAT,
        "joined",
        note,
        *([one, corpus.key] for one, corpus in zip(names, opened, strict=True)),
    ]
    pack = pack_path(hashlib.sha256(json.dumps(told).encode()).hexdigest())
    if not is_packed(pack):
        classes = _united(corpus.header.classes for corpus in opened)
        spoken = [Vocabulary.of(c.header.classes, c.header.vocabulary) for c in opened]
        own = any(corpus.header.vocabulary for corpus in opened)
        vocabulary = _united(one.names for one in spoken) if own else ()
        source = Source(reader="joined", path=", ".join(names))
        total, done = sum(map(len, opened)), 0
        with writing(
            pack,
            features=features,
            classes=classes,
            source=source,
            note=note,
            vocabulary=vocabulary,
        ) as writer:
            for prefix, corpus, phones in zip(names, opened, spoken, strict=True):
                joined = _Joined(writer, prefix, corpus, phones, classes, vocabulary)
                for item in range(len(corpus)):
                    joined.add(item)
                    done += 1
                    progress(done, total)
    register(name, pack)
    return Corpus(pack, name)


def _united(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Every name once, in the order in which they first come."""
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _common_features(corpora: Sequence[Corpus]) -> FeatureSpec:
    """
    Raises:
        UserError: a corpus of images or of rows, or features that differ.
    """
    features = [corpus.speech for corpus in corpora]
    for corpus, spec in zip(corpora, features, strict=True):
        if spec != features[0]:
            raise UserError(
                f"corpus '{corpora[0].name}' has {features[0].describe()}; corpus '{corpus.name}' "
                f"has {spec.describe()}: import one of them as the other is, recordings by --like"
            )
    return features[0]


@dataclass(frozen=True)
class _Joined:
    """Adds utterances of one corpus to the joined one.

    Attributes:
        prefix: of its ids and speakers.
        phones: the corpus' own vocabulary, or that of its classes.
        classes: of the joined corpus.
        vocabulary: of the joined corpus; () where strings are nobody's own.
    """

    writer: CorpusWriter
    prefix: str
    corpus: Corpus
    phones: Vocabulary
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]

    def add(self, item: int) -> None:
        corpus, speaker = self.corpus, int(self.corpus.speakers[item])
        labels = None
        if corpus.labelled[item]:
            labels = self._labels[corpus.frame_labels(item)]
        self.writer.add(
            f"{self.prefix}/{corpus.ids[item]}",
            corpus.frames(item),
            part=corpus.header.parts[corpus.parts[item]],
            labels=labels,
            string=self._string(item) if self.vocabulary else None,
            speaker=None
            if speaker == _NONE
            else f"{self.prefix}/{corpus.header.speakers[speaker]}",
        )

    def _string(self, item: int) -> npt.NDArray[np.int16] | None:
        corpus = self.corpus
        if corpus.header.vocabulary:
            symbols = corpus.string(item).astype(np.int64)
        elif corpus.labelled[item]:
            symbols = self.phones.string(corpus.frame_labels(item))
        else:
            return None
        return np.asarray(self._symbols[symbols - 1] + 1, np.int16)

    @cached_property
    def _labels(self) -> npt.NDArray[np.int64]:
        return _places(self.corpus.header.classes, self.classes)

    @cached_property
    def _symbols(self) -> npt.NDArray[np.int64]:
        return _places(self.phones.names, self.vocabulary)


def _places(names: Sequence[str], joined: Sequence[str]) -> npt.NDArray[np.int64]:
    """(C,) where each name stands among the joined ones."""
    places = {name: place for place, name in enumerate(joined)}
    return np.array([places[name] for name in names], np.int64)
