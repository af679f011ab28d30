"""Test images: the mistakes that a model was surest of, and what its answers hang on."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from bossline.batches.images import centre_square
from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.figures.picture import Picture
from bossline.figures.style import ERROR, INK, MUTED, NORMAL, SERIES, dress, new_figure
from bossline.tasks.base import OpenRun

MOST_MISTAKES, _ABREAST, _ON_PHONE = 24, 6, 2
_CELL, _LINE = 1.85, 0.2  # inches: width of an image with its margin, height of a line of text
_THUMBNAIL, _LARGE = 144, 200  # pixels of a side
_LETTERS = 24  # of a line under an image
_STRONGEST = 0.8  # opacity where a map has its largest value
_LEAST_SCALE = 0.05  # of a map: less than five points of probability are not blown up
_QUALITY = 80  # of JPEG

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SeenImages:
    """The test images of a run, what they show, and what the model made of them."""

    pixels: Sequence[Pixels]  # (U,) of (H, W, 3) each
    true: npt.NDArray[np.int64]  # (U,)
    predicted: npt.NDArray[np.int64]  # (U,)
    confidence: npt.NDArray[np.float32]  # (U,) the probability of the class that was predicted
    mapped: npt.NDArray[np.int64]  # (K,) places of those that have a map
    maps: npt.NDArray[np.float32]  # (K, n, n) as `occlusion_map` gives them


def images_of(run: OpenRun) -> SeenImages | None:
    """None before scoring and without the corpus."""
    found = run.at_hand("utterances", "predicted", "confidence", "mapped", "occlusion")
    if found is None:
        return None
    arrays, corpus = found
    items = arrays["utterances"]
    return SeenImages(
        pixels=[corpus.image(int(u)) for u in items],
        true=corpus.categories[items].astype(np.int64),
        predicted=arrays["predicted"].astype(np.int64),
        confidence=arrays["confidence"].astype(np.float32),
        mapped=arrays["mapped"],
        maps=arrays["occlusion"].astype(np.float32),
    )


def image_pictures(
    images: SeenImages, classes: tuple[str, ...], key: str
) -> dict[str, list[Picture]]:
    """Mistakes and maps, on their way onto the page."""
    return {
        tr("Mistakes"): _mistakes(images, classes, key),
        tr("Where the model looks"): _maps(images, classes, key),
    }


def _mistakes(images: SeenImages, classes: tuple[str, ...], key: str) -> list[Picture]:
    """Nothing where all is right."""
    places = surest_mistakes(images)
    if not places:
        return []
    wrong = int((images.true != images.predicted).sum())
    which = (
        tr("They are shown, the most probable first")
        if wrong == len(places)
        else tr("The {count} surest are shown, the most probable first", count=len(places))
    )
    picture = Picture.of(
        draw_mistakes(images, places, classes),
        f"{key}-mistakes",
        tr(
            "{images}: {taken}",
            images=counted(len(places), "misclassified test image"),
            taken=_taken(images, places, classes),
        ),
        tr(
            "{wrong:,} of {count:,} test images are misclassified. {which}: the class that was "
            "named with its probability, and the true one.",
            wrong=wrong,
            count=len(images.true),
            which=which,
        ),
        on_phone=draw_mistakes(images, places, classes, abreast=_ON_PHONE),
    )
    return [photographic(picture)]


def _maps(images: SeenImages, classes: tuple[str, ...], key: str) -> list[Picture]:
    """Nothing where no image has a map."""
    places = images.mapped.tolist()
    if not places:
        return []
    picture = Picture.of(
        draw_maps(images, classes),
        f"{key}-maps",
        tr(
            "Occlusion maps of {images}: {taken}",
            images=counted(len(places), "test image"),
            taken=_taken(images, places, classes),
        ),
        tr(
            "What an answer hangs on: a square of the image's mean colour covers one place after "
            "the other. Orange: the class that was named loses probability when this place is "
            "covered; blue: it gains. Each map has its own scale, up to its largest change. Right "
            "answers are of middling confidence, wrong ones those that the model was surest of."
        ),
        on_phone=draw_maps(images, classes, abreast=_ON_PHONE),
    )
    return [photographic(picture)]


def _taken(images: SeenImages, places: list[int], classes: tuple[str, ...]) -> str:
    """What some images are, and what they are taken for."""
    return tr("; ").join(
        tr(
            "{true} named {predicted}",
            true=classes[images.true[k]],
            predicted=classes[images.predicted[k]],
        )
        for k in places
    )


def surest_mistakes(images: SeenImages) -> list[int]:
    """Places of the wrong answers of the highest probability, highest first; ties in order."""
    wrong = np.flatnonzero(images.true != images.predicted)
    surest = np.argsort(-images.confidence[wrong], kind="stable")[:MOST_MISTAKES]
    return [int(place) for place in wrong[surest]]


def draw_mistakes(
    images: SeenImages, places: list[int], classes: tuple[str, ...], abreast: int = _ABREAST
) -> Figure:
    """Images with what they were taken for, with which probability, and what they are."""
    rows = -(-len(places) // abreast)
    figure = _sheet(abreast, rows * (_CELL + 2 * _LINE))
    cells = figure.subplots(rows, abreast, squeeze=False).ravel()
    for axes in cells:
        axes.set_axis_off()
    for axes, place in zip(cells, places, strict=False):
        _show(axes, _square(images, place, _THUMBNAIL))
        _answer(axes, images, place, classes)
    return figure


def draw_maps(images: SeenImages, classes: tuple[str, ...], abreast: int | None = None) -> Figure:
    """Images above, below them in grey with their maps laid over.

    Args:
        abreast: images of a row; None: all of them.
    """
    abreast = abreast or len(images.mapped)
    rows = -(-len(images.mapped) // abreast)
    figure = _sheet(abreast, rows * (2 * _CELL + 3 * _LINE))
    cells = figure.subplots(2 * rows, abreast, squeeze=False)
    for axes in cells.ravel():
        axes.set_axis_off()
    for number, (place, lost) in enumerate(zip(images.mapped, images.maps, strict=True)):
        row, column = divmod(number, abreast)
        upper, lower = cells[2 * row, column], cells[2 * row + 1, column]
        photograph = _square(images, int(place), _LARGE)
        _show(upper, photograph)
        _answer(upper, images, int(place), classes)
        _show(lower, overlaid(photograph, lost))
        points = tr("at most {points:.0f} points lost", points=100 * max(float(lost.max()), 0))
        _line(lower, 0, points, MUTED)
    return figure


def overlaid(photograph: Pixels, lost: npt.NDArray[np.float32]) -> Pixels:
    """A photograph in pale grey, orange where a map is positive, blue where it is negative.

    Args:
        photograph: (S, S, 3).
        lost: (n, n), of equal parts of the photograph.
    """
    small = Image.fromarray(lost.astype(np.float32))
    smooth = np.asarray(small.resize(photograph.shape[:2], Image.Resampling.BILINEAR))
    strength = np.clip(smooth / max(float(np.abs(lost).max()), _LEAST_SCALE), -1, 1)[..., None]
    grey = photograph.mean(2, keepdims=True) * 0.7 + 255 * 0.3
    colour = np.where(strength > 0, to_rgb(ERROR), to_rgb(SERIES[0])) * 255
    opacity = _STRONGEST * np.abs(strength)
    return np.asarray((grey * (1 - opacity) + colour * opacity).round(), np.uint8)


def photographic(picture: Picture) -> Picture:
    """The same with its bitmaps as JPEG, which takes a fraction of PNG's bytes for photographs."""
    narrow = None if picture.narrow is None else _with_jpeg(picture.narrow)
    return replace(picture, svg=_with_jpeg(picture.svg), narrow=narrow)


