"""What is read and seen stands out from what it lies on, in light and in dark."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Colormap, to_hex, to_rgb
from matplotlib.text import Text

import bossline.reports
from bossline.figures import style
from bossline.figures.phonetic_groups import _COLOURS, OTHER_COLOUR
from bossline.figures.picture import Picture
from bossline.figures.utterance import BOX, FAINT, SHADES
from bossline.reports.differences import _COLOURS as VERDICTS

CSS = (Path(bossline.reports.__file__).parent / "page.css").read_text(encoding="utf-8")
MARKS = [*style.SERIES, style.ERROR, *_COLOURS.values(), OTHER_COLOUR, BOX]


def channel(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, computed apart from the package."""
    weights = (0.2126, 0.7152, 0.0722)
    light, dark = sorted(
        (
            sum(
                weight * channel(int(colour[at : at + 2], 16))
                for weight, at in zip(weights, (1, 3, 5), strict=True)
            )
            for colour in (one, other)
        ),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def schemes() -> list[dict[str, str]]:
    """The colours of light pages, of dark ones, and of paper."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, flags=re.DOTALL)
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in blocks]


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert style.luminance("#767676") == pytest.approx(channel(0x76))


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark", "print"])
def test_text_can_be_read(scheme: dict[str, str]) -> None:
    for text, ground in product(("ink", "muted", "accent"), ("paper", "ground")):
        assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
    for chip in ("good", "fair", "poor"):
        assert contrast(scheme[chip], scheme[f"{chip}-ground"]) >= 4.5, chip
    for ground in ("fair-ground", "plain-ground"):
        assert contrast(scheme["ink"], scheme[ground]) >= 4.5, ground


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark", "print"])
def test_marks_can_be_seen(scheme: dict[str, str]) -> None:
    verdicts = [colour for colour in VERDICTS.values() if colour != style.MUTED]
    for colour in [*MARKS, *verdicts, scheme["muted"], scheme["ink"]]:
        assert contrast(colour, scheme["paper"]) >= 3, colour


@pytest.mark.parametrize("ground", MARKS)
def test_letters_on_marks_can_be_read(ground: str) -> None:
    letters = {"black": "#000000", "white": "#ffffff"}[style.readable_on(ground)]
    assert contrast(letters, ground) >= 4.5


def painted(map_: Colormap, share: float, paper: str) -> str:
    """The colour that a share has on a page."""
    red, green, blue, alpha = map_(share)
    ground = to_rgb(paper)
    mixed = [alpha * c + (1 - alpha) * g for c, g in zip((red, green, blue), ground, strict=True)]
    return to_hex((mixed[0], mixed[1], mixed[2]))


SHARES = np.linspace(0, 1, 101)


@pytest.mark.parametrize("share", SHARES)
def test_numbers_on_a_heat_map_can_be_read(share: float) -> None:
    letters = {"black": "#000000", "white": "#ffffff"}[style.readable_on_heat(share)]
    assert contrast(letters, to_hex(colormaps[style.HEAT_COLOURS](share))) >= 4.5


def test_a_heat_map_is_the_same_on_every_page() -> None:
    """It lets no page through, and what is more is brighter, for those who see no hues too."""
    heat = colormaps[style.HEAT_COLOURS]
    assert all(heat(share)[3] == 1 for share in SHARES)
    light = [style.luminance(to_hex(heat(share))) for share in SHARES]
    assert light == sorted(light)
    assert contrast(to_hex(heat(0.0)), to_hex(heat(1.0))) >= 3


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark", "print"])
def test_probabilities_fade_into_the_page(scheme: dict[str, str]) -> None:
    """Nothing at 0, so that low values glare on no page, and a mark at 1."""
    for shades in (SHADES, FAINT):
        against = [contrast(painted(shades, s, scheme["paper"]), scheme["paper"]) for s in SHARES]
        assert against[0] == 1
        assert (np.diff(against) > -0.02).all()  # colours are whole numbers
        assert against[-1] >= 3


def test_variables_of_the_figures_are_those_of_the_page() -> None:
    light = schemes()[0]
    for colour, variable in style.VARIABLES.items():
        assert contrast(colour, light[variable.removeprefix("--")]) < 1.01


def test_panels_stand_below_each_other_on_a_phone() -> None:
    figure = style.new_figure(7.6, 3.0)
    for axes in figure.subplots(1, 2):
        axes.plot([0, 1], [0, 1], label="a")
    style.outside_legend(figure, "outside lower left", ncols=2)
    picture = Picture.of(figure, "k", "a label", "a caption")
    assert picture.narrow is not None
    assert picture.width == 730
    ids = [set(re.findall(r'\sid="([^"]*)"', text)) for text in (picture.svg, picture.narrow)]
    assert not ids[0] & ids[1]
    assert figure.get_figwidth() == style.NARROW
    first, second = (axes.get_position() for axes in figure.axes)
    assert first.y0 > second.y1
    assert np.isclose(first.x1, second.x1)
    assert [text.get_text() for text in figure.legends[0].findobj(Text)].count("a") == 2


def test_long_names_are_whole_on_a_phone() -> None:
    figure = style.new_figure(7.6, 3.0)
    axes = figure.subplots()
    name = "phoneme/simple (epochs=1, model.width=128, optimiser.lr=0.01)"
    axes.plot([0, 1], [0, 1], label=name)
    axes.set_xlabel(f"test accuracy minus that of {name}")
    axes.set_yticks([0, 1], style.folded([name, "b"]))
    style.outside_legend(figure, "outside lower left", ncols=2)
    assert Picture.of(figure, "k", "a label", "a caption").narrow is not None
    figure.canvas.draw()
    page = figure.bbox
    said = [*figure.legends[0].get_texts(), axes.xaxis.label]
    for text in said:
        box = text.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
    assert " ".join(said[0].get_text().split()) == name


def test_a_small_figure_and_one_along_time_stay_as_they_are() -> None:
    small, long = style.new_figure(3.5, 3), style.new_figure(11.4, 3)
    for figure in (small, long):
        figure.subplots().plot([0, 1])
    assert Picture.of(small, "a", "a", "a").narrow is None
    assert Picture.of(long, "a", "a", "a", stacks=False).narrow is None
