"""A figure on its way onto the page."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from bossline.figures.style import svg

_CSS_PIXELS_AN_INCH = 96


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page; `width` in CSS pixels is the size at which its text is meant."""

    svg: Markup
    width: int
    caption: str

    @classmethod
    def of(cls, figure: Figure, key: str, label: str, caption: str) -> Picture:
        """Key and label as in `svg`; the caption stands below the picture."""
        width = round(figure.get_figwidth() * _CSS_PIXELS_AN_INCH)
        return cls(svg(figure, label, key), width, caption)
