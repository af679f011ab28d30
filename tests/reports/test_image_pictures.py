"""What a report shows of the images of a test split."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from bossline.figures.picture import Picture
from bossline.figures.style import ERROR, NARROW, SERIES
from bossline.tasks.food.pictures import (
    MOST_MISTAKES,
    SeenImages,
    draw_maps,
    draw_mistakes,
    image_pictures,
    overlaid,
    photographic,
    surest_mistakes,
)

CLASSES = ("bread", "$egg_1$", "a class of a name that is much too long for its line")


def fake_images(count: int, size: tuple[int, int] = (30, 20)) -> SeenImages:
    """Noise with two mistakes in three, and maps of two right and two wrong answers."""
    rng = np.random.default_rng(0)
    true = np.arange(count) % 3
    predicted = np.where(np.arange(count) % 3, (true + 1) % 3, true)
    right, wrong = np.flatnonzero(true == predicted), np.flatnonzero(true != predicted)
    return SeenImages(
        pixels=[rng.integers(0, 256, (*size, 3)).astype(np.uint8) for _ in range(count)],
        true=true,
        predicted=predicted,
        confidence=rng.uniform(0.3, 1, count).astype(np.float32),
        mapped=np.concatenate([right[:2], wrong[:2]]),
        maps=rng.normal(0, 0.2, (4, 8, 8)).astype(np.float32),
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=16)), max_size=60))
def test_surest_mistakes_come_first(answers: list[tuple[bool, float]]) -> None:
    images = SeenImages(
        pixels=[],
        true=np.zeros(len(answers), np.int64),
        predicted=np.array([wrong for wrong, _ in answers], np.int64),
        confidence=np.array([share for _, share in answers], np.float32),
        mapped=np.empty(0, np.int64),
        maps=np.empty((0, 8, 8), np.float32),
    )
    wrong = [k for k, (is_wrong, _) in enumerate(answers) if is_wrong]
    expected = sorted(wrong, key=lambda k: (-answers[k][1], k))
    assert surest_mistakes(images) == expected[:MOST_MISTAKES]


def test_mistakes_are_named_with_their_probability() -> None:
    images = fake_images(40)
    places = surest_mistakes(images)[:8]
    figure = draw_mistakes(images, places, CLASSES)
    said = texts(figure)
    assert len(said) == 16
    for place, named, true in zip(places, said[::2], said[1::2], strict=True):
        assert named.endswith(f" ({images.confidence[place]:.0%})")
        assert CLASSES[images.predicted[place]][:10] in named
        assert true.removeprefix("true: ")[:10] == CLASSES[images.true[place]][:10]
        assert max(len(named), len(true)) <= 24
    shown = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(shown) == 8
    assert len(figure.axes) == 12  # the last row is not full


def test_maps_stand_below_their_images() -> None:
    images = fake_images(40)
    figure = draw_maps(images, CLASSES)
    count = len(images.mapped)
    assert len(figure.axes) == 2 * count
    said = texts(figure)
    assert said.count("right") == count // 2
    lost = [text for text in said if text.endswith("points lost")]
    assert lost == [f"at most {100 * one.max():.0f} points lost" for one in images.maps]


def test_a_phone_gets_two_images_abreast() -> None:
    images = fake_images(40)
    count = len(images.mapped)
    for abreast in (2, count + 1):  # the last row may not be full
        figure = draw_maps(images, CLASSES, abreast)
        shown = [axes for axes in figure.axes if axes.images]
        assert len(shown) == 2 * count
        assert len({round(axes.get_position().x0, 6) for axes in shown}) == min(abreast, count)
    pictures = image_pictures(images, CLASSES, "k")
    for (picture,) in pictures.values():
        assert picture.narrow is not None
        assert "image/png" not in picture.narrow
        assert picture.narrow.count("<image") == picture.svg.count("<image")
    assert draw_maps(images, CLASSES, 2).get_figwidth() <= NARROW


def test_colours_of_a_map_are_its_signs() -> None:
    photograph = np.full((80, 80, 3), 128, np.uint8)
    lost = np.zeros((8, 8), np.float32)
    lost[1, 1], lost[6, 6] = 0.4, -0.4
    seen = overlaid(photograph, lost).astype(float)
    grey = seen[45, 45]
    assert np.ptp(grey) == 0
    for (y, x), colour in (((15, 15), ERROR), ((65, 65), SERIES[0])):
        toward = np.array(to_rgb(colour)) * 255 - grey
        moved = seen[y, x] - grey
        assert moved @ toward / np.linalg.norm(moved) / np.linalg.norm(toward) > 0.99
    # A hundredth of a point of probability is no finding.
    assert np.ptp(overlaid(photograph, lost * np.float32(2.5e-4)), axis=2).max() <= 1


def test_photographs_are_jpeg_of_the_same_pixels() -> None:
    images = fake_images(40)
    picture = Picture.of(draw_maps(images, CLASSES), "k", "label", "caption")
    small = photographic(picture)
    assert "image/png" not in small.svg
    before, after = (
        [
            np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), float)
            for data in re.findall(r'data:image/\w+;base64,([^"]+)', one.svg)
        ]
        for one in (picture, small)
    )
    assert len(after) == 2 * len(images.mapped)
    for png, jpeg in zip(before, after, strict=True):
        assert png.shape == jpeg.shape
        assert np.abs(png - jpeg).mean() < 8
    assert re.sub(r'base64,[^"]+', "", picture.svg).replace("png", "jpeg") == re.sub(
        r'base64,[^"]+', "", small.svg
    )


@pytest.mark.parametrize("size", [(1, 9), (30, 20), (300, 500)])
def test_images_of_any_size_are_shown(size: tuple[int, int]) -> None:
    images = fake_images(12, size)
    assert draw_mistakes(images, surest_mistakes(images), CLASSES).axes[0].images
