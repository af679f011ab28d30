"""Exact Viterbi search of an explicit-duration Markov chain, a batch of utterances at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bossline.tasks.smoothing.arrays import Floats, Ints
from bossline.tasks.smoothing.phones import PhoneModel, log


@dataclass(frozen=True, eq=False)
class SegmentSearch:
    """Weighted log-probabilities, laid out for the search.

    A segment that touches an edge of its utterance may be cut there: all that is known of it is
    that it lasts at least d frames, and that is what its duration costs (right censoring, Guédon
    2003). No minimum binds it, so every utterance has a path: one phone from edge to edge.

    Attributes:
        begin, end: (C,).
        bigram: (C, C).
        durations: (T, C) of exactly d = 1..T frames.
        survivors: (T, C) of at least d frames.
        stay: (C,) of one more frame beyond D.
        longest: D.
    """

    begin: Floats
    end: Floats
    bigram: Floats
    durations: Floats
    survivors: Floats
    stay: Floats
    longest: int

    @classmethod
    def of(cls, model: PhoneModel, weight: float, frames: int) -> SegmentSearch:
        """For utterances of at most `frames` frames; logarithms are multiplied by the weight."""
        bigram = weight * log(model.bigram)
        longest = model.durations.shape[1] - 1
        frames = max(frames, longest + 1)
        return cls(
            begin=bigram[-1, :-1],
            end=bigram[:-1, -1],
            bigram=bigram[:-1, :-1],
            durations=weight * model.log_durations(frames),
            survivors=weight * model.log_survivors(frames),
            stay=weight * np.log(model.stay),
            longest=longest,
        )

    def paths(self, totals: Floats, lengths: Ints) -> list[Ints]:
        """The best path of each utterance, (length,) each.

        Args:
            totals: (T + 1, C, B) scores of the first 0..T frames, summed; the scores of the frames
                are finite. What lies beyond a length is padding.
            lengths: (B,) at least 1, at most T.
        """
        starts, ends = self._forward(totals)
        return [
            self._trace(
                starts[:length, :, column].copy(),
                ends[:length, :, column].copy(),
                self.end + totals[length, :, column],
            )
            for column, length in enumerate(lengths)
        ]

    def _forward(self, totals: Floats) -> tuple[Floats, Floats]:
        """The best scores of all beginnings of a path.

        Returns:
            (T, C, B) twice: of those whose next phone starts behind t frames, less totals[t]; of
            those whose last phone ends there, meaningless for t = 0.
        """
        frames, classes, batch = totals.shape[0] - 1, *totals.shape[1:]
        reach = self.longest + 1
        starts = np.full((reach + frames, classes, batch), -np.inf)
        # Also extended as if not cut, which is never better: P(d) <= P(at least d).
        starts[reach] = self.begin[:, None]
        ends = totals[:-1].copy()
        ends[1:] += (self.begin + self.survivors[: frames - 1])[:, :, None]
        durations = self.durations[self.longest :: -1, :, None]  # d = D + 1, ..., 1
        tail = np.full((classes, batch), -np.inf)
        lasting = np.empty((reach, classes, batch))
        following = np.empty((classes, classes, batch))
        for t in range(1, frames):
            np.add(starts[t : t + reach], durations, out=lasting)
            # Geometric beyond D: all longer segments in one number.
            np.maximum(lasting[0], tail + self.stay[:, None], out=tail)
            lasting[0] = tail
            np.maximum(ends[t], totals[t] + lasting.max(0), out=ends[t])
            np.add(ends[t][:, None], self.bigram[:, :, None], out=following)
            starts[t + reach] = following.max(0) - totals[t]
        return starts[reach:], ends

    def _trace(self, starts: Floats, ends: Floats, end: Floats) -> Ints:
        """Follow the best choices from the end of one utterance.

        Choices are recomputed, not stored: only those on the path are needed.

        Args:
            starts: (T, C), see _forward.
            ends: (T, C).
            end: (C,) score of ending with a phone, with the utterance's total.
        """
        frames = len(starts)
        path = np.empty(frames, np.int64)
        last = starts + self.survivors[frames - 1 :: -1] + end
        start, phone = divmod(int(last.argmax()), starts.shape[1])
        path[start:] = phone
        while start:
            stop = start
            phone = int((ends[stop] + self.bigram[:, phone]).argmax())
            scores = starts[:stop, phone] + self.durations[stop - 1 :: -1, phone]
            scores[0] = self.begin[phone] + self.survivors[stop - 1, phone]
            start = int(scores.argmax())
            path[start:stop] = phone
        return path