def _with_jpeg(drawn: Markup) -> Markup:
    return Markup(re.sub(r"data:image/png;base64,([^\"]+)", _as_jpeg, drawn))


def _as_jpeg(png: re.Match[str]) -> str:
    sheet = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png[1]))) as opened:
        opened.convert("RGB").save(sheet, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(sheet.getvalue()).decode()}"


def _sheet(abreast: int, height: float) -> Figure:
    """An empty figure with room below each line of text, as the page's own font may want."""
    figure = new_figure(abreast * _CELL, height)
    figure.set_layout_engine("constrained", h_pad=0.08)
    return figure


def _square(images: SeenImages, place: int, side: int) -> Pixels:
    """(side, side, 3): as much of an image as a model sees."""
    return np.asarray(centre_square(images.pixels[place], side).permute(1, 2, 0).numpy())


def _show(axes: Axes, pixels: Pixels) -> None:
    dress(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.imshow(pixels, interpolation="none")


def _answer(axes: Axes, images: SeenImages, place: int, classes: tuple[str, ...]) -> None:
    true, predicted = int(images.true[place]), int(images.predicted[place])
    share = f" ({images.confidence[place]:.0%})"
    name = _short(classes[predicted], _LETTERS - len(share))
    _line(axes, 0, name + share, INK if true == predicted else ERROR)
    said = (
        tr("right")
        if true == predicted
        else tr("true: {name}", name=_short(classes[true], _LETTERS - 6))
    )
    _line(axes, 1, said, MUTED)


def _line(axes: Axes, row: int, text: str, colour: str) -> None:
    """A line of text under an image."""
    axes.annotate(
        text,
        (0.5, 0),
        xytext=(0, -4 - row * _LINE * 72),
        xycoords="axes fraction",
        textcoords="offset points",
        horizontalalignment="center",
        verticalalignment="top",
        fontsize=NORMAL,
        color=colour,
        parse_math=False,
    )


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
