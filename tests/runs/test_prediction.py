from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.tasks.phoneme.prediction import FramePrediction


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_segments_are_runs_of_equal_labels(labels: list[int]) -> None:
    probabilities = np.eye(3, dtype=np.float32)[labels] * 0.8 + 0.05
    segments = list(
        FramePrediction("u", probabilities, np.array(labels), ("a", "b", "c"), 100).segments()
    )
    runs = [(key, len(list(group))) for key, group in groupby(labels)]
    assert [segment.phone for segment in segments] == ["abc"[key] for key, _ in runs]
    assert [s.end - s.start for s in segments] == pytest.approx([n / 100 for _, n in runs])
    assert segments[0].start == 0
    assert segments[-1].end == pytest.approx(len(labels) / 100)
    assert all(segment.confidence == pytest.approx(0.85) for segment in segments)
