"""How long phones last: which window sees a phone as a whole?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Corpus
from bossline.data.phones import SILENCES
from bossline.evaluation.intervals import Interval, mean_interval


@dataclass(frozen=True)
class Duration:
    """Of one phone, or of all; times in ms.

    Attributes:
        phone: its name.
        count: segments of it, which are frames of one label in a row.
        mean: with the interval of a bootstrap over utterances.
        quantiles: (3,) which 5, 50 and 95 % of the segments last at most.
    """

    phone: str
    count: int
    mean: Interval
    quantiles: tuple[float, float, float]


ALL = "all but silence"


def durations(corpus: Corpus) -> list[Duration]:
    """All phones but silence together, and then each that occurs, the longest first.

    Args:
        corpus: of utterances with labels of frames.

    Raises:
        UserError: it has none.
    """
    spec = corpus.header.features
    if not isinstance(spec, FeatureSpec) or not corpus.labelled.any():
        raise UserError(f"{corpus.name}: no labels of frames, so nobody knows how long phones last")
    labelled = np.flatnonzero(corpus.labelled)
    whose, phones, lengths = [], [], []
    for place, utterance in enumerate(labelled):
        labels = corpus.frame_labels(int(utterance))
        starts = np.flatnonzero(np.diff(labels, prepend=-1))
        whose.append(np.full(len(starts), place))
        phones.append(labels[starts])
        lengths.append(np.diff(starts, append=len(labels)))
    of, label = np.concatenate(whose), np.concatenate(phones)
    ms = np.concatenate(lengths) * float(spec.hop_ms)

    def told(name: str, chosen: np.ndarray) -> Duration:
        count = len(labelled)
        sums = np.bincount(of[chosen], ms[chosen], count)
        counts = np.bincount(of[chosen], minlength=count)
        # Utterances without the phone say nothing of it, and a redraw of only such is no mean.
        there = counts > 0
        low, middle, high = np.quantile(ms[chosen], [0.05, 0.5, 0.95]).tolist()
        mean = mean_interval(sums[there], counts[there])
        return Duration(name, int(chosen.sum()), mean, (low, middle, high))

    each = [
        told(name, label == number)
        for number, name in enumerate(corpus.header.classes)
        if (label == number).any()
    ]
    each.sort(key=lambda one: -one.mean.value)
    spoken = np.array([name not in SILENCES for name in corpus.header.classes])
    return [told(ALL, spoken[label]), *each]
