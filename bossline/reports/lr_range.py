"""The page and picture of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from bossline.core.counting import counted
from bossline.figures.picture import Picture
from bossline.figures.style import DASHES, INK, MUTED, SERIES, SMALL, dress, new_figure
from bossline.reports.study import StudyTable, write_study
from bossline.studies.lr_range import LrRange


def write_lr_range(found: LrRange, path: Path, command: str) -> Path:
    """Write the page; the same test gives the same bytes.

    Raises:
        UserError: the file cannot be written.
    """
    recipe = found.recipe
    return write_study(
        path,
        title=f"Learning rates for {recipe.name}",
        stands_on=[found.corpus],
        about="Which learning rate can this recipe bear? A fresh model is trained for a few steps "
        "while the rate rises from step to step (Smith 2017, arXiv 1506.01186).",
        facts={
            "recipe": f"{recipe.name} on {found.corpus}, seed {recipe.seed}",
            "optimiser": f"{recipe.optimiser.kind if recipe.optimiser else ''}, "
            f"{recipe.batches.kind} in batches of {recipe.batches.size}",
            "steps": f"{len(found.rates):,}, each at a higher rate; without schedule and averaging",
            "repeat it": command,
        },
        verdict=verdict(found),
        tables=[
            StudyTable(
                "Rates",
                ("rate", "value"),
                [
                    ("suggested as the peak", f"{found.suggested:.2g}"),
                    ("where the loss falls fastest", f"{found.steepest:.2g}"),
                    ("where the loss is lowest", f"{found.lowest:.2g}"),
                    ("of the recipe", f"{found.own:.2g}"),
                ],
            )
        ],
        pictures=[
            Picture.of(
                picture(found),
                "lr-range",
                f"Training loss against the learning rate of {recipe.name}",
                "Training loss of each step's batch (thin) and the mean around it, against the "
                "rate of the step. Batch and rate change together, so that the fall shows which "
                "rates teach, not how far they lead.",
            )
        ],
    )


def verdict(found: LrRange) -> str:
    """What was found, in a sentence or two."""
    end = (
        f"beyond it the loss rose, and after {counted(len(found.rates), 'step')} the test ended"
        if found.ended_early
        else "the range ended before the loss rose out of bounds"
    )
    if found.lowest == found.rates[-1]:
        end = "it fell up to the end of the range: give a higher one to see where it turns"
    ratio = found.own / found.suggested
    how = "about" if 0.5 < ratio < 2 else f"{ratio:.2g} times"
    return (
        f"The loss, smoothed, is lowest at a rate of {found.lowest:.2g}; {end}. A tenth of that, "
        f"{found.suggested:.2g}, is a peak rate to begin with: optimiser.lr={found.suggested:.2g}. "
        f"The recipe's own, {found.own:.2g}, is {how} that."
    )


def picture(found: LrRange) -> Figure:
    """Loss against the rate, on a logarithmic axis."""
    figure = new_figure(7.6, 3.6)
    axes = figure.subplots()
    dress(axes, x="learning rate", y="training loss", grid="y")
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, color=MUTED, linewidth=0.7, alpha=0.6)
    axes.plot(found.rates, found.smoothed, color=SERIES[0], linewidth=1.8)
    low, high = min(found.smoothed), max(found.smoothed[: max(len(found.smoothed) // 4, 1)])
    room = max(high - low, 1e-9)
    axes.set_ylim(low - 0.15 * room, high + 0.45 * room)
    for rate, name, height in (
        (found.own, "recipe", 0.90),
        (found.suggested, "suggested", 0.97),
        (found.lowest, "lowest", 0.90),
    ):
        axes.axvline(
            rate, color=INK if name == "suggested" else MUTED, linestyle=DASHES, linewidth=1
        )
        axes.annotate(
            f"{name} {rate:.2g}",
            (rate, height),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            color=INK,
            fontsize=SMALL,
        )
    return figure
