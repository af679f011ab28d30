"""Batches of images against Pillow's resizing and torch's flips and turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from bossline.batches import images as module
from bossline.batches.images import ImageConfig, Views, centre_square, symmetries

CPU = torch.device("cpu")
SIZES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12)


def pictures(sizes: list[tuple[int, int]], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def numbered(count: int, side: int) -> list[np.ndarray]:
    """Images that say which they are."""
    return [np.full((side, side, 3), number, np.uint8) for number in range(count)]


@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    side=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_the_middle_is_resized_as_pillow_does_it(
    height: int, width: int, side: int, seed: int
) -> None:
    (picture,) = pictures([(height, width)], seed)
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    middle = Image.fromarray(picture).crop((left, top, left + shorter, top + shorter))
    expected = np.array(middle.resize((side, side), Image.Resampling.BICUBIC))
    found = centre_square(picture, side).permute(1, 2, 0).numpy()
    assert found.dtype == np.uint8
    # Each of the two passes rounds.
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=2)


def test_resizing_first_and_cropping_then_is_the_same_away_from_the_edge() -> None:
    (picture,) = pictures([(128, 192)])
    whole = np.array(Image.fromarray(picture).resize((96, 64), Image.Resampling.BICUBIC))
    found = centre_square(picture, 64).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(
        found[:, 2:-2].astype(int), whole[:, 16:-16][:, 2:-2].astype(int), atol=2
    )


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 21), (30, 16)])
def test_an_image_of_the_right_size_is_not_resampled(height: int, width: int) -> None:
    (picture,) = pictures([(height, width)])
    picture.flags.writeable = False  # as a file mapped for reading is
    top, left = (height - 16) // 2, (width - 16) // 2
    expected = picture[top : top + 16, left : left + 16].transpose(2, 0, 1)
    np.testing.assert_array_equal(centre_square(picture, 16), expected)
    batch, _ = ImageConfig(side=16).open([picture], CPU).batch(0, 0, 0)
    np.testing.assert_array_equal(batch[0], expected.astype(np.float32) / 255)


@settings(max_examples=40)
@given(
    count=st.integers(1, 40),
    size=st.integers(2, 9),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 9),
)
def test_an_epoch_shows_every_image_once(count: int, size: int, seed: int, epoch: int) -> None:
    config = ImageConfig(side=3, size=size)
    opened = config.open(numbered(count, 5), CPU)
    assert (len(opened), config.inputs(3)) == (count, 3)
    seen = []
    for step in range(opened.steps_per_epoch):
        batch, indices = opened.batch(seed, epoch, step)
        assert batch.shape == (len(indices), 3, 3, 3)
        assert (batch.dtype, indices.dtype) == (torch.float32, torch.int64)
        assert len(indices) <= max(size, 3 if count % 2 else 0)  # rather three than one alone
        torch.testing.assert_close(batch[:, 0, 0, 0] * 255, indices.float())
        seen += indices.tolist()
    assert sorted(seen) == list(range(count))


def test_a_batch_depends_on_its_arguments_only() -> None:
    pieces = pictures([(9, 7)] * 50)
    one, other = (ImageConfig(side=5, size=8).open(pieces, CPU) for _ in range(2))
    expected, indices = one.batch(1, 2, 3)
    other.batch(1, 3, 0)
    found, again = other.batch(1, 2, 3)
    assert torch.equal(indices, again)
    assert torch.equal(expected, found)
    assert not torch.equal(indices, one.batch(1, 3, 3)[1])
    assert not torch.equal(indices, one.batch(2, 2, 3)[1])


@given(sizes=SIZES, side=st.integers(1, 20))
def test_images_that_do_not_fit_in_memory_are_the_same(
    sizes: list[tuple[int, int]], side: int
) -> None:
    pieces = pictures(sizes)
    config = ImageConfig(side=side, size=4, views="flip")
    kept = config.open(pieces, CPU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT_BYTES", len(pieces) * 3 * side**2 - 1)
        lazy = config.open(pieces, CPU)
    for step in range(kept.steps_per_epoch):
        for found, expected in zip(lazy.batch(0, 1, step), kept.batch(0, 1, step), strict=True):
            assert torch.equal(found, expected)
    for one, other in zip(lazy.in_order(), kept.in_order(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    # Only what is not kept is read again.
    pieces[0][:] = 255 - pieces[0]
    before, after = (next(iter(opened.in_order()))[0][0] for opened in (kept, lazy))
    assert not torch.equal(before, after)


def test_views_are_the_eight_symmetries_in_their_order() -> None:
    images = torch.rand(2, 3, 4, 4)

    def expected(turns: int, mirrored: bool) -> Tensor:
        out = torch.empty_like(images)
        for y in range(4):
            for x in range(4):
                row, column = y, x
                for _ in range(turns):  # anticlockwise: the right edge comes to the top
                    row, column = column, 3 - row
                out[:, :, y, x] = images[:, :, row, 3 - column if mirrored else column]
        return out

    found = list(symmetries(images, "square"))
    wanted = [expected(turns, mirrored) for turns in range(4) for mirrored in (False, True)]
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert len({tuple(view.flatten().tolist()) for view in found}) == 8
    assert all(
        torch.equal(a, b) for a, b in zip(symmetries(images, "flip"), wanted[:2], strict=True)
    )
    (only,) = symmetries(images, "one")
    assert torch.equal(only, images)


@pytest.mark.parametrize(("views", "count"), [("one", 1), ("flip", 2), ("square", 8)])
def test_a_pass_shows_every_view_of_every_image_in_small_batches(
    views: Views, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVALUATION_PIXELS", 3 * 6**2)
    pieces = pictures([(6, 6)] * 7)
    seen: dict[int, list[Tensor]] = {number: [] for number in range(7)}
    batches = []
    for images, indices in ImageConfig(side=6, views=views).open(pieces, CPU).in_order():
        assert images.shape == (len(indices), 3, 6, 6)
        batches.append(indices.tolist())
        for image, number in zip(images, indices.tolist(), strict=True):
            seen[number].append(image)
    parts = ([0, 1, 2], [3, 4, 5], [6])
    assert batches == [part for part in parts for _ in range(count)]
    for piece, found in zip(pieces, seen.values(), strict=True):
        whole = torch.from_numpy(piece).permute(2, 0, 1).unsqueeze(0) / 255
        for view, expected in zip(found, symmetries(whole, views), strict=True):
            assert torch.equal(view, expected[0])
