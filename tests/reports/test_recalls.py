from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle
from sklearn.metrics import recall_score

from bossline.evaluation.classification import ClassificationScores
from bossline.figures.classes import hardest_classes, never_and_always, recalls


def scores_of(true: list[int], predicted: list[int], classes: int) -> ClassificationScores:
    return ClassificationScores.of(
        tuple(map(str, range(len(true)))),
        np.ones(len(true), np.int64),
        np.array(true),
        np.array(predicted),
        classes,
        "utterances",
    )


answers = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=60)


@given(answers)
def test_rows_are_the_classes_of_lowest_recall(pairs: list[tuple[int, int]]) -> None:
    true, predicted = map(list, zip(*pairs, strict=True))
    names = tuple("abcdefghi")
    rows = hardest_classes(scores_of(true, predicted, 9), names, count=4)
    recall = recall_score(true, predicted, labels=range(9), average=None, zero_division=1)
    wrong = sorted((float(recall[k]), -true.count(k), k) for k in range(9) if recall[k] < 1)
    assert [row.name for row in rows] == [names[k] for _, _, k in wrong[:4]]
    for row in rows:
        k = names.index(row.name)
        taken = [p for t, p in pairs if t == k and p != k]
        assert (row.hits, row.count) == (pairs.count((k, k)), true.count(k))
        assert row.mistakes == taken.count(names.index(row.mistaken_for))
        assert row.mistakes == max(map(taken.count, taken))


@given(answers)
def test_histogram_holds_every_class_that_occurs(pairs: list[tuple[int, int]]) -> None:
    true, predicted = map(list, zip(*pairs, strict=True))
    scores = scores_of(true, predicted, 9)
    bars = [p for p in recalls(scores, "speakers").axes[0].patches if isinstance(p, Rectangle)]
    recall = recall_score(true, predicted, labels=sorted(set(true)), average=None)
    # Ten bars, in which 100 % belongs to the last.
    expected = np.bincount(np.minimum((recall * 10 + 1e-9).astype(int), 9), minlength=10)
    assert [bar.get_height() for bar in bars] == expected.tolist()
    assert never_and_always(scores) == ((recall == 0).sum(), (recall == 1).sum())


def test_names_what_the_classes_are() -> None:
    axes = recalls(scores_of([0, 1, 1], [0, 1, 0], 4), "speakers").axes[0]
    assert axes.get_title(loc="left") == "Recall of 2 speakers"
    left = [bar.get_x() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert left == pytest.approx(np.arange(10) / 10)
