"""A figure on its way onto the page."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from bossline.figures.style import NARROW, narrow, svg

_CSS_PIXELS_AN_INCH = 96


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page; `width` in CSS pixels is the size at which its text is meant."""

    svg: Markup
    width: int
    caption: str
    narrow: Markup | None = None  # the same for a phone

    @classmethod
    def of(
        cls,
        figure: Figure,
        key: str,
        label: str,
        caption: str,
        *,
        stacks: bool = True,
        on_phone: Figure | None = None,
    ) -> Picture:
        """Key and label as in `svg`; the caption stands below the picture.

        Args:
            stacks: whether its panels can stand below each other on a phone, each as wide as that;
                a picture along time or a matrix cannot.
            on_phone: what a phone gets in its place, where panels stand in several rows.
        """
        inches = figure.get_figwidth()
        wide = svg(figure, label, key)
        thin = None if on_phone is None else svg(on_phone, label, f"{key}-narrow")
        if on_phone is None and stacks and inches > NARROW * 1.2:
            narrow(figure)
            thin = svg(figure, label, f"{key}-narrow")
        return cls(wide, round(inches * _CSS_PIXELS_AN_INCH), caption, thin)
