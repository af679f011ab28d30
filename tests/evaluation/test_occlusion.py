from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bossline.tasks.food.occlusion import PLACES, occlusion_map

Images = Sequence[np.ndarray]


def test_a_map_is_what_covering_by_hand_costs() -> None:
    rng = np.random.default_rng(0)
    side = 32
    image = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    weights = rng.normal(size=(3, side, side, 3)) / 1e4

    def answer(images: Images) -> np.ndarray:
        scores = np.exp([np.tensordot(weights, picture.astype(float), 3) for picture in images])
        return np.asarray(scores / scores.sum(1, keepdims=True))

    found = occlusion_map(answer, image, 2)
    whole = answer([image])[0, 2]
    cell = side // PLACES
    for row in range(PLACES):
        for column in range(PLACES):
            covered = image.copy()
            for y in range(side):
                for x in range(side):
                    # A cover reaches one cell to each side of the middle of its own.
                    if (
                        abs(y + 0.5 - (row + 0.5) * cell) < cell
                        and abs(x + 0.5 - (column + 0.5) * cell) < cell
                    ):
                        covered[y, x] = image.reshape(-1, 3).mean(0).round()
            expected = whole - answer([covered])[0, 2]
            assert found[row, column] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", [1, 5, 8, 30, 101])
def test_every_pixel_is_covered_at_any_size(side: int) -> None:
    image = np.zeros((side, side, 3), np.uint8)
    image[0] = 255  # so that a cover differs from what it covers
    seen: list[np.ndarray] = []

    def answer(images: Images) -> np.ndarray:
        seen.extend(images)
        return np.zeros((len(images), 1), np.float32)

    assert occlusion_map(answer, image, 0).shape == (PLACES, PLACES)
    np.testing.assert_array_equal(seen[0], image)
    changed = np.any([picture != image for picture in seen[1:]], axis=(0, 3))
    assert changed.all() or side == 1


def test_the_decisive_spot_stands_out() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    image[40:48, 16:24] = 255  # in the cell of row 5, column 2

    def answer(images: Images) -> np.ndarray:
        return np.array([[picture[40:48, 16:24].mean() / 255] for picture in images])

    found = occlusion_map(answer, image, 0)
    assert found.argmax() == 5 * PLACES + 2
    assert found[:4].max() == 0  # covers that do not touch it cost nothing
