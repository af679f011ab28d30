"""From a recipe to a submission: train, ladder, evaluate, predict, submit, report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossline.cli.options import (
    CompileOption,
    CorpusOption,
    DecodingOption,
    DeterministicOption,
    DeviceOption,
    LangOption,
    Overrides,
    PrecisionOption,
    RunArguments,
    ScoreNormOption,
    SmoothingOption,
    ThreadsOption,
    YesOption,
    ask,
    console,
)
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import speaking
from bossline.core.launch import launched
from bossline.recipes import catalogue

if TYPE_CHECKING:
    pass

PANEL = "Training"

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline train phoneme/strong --corpus libriphone model.width=1024 "
    "epochs=30`, `bossline train covid/simple -c covid`, `bossline train --resume "
    "runs/phoneme-strong-libriphone-1`, `bossline train --from RUN epochs=+10`, `bossline train "
    "phoneme/strong -c toy --dry-run`",
)
def train(
    recipe: Annotated[
        str | None, typer.Argument(help="task/rung (see 'bossline tasks'), or a .yaml")
    ] = None,
    overrides: Overrides = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus", "-c", metavar="NAME", help="name given at import, a folder, or its URL"
        ),
    ] = None,
    from_run: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="begin at the best weights of a run: with its recipe and corpus, or with others",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="train nothing and write nothing: layers, batches, time it would take"
        ),
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="go on with an interrupted run")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="run folder [default: the next in runs/]")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    compile: CompileOption = "off",
    precision: PrecisionOption = None,
    lang: LangOption = None,
    deterministic: DeterministicOption = False,
) -> None:
    """Train a recipe on a corpus, score it on its test split, write a report."""
    if from_run is not None and recipe is not None and "=" in recipe:
        overrides, recipe = [recipe, *(overrides or ())], None
    if recipe is not None:
        catalogue.find(recipe)  # a slip of the pen need not wait for torch
    from bossline import api
    from bossline.cli.next import next_commands
    from bossline.cli.tables.plan import plan_tables
    from bossline.cli.tables.scores import runs_table
    from bossline.core.memory import keep_freed_memory
    from bossline.reports.page import write_report

    keep_freed_memory()
    if resume is not None:
        given = recipe or corpus or run or from_run or dry_run or compile != "off" or precision
        if given or deterministic:
            raise UserError(
                "--resume takes no recipe, corpus, run, --from, --dry-run, compile, precision or "
                "deterministic: they stand in the run folder"
            )
        finished = api.resume(resume, device=None if device == "auto" else device, console=console)
    elif from_run is None and (recipe is None or corpus is None):
        raise UserError("give a recipe and --corpus, e.g. bossline train phoneme/simple -c toy")
    elif dry_run:
        if run is not None or compile != "off" or deterministic:
            raise UserError(
                "--dry-run writes no run, compiles nothing and chooses no algorithms: leave these "
                "out"
            )
        plan = api.dry_run(
            recipe,
            corpus,
            overrides or (),
            from_run=from_run,
            device=device,
            threads=threads,
            precision=precision,
            console=console,
        )
        console.print(*plan_tables(plan), sep="\n")
        return
    else:
        finished = api.train(
            recipe,
            corpus,
            overrides or (),
            from_run=from_run,
            run=run,
            device=device,
            threads=threads,
            compile=compile,
            precision=precision,
            deterministic=deterministic,
            console=console,
        )
    if launched().rank:  # of several processes that trained together one reports
        return
    with speaking(lang):
        write_report([finished], finished.path / "report.html")
        console.print("", runs_table([finished]), sep="\n")
    console.print(f"report: {finished.path / 'report.html'}")
    for place, command in enumerate(next_commands(finished)):
        console.print(f"{'' if place else 'next:':5} {command}", highlight=False, soft_wrap=True)


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline ladder phoneme --corpus libriphone`, "
    "`bossline ladder speaker --corpus libriphone --folds 3`",
)
def ladder(
    task: Annotated[str, typer.Argument(help="see 'bossline tasks'")],
    corpus: CorpusOption,
    overrides: Overrides = None,
    to: Annotated[str | None, typer.Option(metavar="RUNG", help="the last rung to climb")] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="cross-validate: train each rung so often, pool the test scores"),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    lang: LangOption = None,
) -> None:
    """Train all rungs of a task, one table, one report; finished rungs are not trained again."""
    catalogue.ladder(task)
    from bossline.cli.tables.scores import folds_table, runs_table
    from bossline.core.memory import keep_freed_memory
    from bossline.reports.page import write_report
    from bossline.studies.ladder import cross_validate, ladder_folder
    from bossline.studies.ladder import ladder as climb
    from bossline.training.signals import Interrupted

    keep_freed_memory()
    path = ladder_folder(task, corpus) / "report.html"
    asked = [
        *(["--to", to] if to else []), *(["--folds", str(folds)] if folds else []),
    ]  # fmt: skip
    command = ["bossline", "ladder", task, *(overrides or ()), "--corpus", corpus, *asked]
    how: dict[str, Any] = {"to": to, "device": device, "threads": threads, "console": console}
    try:
        if folds is None:
            runs = climb(task, corpus, overrides or (), **how)
            with speaking(lang):
                write_report(runs, path)
                table = runs_table(runs)
        else:
            rungs = cross_validate(task, corpus, overrides or (), folds=folds, **how)
            with speaking(lang):
                write_report(rungs, path)
                table = folds_table(rungs)
    except Interrupted as stop:
        raise Interrupted(f"{stop}: {shlex.join(command)}") from stop
    console.print("", table, sep="\n")
    console.print(f"report: {path}")


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline evaluate runs/phoneme-strong-libriphone-1`, `bossline evaluate "
    "RUN1 RUN2 --smoothing viterbi`, `bossline evaluate RUN --trials trials.txt`",
)
def evaluate(
    runs: RunArguments,
    smoothing: SmoothingOption = None,
    decoding: DecodingOption = None,
    trials: Annotated[
        Path | None, typer.Option(metavar="FILE", help="score speaker verification on a trial list")
    ] = None,
    score_norm: ScoreNormOption = "none",
    device: DeviceOption = "auto",
    lang: LangOption = None,
) -> None:
    """Score the best weights on validation and test, also class by class; or on a trial list."""
    from bossline import api
    from bossline.api import evaluate_trials
    from bossline.cli.tables.scores import per_class_table, scores_table
    from bossline.cli.tables.voices import verification_table
    from bossline.evaluation.classification import ClassificationScores

    if trials is not None:
        if len(runs) > 1 or smoothing is not None:
            raise UserError("--trials takes one run, and no --smoothing")
        found = evaluate_trials(runs[0], trials, score_norm=score_norm, device=device)
        with speaking(lang):
            console.print(verification_table(found))
        return
    if score_norm != "none":
        raise UserError("--score-norm is for scores of trials: give --trials FILE")
    opened = [api.load_run(path) for path in runs]
    scores = api.evaluate(opened, smoothing=smoothing, decoding=decoding or (), device=device)
    with speaking(lang):
        console.print(scores_table(scores))
        if isinstance(test := scores["test"], ClassificationScores):
            console.print("", per_class_table(test, opened[0].info.classes), sep="\n")


@app.command(
    "pseudo-label",
    rich_help_panel=PANEL,
    epilog="Example: `bossline pseudo-label runs/food-strong-food-1 --name food-pseudo "
    "--threshold 0.9`, then `bossline train food/strong --corpus food-pseudo`",
)
def pseudo_label(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the teacher, of the task food")],
    name: Annotated[str, typer.Option(help="what to call the new corpus")],
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="least probability of a label that is taken")
    ] = 0.9,
    part: Annotated[str, typer.Option(help="unlabelled part of the corpus")] = "unlabelled",
    device: DeviceOption = "auto",
) -> None:
    """Add the unlabelled images that a run is sure of to its corpus, for training only."""
    from bossline.api import load_run
    from bossline.api import pseudo_label as label
    from bossline.cli.tables.corpora import corpus_table
    from bossline.core.progress import bar

    opened = load_run(run)
    with bar(console, "images", total=len(opened.corpus())) as shown:
        corpus, sure, count = label(
            opened, name, threshold=threshold, part=part, device=device, advance=shown.advance
        )
    console.print(corpus_table(name, corpus))
    console.print(f"{sure:,} of {counted(count, 'image')} got a label")


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline runs`, `bossline runs --remove runs/phoneme-simple-toy-1`",
)
def runs(
    chosen: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="those to remove")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="delete these run folders")] = False,
    yes: YesOption = False,
) -> None:
    """The runs in runs/ and below it, newest first."""
    from bossline.cli.tables.scores import listing_table
    from bossline.runs.folders import find_run
    from bossline.runs.listing import list_runs, remove_run

    if remove != bool(chosen):
        raise UserError("to delete runs: bossline runs --remove RUN; bossline runs lists them")
    if chosen:
        folders = [find_run(path) for path in chosen]
        ask(f"delete {', '.join(map(str, folders))}", yes)
        for folder in folders:
            console.print(f"removed: {remove_run(folder)}")
        return
    found = sorted(list_runs(), key=lambda run: run.info.started, reverse=True)
    if not found:
        console.print("no run in runs/ yet: bossline train RECIPE --corpus NAME")
        return
    console.print(listing_table(found))


@app.command(rich_help_panel=PANEL, epilog="Example: `bossline report runs/*/ -o comparison.html`")
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="or a folder of runs, as a ladder's")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: report.html in the first run]")
    ] = None,
    lang: LangOption = None,
) -> None:
    """One HTML page about one run or several side by side."""
    from bossline.reports.page import write_report
    from bossline.runs.listing import runs_within

    opened = runs_within(runs)
    path = write_report(opened, output or opened[0].path / "report.html", lang=lang)
    console.print(f"report: {path}")
