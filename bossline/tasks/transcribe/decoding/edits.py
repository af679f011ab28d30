"""How two strings differ: Levenshtein's distance, and which symbol stands for which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Strings = Sequence[Ints] | Sequence[Sequence[int]]

_MOST_CELLS = 2**24  # of all tables that are filled at once: 64 MB


@dataclass(frozen=True, eq=False)
class Alignment:
    """Pairs of a symbol of the reference and what was told in its place, utterances end to end.

    Attributes:
        references: (N,) symbols 1..V, 0 where one was inserted.
        hypotheses: (N,) symbols 1..V, 0 where one was deleted.
        lengths: (U,) pairs of each utterance.
    """

    references: Ints
    hypotheses: Ints
    lengths: Ints

    def each(self) -> list[tuple[Ints, Ints]]:
        """References and hypotheses of each utterance, (length,) twice."""
        ends = np.cumsum(self.lengths)
        return [
            (self.references[begin:end], self.hypotheses[begin:end])
            for begin, end in zip(ends - self.lengths, ends, strict=True)
        ]

    @cached_property
    def substitutions(self) -> Ints:
        """(U,) counts."""
        both = (self.references > 0) & (self.hypotheses > 0)
        return self._count(both & (self.references != self.hypotheses))

    @cached_property
    def deletions(self) -> Ints:
        """(U,) counts."""
        return self._count(self.hypotheses == 0)

    @cached_property
    def insertions(self) -> Ints:
        """(U,) counts."""
        return self._count(self.references == 0)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(M,) of each symbol that was told, whether it was said."""
        same = self.references == self.hypotheses
        return np.asarray(same[self.hypotheses > 0])

    @property
    def errors(self) -> Ints:
        """(U,) Levenshtein's distance."""
        return self.substitutions + self.deletions + self.insertions

    def confusions(self, symbols: int) -> Ints:
        """(V + 1, V + 1) counts: the row was said, the column told.

        Column 0 counts deletions, row 0 insertions.

        Args:
            symbols: V.
        """
        flat = self.references * (symbols + 1) + self.hypotheses
        counts = np.bincount(flat, minlength=(symbols + 1) ** 2)
        return counts.reshape(symbols + 1, symbols + 1)

    def _count(self, pairs: npt.NDArray[np.bool_]) -> Ints:
        before = np.concatenate([[0], np.cumsum(pairs)])
        ends = np.cumsum(self.lengths)
        return np.asarray(before[ends] - before[ends - self.lengths])


def distances(references: Strings, hypotheses: Strings) -> Ints:
    """(U,) Levenshtein's distance of each pair: fewest substitutions, deletions and insertions.

    Args:
        references: symbols 1..V of each utterance; may be empty.
        hypotheses: as many.
    """
    found = np.empty(len(references), np.int64)
    for pairs in _batches(references, hypotheses):
        for i, row in enumerate(pairs.rows()):
            ended = pairs.said == i
            found[pairs.utterances[ended]] = row[ended, pairs.told[ended]]
    return found


def align(references: Strings, hypotheses: Strings) -> Alignment:
    """Pair the symbols of each utterance with as few errors as possible.

    Of several ways that have as few, the one is taken that pairs two symbols (equal or not) as
    late as possible: from the ends backwards, where a pair, a deletion and an insertion are all
    without loss, the pair goes first, then the deletion.

    Args:
        references: symbols 1..V of each utterance; may be empty.
        hypotheses: as many.
    """
    said: list[Ints] = [np.empty(0, np.int64)] * len(references)
    told = list(said)
    for pairs in _batches(references, hypotheses):
        for u, one, other in pairs.traced():
            said[u], told[u] = one, other
    lengths = np.array([len(pair) for pair in said], np.int64)
    empty = np.empty(0, np.int64)
    return Alignment(np.concatenate([empty, *said]), np.concatenate([empty, *told]), lengths)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Pairs of strings of similar lengths, padded.

    Attributes:
        utterances: (P,) their places among all.
        references: (P, R), R at least 1.
        hypotheses: (P, H), H at least 1.
        said: (P,) lengths of the references.
        told: (P,) lengths of the hypotheses.
    """

    utterances: Ints
    references: Ints
    hypotheses: Ints
    said: Ints
    told: Ints

    def rows(self) -> Iterator[npt.NDArray[np.int32]]:
        """R + 1 rows (P, H + 1): distances of the first i symbols and the first 0..H told."""
        steps = np.arange(self.hypotheses.shape[1] + 1, dtype=np.int32)
        row = np.tile(steps, (len(self.utterances), 1))
        yield row
        for i in range(self.references.shape[1]):
            best = row + 1
            pair = row[:, :-1] + (self.hypotheses != self.references[:, i : i + 1])
            np.minimum(best[:, 1:], pair, out=best[:, 1:])
            # Insertions: the least of all places before, each a symbol further.
            row = np.minimum.accumulate(best - steps, axis=1) + steps
            yield row

    def traced(self) -> Iterator[tuple[int, Ints, Ints]]:
        """Place, references and hypotheses of each pair, see Alignment."""
        table = np.stack(list(self.rows()))  # (R + 1, P, H + 1)
        number = np.arange(len(self.utterances))
        i, j = self.said.copy(), self.told.copy()
        steps = int((i + j).max(initial=0))
        paired = np.zeros((2, len(number), steps), np.int64)
        for step in range(steps):
            here = table[i, number, j]
            before_i, before_j = np.maximum(i - 1, 0), np.maximum(j - 1, 0)
            one, other = self.references[number, before_i], self.hypotheses[number, before_j]
            pair = (i > 0) & (j > 0)
            pair &= here == table[before_i, number, before_j] + (one != other)
            deletion = ~pair & (i > 0) & (here == table[before_i, number, j] + 1)
            insertion = ~pair & ~deletion & (j > 0)
            paired[0, :, step] = np.where(pair | deletion, one, 0)
            paired[1, :, step] = np.where(pair | insertion, other, 0)
            i, j = i - (pair | deletion), j - (pair | insertion)
        for k, u in enumerate(self.utterances):
            found = paired[:, k, : np.count_nonzero(paired[:, k].any(0))]
            yield int(u), found[0, ::-1], found[1, ::-1]


def _batches(references: Strings, hypotheses: Strings) -> Iterator[_Batch]:
    """All pairs, those of similar lengths together."""
    # As many hypotheses as references, else this fails.
    sizes = np.stack([_lengths(references), _lengths(hypotheses)], axis=1)
    order = np.argsort(sizes.sum(1), kind="stable")
    begin = 0
    while begin < len(order):
        cells = (np.maximum.accumulate(sizes[order[begin:]], axis=0) + 1).prod(1)
        fit = cells * np.arange(1, len(cells) + 1) <= _MOST_CELLS
        end = begin + max(1, int(fit.sum()))
        chosen = order[begin:end]
        yield _Batch(
            chosen,
            _padded(references, chosen, sizes[chosen, 0]),
            _padded(hypotheses, chosen, sizes[chosen, 1]),
            sizes[chosen, 0],
            sizes[chosen, 1],
        )
        begin = end


def _lengths(strings: Strings) -> Ints:
    return np.array([len(string) for string in strings], np.int64)


def _padded(strings: Strings, chosen: Ints, lengths: Ints) -> Ints:
    """(P, longest, but at least 1), zeros beyond each end."""
    rows = np.zeros((len(chosen), int(lengths.max(initial=1))), np.int64)
    for row, u, length in zip(rows, chosen, lengths, strict=True):
        row[:length] = strings[u]
    return rows
