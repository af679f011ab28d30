"""How every figure looks, and its way onto a page as SVG.

Figures are made without pyplot and without matplotlib's global settings, so any thread may draw.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from textwrap import wrap
from typing import Any, Literal, cast

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from bossline.evaluation.scores import Metric

INK, MUTED, GRID, PAPER = "#1c2530", "#5d6876", "#dde2e8", "#fffffe"
# On a page these become CSS variables, so that one figure serves light and dark.
VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"}

# Okabe and Ito's palette, which colour-blind readers tell apart. Orange and sky blue are darker
# than theirs: every mark has a contrast of 3 to light pages and to dark ones.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b48600", "#3f95d6")
ERROR = "#d55e00"
DASHES = (0, (3, 2))

SMALL, NORMAL, LARGE = 8.0, 9.0, 10.5

NARROW = 3.7  # inches of a figure on a phone
_LONGEST = 30  # letters of a line beside an axis
_WIDE = 20  # times as large as the smallest value

_OTHER_SCRIPTS = (
    "Noto Sans CJK TC", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR",
    "Noto Sans TC", "Noto Sans SC", "Source Han Sans TC", "WenQuanYi Zen Hei",
    "Droid Sans Fallback", "PingFang TC", "PingFang HK", "Heiti TC", "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft JhengHei", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS",
    "Noto Sans Thai", "Noto Sans Devanagari", "Noto Sans",
)  # fmt: skip

HEAT_COLOURS = "viridis"
"""Of maps that hide the page: from dark to bright, and the same on light pages and on dark ones."""

_settings_are_global = threading.Lock()


def series(place: int) -> str:
    """The colour of the n-th run."""
    return SERIES[place % len(SERIES)]


class Drawing(Figure):
    """A figure that a notebook shows, whether or not pyplot was ever imported there."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """On white, at twice the density, with the size in pixels at which it is shown."""
        sheet, dots = io.BytesIO(), 90
        with settings():
            self.savefig(sheet, format="png", dpi=2 * dots, facecolor="white")
        width, height = (round(inches * dots) for inches in self.get_size_inches())
        return sheet.getvalue(), {"width": width, "height": height}


def new_figure(width: float, height: float) -> Drawing:
    """An empty figure without a background; sizes in inches."""
    return Drawing(figsize=(width, height), layout="constrained", facecolor="none")


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


def luminance(colour: str) -> float:
    """Relative luminance (WCAG), 0 of black to 1 of white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable_on(colour: str) -> str:
    """Black or white, whichever stands out: a contrast of 4.5 at least (WCAG)."""
    return "black" if luminance(colour) > 0.179 else "white"


def readable_on_heat(share: float) -> str:
    """As `readable_on`, on the colour of HEAT_COLOURS for a share from 0 to 1."""
    return readable_on(to_hex(mpl.colormaps[HEAT_COLOURS](share)))


def narrow(figure: Figure) -> None:
    """Make a drawn figure fit a phone: panels of one row below each other, one name a line."""
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    rows = len(panels)
    if rows > 1:
        grid = figure.add_gridspec(rows, 1)
        for row, axes in enumerate(panels):
            axes.set_subplotspec(grid[row, 0])
            axes.tick_params(labelleft=True)
    for axes in panels:
        label = axes.xaxis.label
        label.set_text(*folded([label.get_text()], _LONGEST + 6))
        if len(label.get_text()) > _LONGEST:  # to the left below the names beside the axis
            label.set(x=1, horizontalalignment="right")
    named = 0
    figure.set_size_inches(NARROW, 0.9 * figure.get_figheight() * rows)
    for legend in list(figure.legends):
        handles, place = legend.legend_handles, cast(Outside, legend.get_label())
        named += len(handles)
        legend.remove()
        outside_legend(figure, place, [h for h in handles if h is not None], ncols=1)
    figure.set_figheight(figure.get_figheight() + 0.12 * named)


def svg(figure: Figure, label: str, key: str) -> Markup:
    """A figure as an SVG element for a page.

    Args:
        figure: drawn.
        label: what is seen, for those who cannot see it.
        key: goes before every id, so that the figures of one page do not clash.
    """
    sheet = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with settings():
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


@contextmanager
def settings() -> Iterator[None]:
    """What matplotlib knows while it writes a figure, of which it has but one for all threads."""
    settings: Any = {
        "svg.fonttype": "none", "svg.hashsalt": "bossline", "font.sans-serif": list(_fonts()),
    }  # fmt: skip
    with _settings_are_global, mpl.rc_context(settings), warnings.catch_warnings():
        # What is missing here to measure text by, the reader's browser has: text stays text.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def folded(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """Names beside an axis, in several lines where they are long.

    >>> folded(["phoneme/strong (batches.frames=21, epochs=3)"])
    ['phoneme/strong\\n(batches.frames=21, epochs=3)']
    """
    return ["\n".join(wrap(name, longest, break_on_hyphens=False)) for name in names]


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
    ncols: int = 1,
    **layout: float,
) -> None:
    """A legend beside the axes; names are text, never formulas, and folded where they are long.

    Args:
        place: below the axes, above, or beside them.
        handles: what is named; None: all that has a label.
        size: of the letters, in points.
        ncols: at most; fewer where names are too long for so many.
        layout: matplotlib's `handlelength`, `columnspacing`.
    """
    if handles is None:
        handles = [one for axes in figure.axes for one in axes.get_legend_handles_labels()[0]]
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    while ncols > 1 and longest > _letters(figure, size, ncols):
        ncols -= 1
    legend = figure.legend(
        handles=handles, loc=place, frameon=False, fontsize=size, labelcolor=INK, ncols=ncols,
        **layout,
    )  # fmt: skip
    legend.set_label(place)  # told again where the figure is made narrow
    more = 0
    for text in legend.get_texts():
        text.set_parse_math(False)
        text.set_text(*folded([text.get_text()], _letters(figure, size, ncols)))
        more += text.get_text().count("\n")
    figure.set_figheight(figure.get_figheight() + 0.016 * size * more / ncols)


def _letters(figure: Figure, size: float, columns: int) -> int:
    """How many a line of a legend has room for, beside its mark."""
    inches = figure.get_figwidth() / columns - 0.6
    return max(int(inches / (0.0078 * size)), 12)
