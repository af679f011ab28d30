"""How long phones last, against counting one by one."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from bossline.cli.tables.durations import durations_table
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.intervals import Interval
from bossline.tasks.phoneme.durations import ALL, Duration, durations


def test_they_are_those_of_runs_of_one_label(toy: Corpus) -> None:
    lengths: dict[str, list[int]] = {}
    for utterance in np.flatnonzero(toy.labelled):
        for label, run in groupby(toy.frame_labels(int(utterance)).tolist()):
            lengths.setdefault(toy.header.classes[label], []).append(10 * len(list(run)))
    together, *each = durations(toy)
    assert {one.phone: one.count for one in each} == {k: len(v) for k, v in lengths.items()}
    for one in each:
        assert one.mean.value == pytest.approx(np.mean(lengths[one.phone]))
        assert one.mean.low <= one.mean.value <= one.mean.high
        assert one.quantiles == pytest.approx(np.quantile(lengths[one.phone], [0.05, 0.5, 0.95]))
    assert [one.mean.value for one in each] == sorted((o.mean.value for o in each), reverse=True)
    assert together.phone == ALL
    assert together.count == sum(one.count for one in each if one.phone != "SIL")


def test_a_window_is_proposed() -> None:
    found = Duration(ALL, 9, Interval(value=80, low=70, high=90), (30.0, 70.0, 180.0))
    caption = str(durations_table([found], hop_ms=10).caption)
    assert "batches.frames=13 half of all phones, 35 95 % of them" in caption


def test_without_labels_of_frames_there_are_none(dishes: Corpus) -> None:
    with pytest.raises(UserError, match="no labels of frames"):
        durations(dishes)
