"""Make the letter-to-sound model of CMUdict, and say how often it is wrong on words held out.

    python -m bossline.data.pronunciation.learning [-o letters.npz]

Letters and phones are aligned by expectation maximisation with best paths (each letter has none,
one or two phones), and n-grams of the pairs are counted, interpolated as Witten and Bell (1991) do,
and dropped where they are rare.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.files import replacing
from bossline.data.pronunciation.dictionary import Phones, Pronunciations, cmudict
from bossline.data.pronunciation.letters import (
    BITS,
    EDGE,
    LETTERS,
    ORDER,
    WEIGHTS,
    Keys,
    LetterToSound,
    load,
)

HELD_OUT = 20  # every so many words is held out
_LONGEST = 18  # letters, and phones
_PASSES = 6
_RAREST_PAIR = 5
_LEAST_COUNT = (1, 1, 2, 2, 2)  # of an n-gram that is kept, by order

Ints = npt.NDArray[np.int64]


def plain(phones: Phones) -> Phones:
    """Without stress."""
    return tuple(phone.rstrip("012") for phone in phones)


def words_with_ways(dictionary: Pronunciations) -> dict[str, tuple[Phones, ...]]:
    """Words of letters, with their pronunciations without stress."""
    return {
        word: tuple(dict.fromkeys(plain(way) for way in ways))
        for word, ways in sorted(dictionary.items())
        if 2 <= len(word) <= _LONGEST and not set(word) - set(LETTERS)
    }


class Aligned:
    """Words and phones as padded numbers, and which phones belong to each letter."""

    def __init__(self, entries: list[tuple[str, Phones]], phones: list[str]) -> None:
        place = {phone: number for number, phone in enumerate(phones)}
        self._kinds = len(phones)
        fitting = [one for one in entries if len(one[1]) <= min(2 * len(one[0]), _LONGEST)]
        count = len(fitting)
        self.letters = np.zeros((count, _LONGEST), np.int64)
        self.phones = np.zeros((count, _LONGEST), np.int64)
        for row, (word, way) in enumerate(fitting):
            self.letters[row, : len(word)] = [LETTERS.index(sign) for sign in word]
            self.phones[row, : len(way)] = [place[phone] for phone in way]
        self.lengths = np.array([len(word) for word, _ in fitting])
        self._counts = np.array([len(way) for _, way in fitting])

    def best(self) -> Ints:
        """(N, L) the pair of each letter: letter, then chunk, as one number; -1 behind a word.

        A chunk is 0 for none, 1 + p for one phone, 1 + K + p * K + q for two.
        """
        chunks = 1 + self._kinds + self._kinds**2
        # None of the first pass is likelier than another, but none and two are less so than one.
        logs = np.zeros((len(LETTERS), chunks))
        logs[:, 0], logs[:, 1 + self._kinds :] = -1.5, -4.0
        for _ in range(_PASSES):
            pairs = self._paths(logs)
            seen = pairs[pairs >= 0]
            counts = np.bincount(seen, minlength=logs.size).reshape(logs.shape) + 0.01
            logs = np.log(counts / counts.sum())
        return self._paths(logs)

    def _paths(self, logs: npt.NDArray[np.float64]) -> Ints:
        count, kinds = len(self.letters), self._kinds
        one = 1 + self.phones
        two = 1 + kinds + self.phones[:, :-1] * kinds + self.phones[:, 1:]
        best = np.full((count, _LONGEST + 1), -np.inf)
        best[:, 0] = 0.0
        moves = np.zeros((_LONGEST, count, _LONGEST + 1), np.int8)
        for place in range(_LONGEST):
            letter = self.letters[:, place : place + 1]
            stay = best + logs[letter, 0]
            single, double = np.full_like(best, -np.inf), np.full_like(best, -np.inf)
            single[:, 1:] = best[:, :-1] + logs[letter, one]
            double[:, 2:] = best[:, :-2] + logs[letter, two]
            move = (single > stay).astype(np.int8)
            found = np.maximum(stay, single)
            move[double > found] = 2
            np.maximum(found, double, out=found)
            inside = (place < self.lengths)[:, None]
            best = np.where(inside, found, best)
            moves[place] = move
        pairs = np.full((count, _LONGEST), -1, np.int64)
        rows, said = np.arange(count), self._counts.copy()
        for place in range(_LONGEST - 1, -1, -1):
            inside = place < self.lengths
            move = np.where(inside, moves[place, rows, said], 0)
            first = np.maximum(said - move, 0)
            chunk = np.where(
                move == 0,
                0,
                np.where(
                    move == 1,
                    1 + self.phones[rows, np.minimum(first, _LONGEST - 1)],
                    two[rows, np.minimum(first, _LONGEST - 2)],
                ),
            )
            width = 1 + kinds + kinds**2
            pairs[inside, place] = (self.letters[:, place] * width + chunk)[inside]
            said = said - move
        return pairs


def learnt(dictionary: dict[str, tuple[Phones, ...]]) -> dict[str, npt.NDArray[Any]]:
    """The tables of the model, as `letters.load` takes them."""
    phones = sorted({phone for ways in dictionary.values() for way in ways for phone in way})
    entries = [(word, way) for word, ways in dictionary.items() for way in ways]
    aligned = Aligned(entries, phones)
    raw = aligned.best()
    kinds = len(phones)
    width = 1 + kinds + kinds**2
    numbers, counts = np.unique(raw[raw >= 0], return_counts=True)
    common = numbers[counts >= _RAREST_PAIR]
    whole = np.isin(raw, np.append(common, -1)).all(1)  # words of common pairs only
    raw, lengths = raw[whole], aligned.lengths[whole]
    chunk = common % width
    double = chunk - 1 - kinds
    pairs = np.zeros((len(common) + 1, 3), np.int16)
    pairs[1:, 0] = common // width
    pairs[1:, 1] = np.where(chunk == 0, 0, np.where(chunk <= kinds, chunk, double // kinds + 1))
    pairs[1:, 2] = np.where(chunk <= kinds, 0, double % kinds + 1)
    ids = np.where(raw >= 0, np.searchsorted(common, raw) + 1, EDGE)
    # Each place of each word, the edge behind it too, with the pairs before it.
    padded = np.pad(ids, ((0, 0), (ORDER - 1, 1)), constant_values=EDGE)
    asked = np.arange(_LONGEST + 1) <= lengths[:, None]
    strings = np.lib.stride_tricks.sliding_window_view(padded, ORDER, axis=1)[asked]
    tables: dict[str, npt.NDArray[Any]] = {
        "pairs": pairs,
        "phones": np.frombuffer(" ".join(phones).encode(), np.uint8),
    }
    lower = np.full(len(common) + 1, 1 / (len(common) + 1))  # P of order 0
    below: tuple[Keys, npt.NDArray[np.float64]] = (np.arange(len(lower)), lower)
    for order in range(1, ORDER + 1):
        keys = strings[:, -order:] @ (1 << BITS * np.arange(order - 1, -1, -1, dtype=np.int64))
        grams, counts = np.unique(keys, return_counts=True)
        above, where = np.unique(grams >> BITS, return_inverse=True)
        total = np.bincount(where, counts)
        kinds_seen = np.bincount(where)
        shorter = grams & ((1 << BITS * max(order - 1, 1)) - 1)
        share = below[1][np.searchsorted(below[0], shorter)]
        likely = (counts + kinds_seen[where] * share) / (total + kinds_seen)[where]
        below = (grams, likely)
        kept = counts >= _LEAST_COUNT[order - 1]
        used = np.isin(above, grams[kept] >> BITS)
        tables[f"keys{order}"] = grams[kept]
        tables[f"logs{order}"] = np.log(likely[kept]).astype(np.float16)
        tables[f"contexts{order}"] = above[used]
        tables[f"backoffs{order}"] = np.log(kinds_seen / (total + kinds_seen))[used].astype(
            np.float16
        )
    return tables


def save(tables: dict[str, npt.NDArray[Any]], path: Path) -> None:
    """Write what `letters.load` reads: rising keys as their steps, which are small."""
    stored: dict[str, Any] = {
        name: np.diff(table, prepend=0) if name.startswith(("keys", "contexts")) else table
        for name, table in tables.items()
    }
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **stored)


def errors(model: LetterToSound, dictionary: dict[str, tuple[Phones, ...]]) -> tuple[float, float]:
    """Shares of wrong words, and of wrong phones, against the nearest of each word's ways."""
    wrong = edits = phones = 0
    for word, ways in dictionary.items():
        said = model.phones(word)
        distance, length = min((_edits(said, way), len(way)) for way in ways)
        wrong += distance > 0
        edits += distance
        phones += length
    return wrong / len(dictionary), edits / phones


def _edits(one: Phones, other: Phones) -> int:
    row = list(range(len(other) + 1))
    for place, phone in enumerate(one, start=1):
        before, row[0] = row[0], place
        for column, against in enumerate(other, start=1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (phone != against)),
            )
    return row[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    output = parser.parse_args().output
    parts: dict[bool, dict[str, tuple[Phones, ...]]] = defaultdict(dict)
    for number, (word, ways) in enumerate(words_with_ways(cmudict()).items()):
        parts[number % HELD_OUT == 0][word] = ways
    tables = learnt(parts[False])
    save(tables, output)
    words, phones = errors(load(output), parts[True])
    print(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB, {len(tables['pairs']):,} pairs; of "
        f"{len(parts[True]):,} words held out {words:.1%} wrong, of their phones {phones:.1%}"
    )


if __name__ == "__main__":
    main()
