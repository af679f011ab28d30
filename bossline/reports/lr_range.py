"""The page and picture of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from bossline.core.counting import counted
from bossline.core.language import tr
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
        title=tr("Learning rates for {recipe}", recipe=recipe.name),
        stands_on=[found.corpus],
        about=tr(
            "Which learning rate can this recipe bear? A fresh model is trained for a few steps "
            "while the rate rises from step to step (Smith 2017, arXiv 1506.01186)."
        ),
        facts={
            tr("recipe"): tr(
                "{recipe} on {corpus}, seed {seed}",
                recipe=recipe.name,
                corpus=found.corpus,
                seed=recipe.seed,
            ),
            tr("optimiser"): tr(
                "{optimiser}, {batches} in batches of {size}",
                optimiser=recipe.optimiser.kind if recipe.optimiser else "",
                batches=recipe.batches.kind,
                size=recipe.batches.size,
            ),
            tr("steps"): tr(
                "{count:,}, each at a higher rate; without schedule and averaging",
                count=len(found.rates),
            ),
            tr("repeat it"): command,
        },
        verdict=verdict(found),
        tables=[
            StudyTable(
                tr("Rates"),
                (tr("rate"), tr("value")),
                [
                    (tr("suggested as the peak"), f"{found.suggested:.2g}"),
                    (tr("where the loss falls fastest"), f"{found.steepest:.2g}"),
                    (tr("where the loss is lowest"), f"{found.lowest:.2g}"),
                    (tr("of the recipe"), f"{found.own:.2g}"),
                ],
            )
        ],
        pictures=[
            Picture.of(
                picture(found),
                "lr-range",
                tr("Training loss against the learning rate of {recipe}", recipe=recipe.name),
                tr(
                    "Training loss of each step's batch (thin) and the mean around it, against the "
                    "rate of the step. Batch and rate change together, so that the fall shows "
                    "which rates teach, not how far they lead."
                ),
            )
        ],
    )


def verdict(found: LrRange) -> str:
    """What was found, in a sentence or two."""
    end = (
        tr(
            "beyond it the loss rose, and after {steps} the test ended",
            steps=counted(len(found.rates), "step"),
        )
        if found.ended_early
        else tr("the range ended before the loss rose out of bounds")
    )
    if found.lowest == found.rates[-1]:
        end = tr("it fell up to the end of the range: give a higher one to see where it turns")
    ratio = found.own / found.suggested
    return tr(
        "The loss, smoothed, is lowest at a rate of {lowest:.2g}; {end}. A tenth of that, "
        "{suggested:.2g}, is a peak rate to begin with: optimiser.lr={suggested:.2g}. The recipe's "
        "own, {own:.2g}, is {how} that.",
        lowest=found.lowest,
        end=end,
        suggested=found.suggested,
        own=found.own,
        how=tr("about") if 0.5 < ratio < 2 else tr("{ratio:.2g} times", ratio=ratio),
    )


def picture(found: LrRange) -> Figure:
    """Loss against the rate, on a logarithmic axis."""
    figure = new_figure(7.6, 3.6)
    axes = figure.subplots()
    dress(axes, x=tr("learning rate"), y=tr("training loss"), grid="y")
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, color=MUTED, linewidth=0.7, alpha=0.6)
    axes.plot(found.rates, found.smoothed, color=SERIES[0], linewidth=1.8)
    low, high = min(found.smoothed), max(found.smoothed[: max(len(found.smoothed) // 4, 1)])
    room = max(high - low, 1e-9)
    axes.set_ylim(low - 0.15 * room, high + 0.45 * room)
    for rate, name, height, colour in (
        (found.own, tr("recipe"), 0.90, MUTED),
        (found.suggested, tr("suggested"), 0.97, INK),
        (found.lowest, tr("lowest"), 0.90, MUTED),
    ):
        axes.axvline(rate, color=colour, linestyle=DASHES, linewidth=1)
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
