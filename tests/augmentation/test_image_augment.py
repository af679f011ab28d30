"""Augmentation of images against torch's flips and turns, formulas, and counted pixels."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from bossline.augmentation.images import ImageAugment, inside, moved, random_sides, rotations

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
EVERYTHING: dict[str, Any] = {
    "crop": {},
    "rotation": 30,
    "flip": 0.5,
    "colour": {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.2},
    "grey": 0.3,
    "erase": {},
}
DRAWN = torch.default_generator  # that torch.manual_seed sets
PARTS = [*({key: value} for key, value in EVERYTHING.items()), EVERYTHING]


def augment(**parts: Any) -> ImageAugment:
    return ImageAugment.model_validate(parts)


def pictures(count: int = 4, side: int = 16, low: float = 0, high: float = 1) -> Tensor:
    return torch.rand(count, 3, side, side) * (high - low) + low


def places(count: int, side: int) -> Tensor:
    """Images that say where each pixel stood: x, y and nothing, in 0..1."""
    centres = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y, torch.zeros_like(x)]).expand(count, 3, side, side)


def luma(images: Tensor) -> Tensor:
    return (images * LUMA).sum(1, keepdim=True)


def factors(after: Tensor, before: Tensor, low: float, high: float) -> None:
    """One factor for each image, between low and high, different for different images."""
    ratio = ((after * before).sum((1, 2, 3)) / before.square().sum((1, 2, 3))).view(-1, 1, 1, 1)
    torch.testing.assert_close(after, ratio * before, rtol=1e-4, atol=1e-5)
    assert float(ratio.min()) >= low - 1e-4
    assert float(ratio.max()) <= high + 1e-4
    assert len(set(ratio.flatten().tolist())) == len(ratio)


def test_nothing_given_changes_nothing() -> None:
    images, state = pictures(), torch.get_rng_state()
    assert torch.equal(augment()(images, DRAWN), images)
    mixed, partner, share = augment().mixed(images, DRAWN)
    assert torch.equal(mixed, images)
    assert partner.tolist() == [0, 1, 2, 3]
    assert share.tolist() == [1, 1, 1, 1]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: "-".join(parts))
def test_values_stay_in_range_and_draws_are_of_the_seed_and_of_each_image(
    parts: dict[str, Any],
) -> None:
    config = augment(**parts)
    one = pictures(1, 24).round()  # the ends of the range
    images = one.expand(64, -1, -1, -1)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(config(images, DRAWN))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].shape == images.shape
    assert results[0].dtype == torch.float32
    assert 0 <= float(results[0].min()) <= float(results[0].max()) <= 1
    different = len({tuple(image.flatten().tolist()) for image in results[0]})
    assert different == 2 if parts.keys() <= {"flip", "grey"} else different > 20
    assert torch.equal(images[0], one[0])  # what came in is as it was
    ones = torch.ones_like(images)
    assert float(config(ones, DRAWN).max()) <= 1


@given(side=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_certain_flip_is_torch_flip(side: int, seed: int) -> None:
    torch.manual_seed(seed)
    images = pictures(3, side)
    torch.testing.assert_close(augment(flip=1)(images, DRAWN), images.flip(3), rtol=0, atol=1e-5)


def test_flips_are_as_frequent_as_asked() -> None:
    torch.manual_seed(0)
    images = places(4000, 4)
    left_to_right = augment(flip=0.3)(images, DRAWN)[:, 0, 0].diff().mean(1)
    assert float((left_to_right < 0).float().mean()) == pytest.approx(0.3, abs=0.03)


@given(side=st.integers(1, 20), seed=st.integers(0, 99))
def test_quarter_turns_are_torch_rot90(side: int, seed: int) -> None:
    torch.manual_seed(seed)
    images = pictures(5, side)
    found = moved(images, rotations(torch.tensor([-90.0, 0, 90, 180, 270])))
    for turns, image, before in zip((-1, 0, 1, 2, 3), found, images, strict=True):
        torch.testing.assert_close(image, before.rot90(turns, (1, 2)), rtol=0, atol=1e-4)


def test_angles_fill_their_range() -> None:
    torch.manual_seed(0)
    middle = augment(rotation=40)(places(2000, 17), DRAWN)[:, :2, 7:10, 7:10]
    x, y = middle[:, :, 1, 2].sub(middle[:, :, 1, 0]).unbind(1)
    angle = torch.atan2(y, x).rad2deg()
    assert float(angle.abs().max()) <= 40 + 1e-2
    assert float(angle.mean()) == pytest.approx(0, abs=2)
    assert float(angle.std()) == pytest.approx(80 / math.sqrt(12), rel=0.05)


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    images = pictures(8)
    torch.testing.assert_close(augment(crop={"least": 1})(images, DRAWN), images, rtol=0, atol=1e-5)


@settings(max_examples=30)
@given(least=st.floats(0.05, 1), aspect=st.floats(1, 3), seed=st.integers(0, 99))
def test_crops_lie_in_the_image_with_the_area_and_shape_asked_for(
    least: float, aspect: float, seed: int
) -> None:
    torch.manual_seed(seed)
    side = 64
    found = augment(crop={"least": least, "aspect": aspect})(places(50, side), DRAWN)
    first, last = side // 4, 3 * side // 4  # away from edges, where ramps are exact
    span = (last - first) / side
    width = (found[:, 0, 32, last] - found[:, 0, 32, first]) / span
    height = (found[:, 1, last, 32] - found[:, 1, first, 32]) / span
    assert float((width * height).min()) >= least - 1e-3
    assert float(torch.stack([width, height]).max()) <= 1 + 1e-3
    assert float((width / height).log().abs().max()) <= math.log(aspect) + 1e-2
    left = found[:, 0, 32, first] - width * (first + 0.5) / side
    top = found[:, 1, first, 32] - height * (first + 0.5) / side
    for start, length in ((left, width), (top, height)):
        assert float(start.min()) >= -1e-3
        assert float((start + length).max()) <= 1 + 1e-3


def test_one_interpolation_is_crop_then_rotation_then_flip() -> None:
    images = places(20, 64)
    torch.manual_seed(5)
    together = augment(crop={"least": 0.5}, rotation=20, flip=0.5)(images, DRAWN)
    torch.manual_seed(5)
    steps = augment(crop={"least": 0.5})(images, DRAWN)
    steps = augment(rotation=20)(steps, DRAWN)
    steps = augment(flip=0.5)(steps, DRAWN)
    middle = slice(20, 44)
    torch.testing.assert_close(
        together[:, :, middle, middle], steps[:, :, middle, middle], rtol=0, atol=1e-4
    )


def test_grey_is_the_luma_in_every_channel() -> None:
    images = pictures(2000, 2)
    torch.testing.assert_close(augment(grey=1)(images, DRAWN), luma(images).expand_as(images))
    torch.manual_seed(0)
    found = augment(grey=0.2)(images, DRAWN)
    greys = (found - luma(images)).abs().amax((1, 2, 3)) < 1e-6
    assert float(greys.float().mean()) == pytest.approx(0.2, abs=0.04)
    torch.testing.assert_close(found[~greys], images[~greys])


def test_each_change_of_colour_follows_its_formula() -> None:
    torch.manual_seed(0)
    images = pictures(10, low=0.4, high=0.6)  # nothing is cut off
    own, mean = luma(images), luma(images).mean((2, 3), keepdim=True)
    factors(augment(colour={"brightness": 0.3})(images, DRAWN), images, 0.7, 1.3)
    factors(augment(colour={"contrast": 0.3})(images, DRAWN) - mean, images - mean, 0.7, 1.3)
    factors(augment(colour={"saturation": 0.3})(images, DRAWN) - own, images - own, 0.7, 1.3)


def test_hues_turn_about_the_greys_and_keep_the_luma() -> None:
    torch.manual_seed(0)
    images = pictures(200, 4, low=0.4, high=0.6)
    found = augment(colour={"hue": 0.25})(images, DRAWN)
    torch.testing.assert_close(luma(found), luma(images))
    # In the plane across the greys a turn keeps lengths, and its angle is the image's own.
    before, after = (
        torch.complex(
            (pixels[:, 0] - (pixels[:, 1] + pixels[:, 2]) / 2) * math.sqrt(2 / 3),
            (pixels[:, 1] - pixels[:, 2]) / math.sqrt(2),
        )
        for pixels in (images, found)
    )
    torch.testing.assert_close(after.abs(), before.abs(), rtol=1e-3, atol=1e-5)
    angle = (after * before.conj()).sum((1, 2)).angle() / (2 * math.pi)
    turned = before * torch.polar(torch.ones_like(angle), 2 * math.pi * angle).view(-1, 1, 1)
    torch.testing.assert_close(after, turned, rtol=1e-3, atol=1e-5)
    assert 0.2 < float(angle.abs().max()) <= 0.25 + 1e-3
    assert float(angle.std()) == pytest.approx(0.5 / math.sqrt(12), rel=0.1)


@settings(max_examples=30)
@given(least=st.floats(0.01, 0.5), more=st.floats(0, 0.5), seed=st.integers(0, 99))
def test_an_erased_box_has_the_area_asked_for(least: float, more: float, seed: int) -> None:
    torch.manual_seed(seed)
    side = 48
    images = torch.full((40, 3, side, side), 2.0)  # what no noise is
    config = augment(erase={"probability": 1, "least": least, "most": least + more})
    hidden = config(images, DRAWN) != 2
    assert torch.equal(hidden.any(1), hidden.all(1))
    rows, columns = hidden[:, 0].any(2), hidden[:, 0].any(1)
    assert torch.equal(hidden[:, 0], rows.unsqueeze(2) & columns.unsqueeze(1))
    width, height = columns.sum(1), rows.sum(1)
    # Sides are rounded to whole pixels.
    assert bool((((width + 0.5) * (height + 0.5)) >= least * side**2 - 1e-2).all())
    assert bool((((width - 0.5) * (height - 0.5)) <= (least + more) * side**2 + 1e-2).all())


def test_erased_shares_are_right_on_average_and_anywhere() -> None:
    torch.manual_seed(0)
    images = torch.full((3000, 3, 32, 32), 2.0)
    config = augment(erase={"probability": 0.5, "least": 0.1, "most": 0.3})
    hidden = (config(images, DRAWN) != 2)[:, 0]
    some = hidden.any(2).any(1)
    assert float(some.float().mean()) == pytest.approx(0.5, abs=0.05)
    assert float(hidden[some].float().mean()) == pytest.approx(0.2, abs=0.01)
    chance = hidden.float().mean(0)
    torch.testing.assert_close(chance, chance.flip(0), rtol=0, atol=0.05)
    torch.testing.assert_close(chance, chance.flip(1), rtol=0, atol=0.05)
    assert float(chance.min()) > 0


@settings(max_examples=30)
@given(alpha=st.floats(0.1, 5), seed=st.integers(0, 99))
def test_a_cutmix_share_is_the_share_of_pixels_left(alpha: float, seed: int) -> None:
    torch.manual_seed(seed)
    count, side = 30, 17
    images = (torch.arange(count) / count).view(-1, 1, 1, 1).expand(count, 3, side, side)
    mixed, partner, share = augment(mix={"cutmix": alpha}).mixed(images, DRAWN)
    assert sorted(partner.tolist()) == list(range(count))
    for image, row, other, left in zip(mixed, images, partner.tolist(), share, strict=True):
        own, others = image == row, image == images[other]
        assert bool((own | others).all())
        if not torch.equal(row, images[other]):
            assert float(left) == pytest.approx(int(own.sum()) / own.numel(), abs=1e-6)
            rows, columns = others[0].any(1), others[0].any(0)
            assert torch.equal(others[0], rows.unsqueeze(1) & columns)


@settings(max_examples=30)
@given(alpha=st.floats(0.1, 5), seed=st.integers(0, 99))
def test_mixup_is_the_convex_combination(alpha: float, seed: int) -> None:
    torch.manual_seed(seed)
    images = pictures(10, 5)
    mixed, partner, share = augment(mix={"mixup": alpha}).mixed(images, DRAWN)
    assert sorted(partner.tolist()) == list(range(10))
    assert share.dtype == torch.float32
    weight = share.view(-1, 1, 1, 1)
    torch.testing.assert_close(mixed, weight * images + (1 - weight) * images[partner])
    assert 0 <= float(mixed.min()) <= float(mixed.max()) <= 1
    assert len(set(share.tolist())) > 1


def test_mixup_shares_are_of_the_beta_distribution() -> None:
    torch.manual_seed(0)
    alpha = 0.4
    _, _, share = augment(mix={"mixup": alpha}).mixed(torch.zeros(20_000, 3, 1, 1), DRAWN)
    assert float(share.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(share.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)


def test_each_batch_takes_one_of_two_ways_to_mix() -> None:
    torch.manual_seed(0)
    images = (torch.arange(8) / 8).view(-1, 1, 1, 1).expand(8, 3, 6, 6)
    config = augment(mix={"mixup": 1, "cutmix": 1})
    cut = []
    for _ in range(200):
        mixed, partner, _ = config.mixed(images, DRAWN)
        cut.append(bool(((mixed == images) | (mixed == images[partner])).all()))
    assert sum(cut) == pytest.approx(100, abs=30)
    torch.manual_seed(3)
    one = config.mixed(images, DRAWN)
    torch.manual_seed(3)
    assert all(torch.equal(a, b) for a, b in zip(one, config.mixed(images, DRAWN), strict=True))


def test_a_mix_needs_a_way_and_an_erasure_a_range() -> None:
    with pytest.raises(ValidationError, match="give mixup, cutmix or both"):
        augment(mix={})
    with pytest.raises(ValidationError, match=r"least \(0\.5\) is above most \(0\.4\)"):
        augment(erase={"least": 0.5})


@given(share=st.floats(0.01, 1), aspect=st.floats(1, 10), seed=st.integers(0, 99))
def test_boxes_have_their_area_and_fit(share: float, aspect: float, seed: int) -> None:
    torch.manual_seed(seed)
    width, height = random_sides(torch.full((50,), share), aspect, DRAWN)
    torch.testing.assert_close(width * height, torch.full((50,), share))
    assert float(torch.cat([width, height]).max()) <= 1 + 1e-5
    assert float((width / height).log().abs().max()) <= math.log(aspect) + 1e-5


def test_a_box_beyond_the_edge_is_cut_off() -> None:
    corner = torch.tensor([-1.0]), torch.tensor([2.0]), torch.tensor([3.0]), torch.tensor([9.0])
    expected = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    expected[:, :, 2:, :2] = True
    assert torch.equal(inside(*corner, side=4), expected)
