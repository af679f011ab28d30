"""The page of a tuned recipe: what was tried, what mattered, and how good the best is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.figures.picture import Picture
from bossline.figures.style import (
    INK,
    MUTED,
    SERIES,
    dress,
    new_figure,
    outside_legend,
    scale_scores,
)
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import axis_of, spread, stands_on, which_way
from bossline.studies.tuning.space import Choice, Dimension
from bossline.studies.tuning.tuned import Tried, Tuned, best_first

_SHOWN = 10  # trials in the table
_COLUMNS = 3  # of slices


def write_tuning_report(found: Tuned, command: str) -> Path:
    """Write report.html beside the trials of a study.

    Args:
        command: that goes on with it.

    Raises:
        UserError: the file cannot be written.
    """
    return write_study(
        found.folder / "report.html",
        title=tr(
            "Tuned: {plan} on {corpus}", plan=found.plan.title, corpus=Path(found.corpus).name
        ),
        stands_on=stands_on([found.run]) if found.run else [found.corpus],
        about=found.plan.about
        or tr("{recipe}: which values score best on validation?", recipe=found.plan.recipe),
        facts=_facts(found, command),
        verdict=verdict(found),
        tables=[trials_table(found)],
        pictures=_pictures(found),
    )


def verdict(found: Tuned) -> str:
    """What the figures say, in a paragraph."""
    metric = found.plan.metric
    values = ", ".join(f"{key}={_short(value)}" for key, value in found.best.values.items())
    parts = [
        tr(
            "The best of {trials} is trial {number} with {values}: validation {measure} "
            "{score:.4f}.",
            trials=counted(len(found.trials), "trial"),
            number=found.best.number,
            values=values,
            measure=term(metric.words),
            score=found.best.score,
        )
    ]
    if found.run is not None and "test" in found.run.scores:
        score = found.run.scores["test"].score
        parts.append(
            tr(
                "Its test {measure} is {score:.4f} (95% interval {interval}); the search has not "
                "seen it.",
                measure=term(metric.words),
                score=score.value,
                interval=spread(score),
            )
        )
    pruned = sum(trial.pruned_after is not None for trial in found.trials)
    if pruned:
        trials = counted(pruned, "trial")
        parts.append(
            tr("{trials} was pruned.", trials=trials)
            if pruned == 1
            else tr("{trials} were pruned.", trials=trials)
        )
    if found.failed:
        parts.append(tr("{count} more failed.", count=found.failed))
    parts.append(
        tr(
            "The best of many trials is good by chance too: on validation it looks better than it "
            "is."
        )
    )
    return tr(" ").join(parts)


def trials_table(found: Tuned) -> StudyTable:
    """The best trials, trained to their end."""
    keys = [dimension.key for dimension in found.plan.space]
    rows = [
        (str(trial.number), f"{trial.score:.4f}", *(_short(trial.values[key]) for key in keys))
        for trial in best_first(found.trials, found.plan.metric)[:_SHOWN]
    ]
    return StudyTable(tr("Best trials"), (tr("trial"), tr("validation"), *keys), rows)


def _facts(found: Tuned, command: str) -> dict[str, str]:
    facts = {
        tr("searched"): tr("; ").join(map(str, found.plan.space)),
        tr("for all trials"): " ".join(found.plan.overrides),
        tr("corpus"): found.corpus,
        tr("measure"): which_way(found.plan.metric),
        tr("chosen on"): tr("validation; of the test scores only that of the best trial is read"),
        tr("best recipe"): str(found.best_recipe_path),
        tr("best run"): str(found.folder / found.best.run),
        tr("command"): command,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _pictures(found: Tuned) -> list[Picture]:
    words = term(found.plan.metric.words)
    pictures = [
        Picture.of(
            history(found),
            "history",
            tr(
                "Validation {measure} of {trials}, the best {score:.4f}",
                measure=words,
                trials=counted(len(found.trials), "trial"),
                score=found.best.score,
            ),
            tr(
                "Validation {measure} of each trial in the order in which they began; pruned ones "
                "with what they had reached. The line is the best so far.",
                measure=words,
            ),
        ),
        Picture.of(
            slices(found),
            "slices",
            tr(
                "Validation {measure} against {keys}",
                measure=words,
                keys=tr(", ").join(d.key for d in found.plan.space),
            ),
            tr(
                "Validation {measure} against each key that was searched, the other keys as they "
                "came.",
                measure=words,
            ),
        ),
    ]
    if found.importances:
        shares = tr(", ").join(f"{key} {share:.0%}" for key, share in found.importances.items())
        pictures.insert(
            1,
            Picture.of(
                importances(found),
                "importances",
                tr("Importance of each key: {shares}", shares=shares),
                tr("What sets the best trials apart from the others, as shares of 1 (PED-ANOVA)."),
            ),
        )
    return pictures


def history(found: Tuned) -> Figure:
    """Score by trial, and the best so far."""
    figure = new_figure(7.6, 3.2)
    axes = figure.subplots()
    metric = found.plan.metric
    dress(axes, x=tr("trial"), y=axis_of(metric, "validation"), grid="y")
    ordered = sorted(found.trials, key=lambda trial: trial.number)
    _dots(axes, ordered, [trial.number for trial in ordered])
    whole = [(t.number, t.score) for t in ordered if t.pruned_after is None and t.score is not None]
    best = [abs(gain) for gain in accumulate((metric.gain(score) for _, score in whole), max)]
    numbers = [number for number, _ in whole]
    axes.step(numbers, best, where="post", color=SERIES[0], linewidth=1.8)
    scale_scores(axes, metric, _scores(found))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.margins(x=0.03)
    _legend(figure)
    return figure


def importances(found: Tuned) -> Figure:
    """A bar a key, the most important on top."""
    figure = new_figure(7.6, 0.8 + 0.36 * len(found.importances))
    axes = figure.subplots()
    dress(axes, x=tr("importance"), grid="x")
    keys, shares = list(found.importances), list(found.importances.values())
    axes.barh(range(len(keys)), shares, height=0.6, color=SERIES[0])
    axes.set_yticks(range(len(keys)), keys, color=INK, parse_math=False)
    axes.set_ylim(len(keys) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    return figure


def slices(found: Tuned) -> Figure:
    """Score against each key."""
    space = found.plan.space
    columns = min(_COLUMNS, len(space))
    rows = -(-len(space) // columns)
    figure = new_figure(7.6, 0.4 + 2.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for place, axes in enumerate(panels.flat):
        if place >= len(space):
            axes.set_visible(False)
            continue
        dress(axes, x=space[place].key, y="" if place % columns else tr("validation"), grid="y")
        _slice(axes, space[place], found.trials)
        scale_scores(axes, found.plan.metric, _scores(found))
    _legend(figure)
    return figure


def _scores(found: Tuned) -> list[float]:
    return [trial.score for trial in found.trials if trial.score is not None]


def _slice(axes: Axes, dimension: Dimension, trials: Sequence[Tried]) -> None:
    values = [trial.values[dimension.key] for trial in trials]
    if isinstance(dimension, Choice):
        places = range(len(dimension.values))
        _dots(axes, trials, [dimension.values.index(str(value)) for value in values])
        axes.set_xticks(places, dimension.values, parse_math=False)
        axes.set_xlim(-0.5, len(dimension.values) - 0.5)
        return
    numbers = [float(value) for value in values]
    _dots(axes, trials, numbers)
    if dimension.log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=all(map(float.is_integer, numbers))))


def _dots(axes: Axes, trials: Sequence[Tried], x: Sequence[float]) -> None:
    """Full where a trial was trained to its end, hollow where it was pruned."""
    for pruned in (True, False):
        points = [
            (place, trial.score)
            for place, trial in zip(x, trials, strict=True)
            if trial.score is not None and (trial.pruned_after is not None) == pruned
        ]
        axes.plot(
            [place for place, _ in points],
            [score for _, score in points],
            "o",
            markersize=5,
            color=MUTED if pruned else SERIES[0],
            markerfacecolor="none" if pruned else SERIES[0],
            alpha=0.8,
        )


def _legend(figure: Figure) -> None:
    ended = Line2D(
        [], [], marker="o", linestyle="", color=SERIES[0], label=tr("trained to its end")
    )
    pruned = Line2D(
        [], [], marker="o", linestyle="", color=MUTED, markerfacecolor="none", label=tr("pruned")
    )
    outside_legend(figure, "outside upper left", [ended, pruned], ncols=2)


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
