from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.ndimage import median_filter

from bossline.tasks.smoothing import SmoothingConfig
from bossline.tasks.smoothing.median import MedianConfig


@given(
    lengths=st.lists(st.integers(1, 25), min_size=1, max_size=5),
    classes=st.integers(1, 6),
    reach=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_each_utterance_is_smoothed_as_scipy_does(
    lengths: list[int], classes: int, reach: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pieces = [rng.dirichlet(np.ones(classes), length).astype(np.float32) for length in lengths]
    config = MedianConfig(frames=2 * reach + 1)
    path = config.fit([], classes).path(np.concatenate(pieces), np.array(lengths))
    smooth = [median_filter(piece, size=(2 * reach + 1, 1), mode="nearest") for piece in pieces]
    np.testing.assert_array_equal(path, np.concatenate(smooth).argmax(1))
    assert path.dtype == np.int64


def test_a_blip_shorter_than_half_the_window_disappears() -> None:
    labels = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1])
    posteriors = np.eye(2, dtype=np.float32)[labels] * 0.6 + 0.2
    path = MedianConfig().restore({}).path(posteriors, np.array([12]))
    assert path.tolist() == [0] * 8 + [1] * 4


def test_nothing_is_learned_from_labels() -> None:
    assert MedianConfig().fit([np.array([0, 1, 1])], 2).tables() == {}


def test_an_even_window_has_no_middle() -> None:
    adapter: TypeAdapter[SmoothingConfig] = TypeAdapter(SmoothingConfig)
    with pytest.raises(ValidationError, match="3 or 5, not 4"):
        adapter.validate_python({"kind": "median", "frames": 4})
    assert adapter.validate_python({"kind": "median", "frames": 7}) == MedianConfig(frames=7)
