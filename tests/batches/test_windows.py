"""Windows against a brute-force version that clamps indices frame by frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bossline.batches.frames import Joined
from bossline.batches.windows import WindowConfig, Windows

CPU = torch.device("cpu")


def brute_force(pieces: list[npt.NDArray[np.floating]], width: int) -> npt.NDArray[np.floating]:
    rows = []
    for piece in pieces:
        for centre in range(len(piece)):
            around = range(centre - width // 2, centre + width // 2 + 1)
            rows.append(np.concatenate([piece[min(max(t, 0), len(piece) - 1)] for t in around]))
    return np.stack(rows)


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    dim=st.integers(1, 5),
    reach=st.integers(0, 9),
    seed=st.integers(0, 2**31),
    dtype=st.sampled_from([np.float16, np.float32]),
)
def test_every_window_of_any_width_equals_brute_force(
    lengths: list[int], dim: int, reach: int, seed: int, dtype: type[np.floating]
) -> None:
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(size=(length, dim)).astype(dtype) for length in lengths]
    windows = Windows(list(pieces), WindowConfig(frames=2 * reach + 1), CPU)
    expected = brute_force(pieces, 2 * reach + 1)
    assert len(windows) == sum(lengths)
    assert WindowConfig(frames=2 * reach + 1).inputs(dim) == expected.shape[1]
    order = rng.permutation(len(windows))
    np.testing.assert_array_equal(windows.gather(torch.from_numpy(order)), expected[order])
    everything = torch.cat([inputs for inputs, _, _ in windows.in_order()])
    np.testing.assert_array_equal(everything, expected)


def test_windows_share_memory_with_the_frames() -> None:
    pieces = [np.zeros((1000, 39), np.float16)]
    opened = [Joined(pieces, CPU, width) for width in (3, 101)]
    bytes_of = [frames._windows.untyped_storage().nbytes() for frames in opened]
    assert bytes_of[1] - bytes_of[0] == (100 - 2) * 39 * 2


@pytest.mark.parametrize("frames", [2, 10])
def test_an_even_window_has_no_centre(frames: int) -> None:
    with pytest.raises(ValidationError, match=f"{frames - 1} or {frames + 1}"):
        WindowConfig(frames=frames)
