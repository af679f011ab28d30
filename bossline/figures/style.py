"""How every figure looks, and its way onto a page as SVG.

Figures are made without pyplot and without matplotlib's global settings, so any thread may draw.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Literal

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from bossline.evaluation.scores import Metric

INK, MUTED, GRID, PAPER = "#1c2530", "#5d6876", "#dde2e8", "#fffffe"
# On a page these become CSS variables, so that one figure serves light and dark.
VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"}

# Okabe and Ito's palette, which colour-blind readers tell apart.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
ERROR = "#d55e00"
DASHES = (0, (3, 2))

SMALL, NORMAL, LARGE = 8.0, 9.0, 10.5

_WIDE = 20  # times as large as the smallest value

_OTHER_SCRIPTS = (
    "Noto Sans CJK TC", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR",
    "Noto Sans TC", "Noto Sans SC", "Source Han Sans TC", "WenQuanYi Zen Hei",
    "Droid Sans Fallback", "PingFang TC", "PingFang HK", "Heiti TC", "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft JhengHei", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS",
    "Noto Sans Thai", "Noto Sans Devanagari", "Noto Sans",
)  # fmt: skip

_settings_are_global = threading.Lock()


def series(place: int) -> str:
    """The colour of the n-th run."""
    return SERIES[place % len(SERIES)]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure without a background; sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="none")


def dress(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: str = "") -> None:
    """Titles, and quiet lines: `grid` names the axes ('x', 'y') that get one."""
    axes.set_facecolor("none")
    if title:
        axes.set_title(title, loc="left", fontsize=LARGE, fontweight="bold", color=INK, pad=10)
    axes.set_xlabel(x, fontsize=NORMAL, color=MUTED)
    axes.set_ylabel(y, fontsize=NORMAL, color=MUTED)
    axes.tick_params(colors=MUTED, labelsize=NORMAL, length=0, pad=5)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom" and "y" in grid)
        spine.set_color(GRID)
    axes.set_axisbelow(True)
    for which in ("x", "y"):
        if which in grid:
            axes.grid(axis=which, color=GRID, linewidth=0.8)


def svg(figure: Figure, label: str, key: str) -> Markup:
    """A figure as an SVG element for a page.

    Args:
        figure: drawn.
        label: what is seen, for those who cannot see it.
        key: goes before every id, so that the figures of one page do not clash.
    """
    sheet = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _settings_are_global, warnings.catch_warnings(), mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "bossline", "font.sans-serif": list(_fonts())}
    ):  # fmt: skip
        # What is missing here to measure text by, the reader's browser has: text stays text.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(sheet, format="svg", metadata=nothing)
    text = sheet.getvalue()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<!--.*?-->\s*|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{key}-", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # Width and height come from the page; the viewBox keeps the proportions.
    opening, rest = text.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[^"]*"', "", opening)
    return Markup(f'{opening} role="img" aria-label="{escape(label)}">{rest}')


@cache
def _fonts() -> tuple[str, ...]:
    """What text is measured in: matplotlib's own font, and for other scripts what is installed."""
    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed))


def is_wide(values: Sequence[float]) -> bool:
    """Whether values want a logarithmic axis: all positive, and far apart as a ratio."""
    return len(values) > 0 and min(values) > 0 and max(values) / min(values) >= _WIDE


def scale_scores(axes: Axes, metric: Metric, scores: Sequence[float]) -> None:
    """Stretch the y axis of errors, which fall by powers of ten where shares rise to 1."""
    if not metric.higher_is_better and is_wide(scores):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


Outside = Literal["outside lower left", "outside upper left", "outside right upper"]


def outside_legend(
    figure: Figure,
    place: Outside,
    handles: Sequence[Artist] | None = None,
    *,
    size: float = NORMAL,
    **layout: float,
) -> None:
    """A legend beside the axes; names are text, never formulas.

    Args:
        place: below the axes, above, or beside them.
        handles: what is named; None: all that has a label.
        size: of the letters, in points.
        layout: matplotlib's `ncols`, `handlelength`, `columnspacing`.
    """
    legend = figure.legend(
        handles=handles, loc=place, frameon=False, fontsize=size, labelcolor=INK, **layout
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
