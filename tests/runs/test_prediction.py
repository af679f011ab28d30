from __future__ import annotations

from itertools import groupby
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.data.features.spec import FeatureSpec
from bossline.tasks.phoneme.prediction import FramePrediction

MFCC = FeatureSpec(kind="mfcc", dim=39)


def prediction(labels: list[int], spec: FeatureSpec = MFCC) -> FramePrediction:
    probabilities = np.eye(3, dtype=np.float32)[labels] * 0.8 + 0.05
    return FramePrediction("u", probabilities, np.array(labels), ("a", "b", "c"), spec)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_segments_are_runs_of_equal_labels(labels: list[int]) -> None:
    segments = prediction(labels).segments
    runs = [(key, len(list(group))) for key, group in groupby(labels)]
    assert [segment.phone for segment in segments] == ["abc"[key] for key, _ in runs]
    # Frame t is centred at t * 10 + 12.5 ms, and 7.5 ms more than t * 10 lie between it and t - 1.
    ends = [0.01 * frames + 0.0075 for frames in np.cumsum([n for _, n in runs])]
    assert [segment.end for segment in segments] == pytest.approx(ends)
    assert [segment.start for segment in segments] == pytest.approx([0, *ends[:-1]])
    assert all(segment.confidence == pytest.approx(0.85) for segment in segments)


@pytest.mark.parametrize(
    ("kind", "seconds", "edges"),
    [
        ("mfcc", ["0.0125", "0.0225", "0.0325"], [0, 0.0275, 0.0375]),
        ("log-mel", ["0.0000", "0.0100", "0.0200"], [0, 0.015, 0.025]),
        ("other", ["0.0050", "0.0150", "0.0250"], [0, 0.02, 0.03]),
    ],
)
def test_times_are_those_of_the_features(
    kind: Literal["mfcc", "log-mel", "other"], seconds: list[str], edges: list[float]
) -> None:
    found = prediction([1, 1, 0], FeatureSpec(kind=kind, dim=39))
    assert [dict(zip(found.columns, row, strict=True))["seconds"] for row in found.lines()] == (
        seconds
    )
    segments = found.segments
    assert [segments[0].start, *(s.end for s in segments)] == pytest.approx(edges)
    assert segments[1].start == segments[0].end
