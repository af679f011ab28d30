"""Batches of utterances in few shapes.

Each new shape (B, T) costs a device dearly the first time: cuDNN plans its convolutions anew, and
oneDNN compiles kernels and keeps them. So utterances are sorted by length and divided into a few
buckets, once; a batch takes all its utterances from one of them and is padded to its longest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_SHAPES = 12
_MOST_ENDS = 512  # lengths that are tried as ends of buckets
MIXING = 4  # batches of a bucket at least: in fewer the same utterances would meet in every epoch

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bucket:
    """Utterances of about equal length.

    Attributes:
        members: (n,) index of the utterances, the shortest first.
        batches: how many they come in; their sizes differ by one at most.
        steps: T of all batches, the length of the longest.
    """

    members: Ints
    batches: int
    steps: int

    @property
    def shapes(self) -> set[tuple[int, int]]:
        """(B, T) of its batches."""
        sizes = {len(self.members) // self.batches, -(-len(self.members) // self.batches)}
        return {(size, self.steps) for size in sizes}


class Buckets:
    """Utterances, divided so that little is padding and the batches have MOST_SHAPES at most."""

    def __init__(self, lengths: Ints, frames: int, mixing: bool = False) -> None:
        """
        Args:
            lengths: (U,) frames of each utterance, U >= 1.
            frames: in a batch, about; padding is not counted.
            mixing: give a bucket MIXING batches at least, where there are so many.
        """
        order = np.argsort(lengths, kind="stable")
        ascending = lengths[order]
        self._lengths = lengths
        self.buckets: list[Bucket] = []
        start = 0
        for end in best_ends(ascending, MOST_SHAPES - 1, MIXING * frames if mixing else 0):
            # What does not fill a batch of this bucket is left to the next one.
            size = max(1, round(frames / ascending[start:end].mean())) if end > start else 1
            last = end == len(order)
            stop = end if last else start + (end - start) // size * size
            if stop > start:
                count = max(1, round((stop - start) / size)) if last else (stop - start) // size
                longest = int(ascending[stop - 1])
                self.buckets.append(Bucket(order[start:stop], count, longest))
                start = stop

    def __len__(self) -> int:
        """Batches."""
        return sum(bucket.batches for bucket in self.buckets)

    @property
    def shapes(self) -> set[tuple[int, int]]:
        """(B, T) of all batches."""
        return set().union(*(bucket.shapes for bucket in self.buckets))

    @property
    def padding(self) -> float:
        """Share of all frames in batches that is padding."""
        padded = sum(len(bucket.members) * bucket.steps for bucket in self.buckets)
        return 1 - int(self._lengths.sum()) / padded

    def in_order(self) -> list[tuple[Ints, int]]:
        """Each batch as the utterances (B,) that it holds and its T, the shortest first."""
        return [
            (members, bucket.steps)
            for bucket in self.buckets
            for members in np.array_split(bucket.members, bucket.batches)
        ]

    def shuffled(self, rng: np.random.Generator) -> list[tuple[Ints, int]]:
        """The same in random order, and in each batch others of the bucket."""
        batches = [
            (members, bucket.steps)
            for bucket in self.buckets
            for members in np.array_split(rng.permutation(bucket.members), bucket.batches)
        ]
        return [batches[place] for place in rng.permutation(len(batches))]


def best_ends(ascending: Ints, most: int, least: int = 0) -> list[int]:
    """Where to divide ascending lengths so that padding each part to its longest adds least.

    A dynamic programme over the number of parts; of very many utterances only so many places are
    tried, evenly spread.

    Args:
        ascending: (U,) lengths.
        most: parts.
        least: frames of a part, padding left out; where all are fewer there is one part.

    Returns:
        The end of each part, ascending; the last is U.
    """
    distinct = np.flatnonzero(np.append(np.diff(ascending), 1)) + 1  # a part ends with a length
    if len(distinct) > _MOST_ENDS:
        distinct = distinct[np.linspace(0, len(distinct) - 1, _MOST_ENDS).round().astype(np.int64)]
    starts, ends = np.append(0, distinct), distinct
    before = np.append(0, ascending.cumsum())
    # cost[i, j]: frames of the part from start i to end j, padded.
    cost = (ends - starts[:, None]) * ascending[ends - 1].astype(np.float64)
    cost[before[ends] - before[starts][:, None] < max(least, 1)] = np.inf
    cost[0, -1] = len(ascending) * ascending[-1]
    fewest, choices = cost[0], []
    for _ in range(min(most, len(ends)) - 1):
        # One part more: it begins where the best division so far ends.
        through = fewest[:, None] + cost[1:]
        more = through.min(axis=0)
        choices.append(np.where(more < fewest, through.argmin(axis=0), -1))
        fewest = np.minimum(fewest, more)
    place, found = len(ends) - 1, [int(ends[-1])]
    for choice in reversed(choices):
        if choice[place] >= 0:
            place = int(choice[place])
            found.append(int(ends[place]))
    return found[::-1]
