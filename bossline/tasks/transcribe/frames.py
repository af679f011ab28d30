"""Strings from a model that labels frames: the path of its posteriors, merged."""

from __future__ import annotations

import numpy as np

from bossline.tasks.base import Answers, Smoother
from bossline.tasks.transcribe.transcripts import Transcript, answers_of


class Posteriors(Answers):
    """(N, V + 1) probabilities of the symbols of frames; 0: silence."""


def merged(answers: Posteriors, smoother: Smoother | None) -> Answers:
    """Stretches of equal symbols, silence left out; confidence is their mean probability."""
    array = answers.array
    path = array.argmax(1) if smoother is None else smoother.path(array, answers.lengths)
    taken = np.take_along_axis(array, path[:, None], axis=1)[:, 0].astype(np.float64)
    ends = np.cumsum(answers.lengths)
    found = [
        [_transcript(path[end - length : end], taken[end - length : end])]
        for end, length in zip(ends, answers.lengths, strict=True)
    ]
    return answers_of(found)


def _transcript(path: np.ndarray, taken: np.ndarray) -> Transcript:
    starts = np.flatnonzero(np.append(True, np.diff(path) != 0))
    ends = np.append(starts[1:], len(path))
    means = np.add.reduceat(taken, starts) / (ends - starts)
    real = path[starts] > 0
    score = float(np.log(np.maximum(taken, 1e-30)).sum())
    return Transcript(
        path[starts][real],
        means[real],
        starts[real].astype(np.float64),
        ends[real].astype(np.float64),
        score,
    )
