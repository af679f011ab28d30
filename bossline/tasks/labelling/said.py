"""What is said in the utterances of a corpus: by texts, by strings, or by labels without times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bossline.core.errors import UserError
from bossline.data.labels import quoted
from bossline.data.packed import Corpus
from bossline.data.phone_maps import PHONE_MAPS
from bossline.data.phones import SILENCES
from bossline.data.pronunciation.inventory import Inventory
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.tasks.alignment.knowledge import silence_of
from bossline.tasks.alignment.spoken import Spoken, pronounced, spoken
from bossline.tasks.labelling.chains import Chain
from bossline.tasks.smoothing.arrays import Ints

SILENCE = "SIL"
"""The class of silence, where a corpus has no name for it."""

_PAUSE_BETWEEN = {"words": 0.2, "phones": 0.03}  # probability
_PLAIN = PHONE_MAPS["stress-off"]


@dataclass
class Said:
    """Of utterances, by their places in the corpus.

    Attributes:
        classes: of the labels to come.
        silence: which of them is said where nothing is.
        words: with pauses between that nobody knows of.
        exact: classes one behind the other, silence too; empty where `words` are not.
        refused: what cannot be labelled, and why.
        between: what pauses stand between, words or phones.
    """

    classes: tuple[str, ...]
    silence: int
    words: dict[int, list[Spoken]] = field(default_factory=dict)
    exact: dict[int, Ints] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    between: str = "words"

    @property
    def utterances(self) -> list[int]:
        """That something is known of, in order."""
        return sorted([*self.words, *self.exact])

    def chain(self, item: int) -> Chain:
        """Of the first pronunciation of each word."""
        if item in self.exact:
            return Chain.of(self.exact[item].tolist())
        first = [word.ways[0] for word in self.words[item]]
        return Chain.with_pauses(first, self.silence, _PAUSE_BETWEEN[self.between])

    def refuse(self, item: int, why: str) -> None:
        """Take an utterance out."""
        self.words.pop(item, None)
        self.exact.pop(item, None)
        self.refused[item] = why


def said_in_texts(
    texts: Mapping[int, str],
    pronouncer: Pronouncer,
    of_phones: bool,
    classes: Sequence[str] | None = None,
) -> Said:
    """By texts of words or phones.

    Args:
        texts: by places of utterances.
        of_phones: whether texts are of phones, words apart by "|".
        classes: a run's; None: silence and the phones that are there, without stress.

    Raises:
        UserError: classes without silence.
    """
    heard, refused = {}, {}
    for item, text in texts.items():
        try:
            heard[item] = pronounced(text, pronouncer, of_phones)
            if unknown := [word for word, ways in heard[item] if not ways]:
                raise UserError(f"nobody knows how {quoted(unknown[0])} is said")
        except UserError as error:
            heard.pop(item, None)
            refused[item] = str(error)
    if classes is None:
        phones = {p for words in heard.values() for _, ways in words for way in ways for p in way}
        classes = (SILENCE, *sorted({_PLAIN(phone) for phone in phones}))
    found = _said(classes)
    found.refused.update(refused)
    inventory = Inventory(classes)
    for item, words in heard.items():
        try:
            found.words[item] = spoken(words, inventory)
        except UserError as error:
            found.refused[item] = str(error)
    return found


def said_in_strings(corpus: Corpus, classes: Sequence[str] | None = None) -> Said:
    """By the corpus' own strings.

    Args:
        classes: a run's; None: silence and the corpus' vocabulary.

    Raises:
        UserError: classes without silence.
    """
    names = corpus.header.vocabulary
    found = _said(classes or (SILENCE, *names))
    found.between = "phones"
    inventory = Inventory(found.classes)
    for item in np.flatnonzero(corpus.has_string).tolist():
        symbols = [(names[symbol - 1], ((names[symbol - 1],),)) for symbol in corpus.string(item)]
        try:
            found.words[item] = spoken(symbols, inventory)
        except UserError as error:
            found.refused[item] = str(error)
    return found


def said_in_labels(corpus: Corpus, classes: Sequence[str] | None = None) -> Said:
    """By labels of frames whose times are thrown away.

    Args:
        classes: a run's; None: the corpus'.

    Raises:
        UserError: classes without silence.
    """
    found = _said(classes or corpus.header.classes)
    places = places_of(corpus.header.classes, found)
    for item in np.flatnonzero(corpus.labelled).tolist():
        labels = corpus.frame_labels(item)
        order = labels[np.append(True, np.diff(labels) != 0)]
        if (places[order] < 0).any():
            stranger = corpus.header.classes[int(order[places[order] < 0][0])]
            found.refused[item] = f"phone {quoted(stranger)} is none of the run's"
        else:
            found.exact[item] = places[order]
    return found


def places_of(names: Sequence[str], said: Said) -> Ints:
    """(C,) which of the classes a name is; silence of any name is silence; -1: none."""
    inventory = Inventory(said.classes)
    places = [inventory.place(name) for name in names]
    return np.array(
        [
            said.silence if place is None and name in SILENCES else -1 if place is None else place
            for name, place in zip(names, places, strict=True)
        ],
        np.int64,
    )


def _said(classes: Sequence[str]) -> Said:
    silence = silence_of(classes)
    if silence is None:
        raise UserError(f"no class of silence among {' '.join(classes)}")
    return Said(tuple(classes), silence)
