"""Many runs, or a closer look at one: sweep, compare, ablate, tune, width, diagnose."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bossline.cli.options import (
    CorpusOption,
    DeviceOption,
    LangOption,
    Overrides,
    ThreadsOption,
    console,
)
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import speaking, tr

PANEL = "Studies"

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline sweep phoneme/simple model.dropout=0,0.25 batches.frames=3..11:4 "
    "--corpus toy`, `bossline sweep studies/schedulers --corpus toy --jobs 2`",
)
def sweep(
    study: Annotated[
        str, typer.Argument(metavar="RECIPE|STUDY", help="task/rung, studies/name, or a .yaml")
    ],
    corpus: CorpusOption,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUES]...",
            help="several values (a,b,c or 3..31:4) are an axis of the grid, one is for all cells",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="runs of each cell [default: the study's, or 3]")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes side by side")] = 1,
    device: DeviceOption = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads of each process [default: cores / jobs]"),
    ] = None,
    lang: LangOption = None,
) -> None:
    """Train every combination of values from several seeds, and say which differ."""
    from bossline.cli.tables.studies import sweep_table
    from bossline.core.memory import keep_freed_memory
    from bossline.reports.sweep import verdict, write_sweep_report
    from bossline.studies.study import open_study
    from bossline.studies.sweep import sweep as sweep_study

    keep_freed_memory()
    with speaking(lang):  # which names what a grid asks
        opened = open_study(study, values or (), seeds=seeds)
    found = sweep_study(opened, corpus, jobs=jobs, device=device, threads=threads, console=console)
    if found.entries:
        asked = [] if seeds is None else ["--seeds", str(seeds)]
        command = ["bossline", "sweep", study, *(values or ()), "--corpus", corpus, *asked]
        with speaking(lang):
            report = write_sweep_report(found, shlex.join(command))
            console.print("", sweep_table(found), sep="\n")
            console.print("", verdict(found), sep="\n")
        console.print(f"report: {report}")
    if found.failures:
        lines = [f"{name}: {why}" for name, why in found.failures.items()]
        raise UserError("\n  ".join([f"{counted(len(lines), 'run')} failed:", *lines]))


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline compare runs/a runs/b --output comparison.html`, "
    "`bossline compare runs/*/ --reference runs/a`",
)
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="those that differ in their seed only count as one"),
    ],
    reference: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="what the others are held against [default: the first]"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a page to write")] = None,
    lang: LangOption = None,
) -> None:
    """Finished runs side by side: paired differences, costs, and what differs in the recipes."""
    from bossline.cli.tables.studies import standings_table, study_table
    from bossline.reports.standings import costs_table, keys_table, verdict_of, write_comparison
    from bossline.studies.compare import compare as compare_runs

    compared = compare_runs(runs, reference=reference)
    with speaking(lang):
        console.print("", standings_table(compared.standings), sep="\n")
        for table in (costs_table(compared), keys_table(compared)):
            console.print("", study_table(table), sep="\n")
        console.print("", verdict_of(compared.standings), sep="\n")
        if output is not None:
            asked = [] if reference is None else ["--reference", str(reference)]
            command = ["bossline", "compare", *map(str, runs), *asked]
            write_comparison(output, compared, command=shlex.join(command))
            console.print(f"report: {output}")


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline ablate phoneme/boss augment averaging model.dropout smoothing "
    "--corpus libriphone`, `bossline ablate phoneme/strong objective.label_smoothing=0.1 "
    "clip=1 --add -c toy --seeds 3`",
)
def ablate(
    recipe: Annotated[str, typer.Argument(help="task/rung, or a path to a .yaml")],
    parts: Annotated[
        list[str],
        typer.Argument(metavar="PART", help="keys to put back to their defaults, one at a time"),
    ],
    corpus: CorpusOption,
    seeds: Annotated[int, typer.Option(min=1, help="runs of each variant")] = 1,
    add: Annotated[
        bool, typer.Option("--add", help="parts are key=value, added one at a time")
    ] = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    lang: LangOption = None,
) -> None:
    """What is each part of a recipe worth? Trained without one at a time, and without all."""
    from bossline.cli.tables.studies import standings_table
    from bossline.core.memory import keep_freed_memory
    from bossline.reports.standings import verdict_of, write_ablation
    from bossline.studies.ablate import Ablation, ablation_folder
    from bossline.studies.ablate import ablate as train_variants

    keep_freed_memory()
    ablation = Ablation.of(recipe, parts, add=add)
    standings = train_variants(
        ablation, corpus, seeds=seeds, device=device, threads=threads, console=console
    )
    path = ablation_folder(ablation.recipe, corpus) / ("added.html" if add else "removed.html")
    asked = [*(["--seeds", str(seeds)] if seeds > 1 else []), *(["--add"] if add else [])]
    command = ["bossline", "ablate", recipe, *parts, "--corpus", corpus, *asked]
    with speaking(lang):
        write_ablation(path, standings, added=add, command=shlex.join(command))
        console.print("", standings_table(standings), sep="\n")
        console.print("", verdict_of(standings), sep="\n")
    console.print(f"report: {path}")


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline tune phoneme/simple model.dropout=0.0..0.5 "
    "optimiser.lr=1e-4..1e-2:log model.activation=relu,gelu -c toy --trials 30`, "
    "`bossline tune plan.yaml -c toy --trials 50 --storage sqlite:///study.db`, "
    "`bossline tune phoneme/strong -c toy --lr-range`",
)
def tune(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|PLAN", help="task/rung, or a .yaml of either")
    ],
    corpus: CorpusOption,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUES]...",
            help="low..high (:log, or :step) or a,b,c is searched, one value is for all trials",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="finished ones to reach, over all workers")
    ] = 50,
    storage: Annotated[
        str | None,
        typer.Option(
            help="sqlite:///FILE, postgresql://..., FILE.journal [default: beside the runs]"
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="sets it apart from others of the recipe")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="seconds after which no more trial begins")
    ] = None,
    lr_range: Annotated[
        bool,
        typer.Option(
            "--lr-range",
            help="no search: a few steps at a rising rate, which suggest one [default range: "
            "1/1000 to 1000 times the recipe's; optimiser.lr=LOW..HIGH gives another]",
        ),
    ] = False,
    steps: Annotated[int, typer.Option(min=20, help="of --lr-range")] = 200,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    lang: LangOption = None,
) -> None:
    """Search for the values that score best on validation; started twice, two share the trials."""
    from bossline.core.memory import keep_freed_memory

    if lr_range:
        if storage or study or timeout:
            raise UserError("--lr-range searches nothing: leave out storage, study and timeout")
        keep_freed_memory()
        _lr_range(recipe, corpus, values or (), steps, device, threads, lang)
        return
    from bossline.studies.tuning.tune import tune as search  # first: it says what is missing

    keep_freed_memory()
    found = search(
        recipe,
        corpus,
        values or (),
        trials=trials,
        storage=storage,
        study=study,
        timeout=timeout,
        device=device,
        threads=threads,
        console=console,
    )
    from bossline.cli.tables.studies import study_table
    from bossline.reports.tuning import trials_table, verdict, write_tuning_report

    asked = [
        word
        for option, value in (("--storage", storage), ("--study", study))
        if value is not None
        for word in (option, value)
    ]
    command = ["bossline", "tune", recipe, *(values or ()), "--corpus", corpus]
    with speaking(lang):
        report = write_tuning_report(found, shlex.join([*command, "--trials", str(trials), *asked]))
        console.print("", study_table(trials_table(found)), "", sep="\n")
        console.print(verdict(found))
    console.print(f"best recipe: {found.best_recipe_path}")
    console.print(f"report: {report}")


def _lr_range(
    recipe: str,
    corpus: str,
    values: Sequence[str],
    steps: int,
    device: str,
    threads: int | None,
    lang: str | None,
) -> None:
    from bossline.reports.lr_range import verdict, write_lr_range
    from bossline.studies.lr_range import lr_range, lr_range_folder

    found = lr_range(
        recipe, corpus, values, steps=steps, device=device, threads=threads, console=console
    )
    asked = ["--corpus", corpus, "--lr-range", *(["--steps", str(steps)] if steps != 200 else [])]
    path = lr_range_folder(found.recipe, corpus) / "report.html"
    with speaking(lang):
        write_lr_range(found, path, shlex.join(["bossline", "tune", recipe, *values, *asked]))
        console.print(verdict(found), soft_wrap=True)
    console.print(f"report: {path}")


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline width --like phoneme/strong --layers 2`, "
    "`bossline width --like phoneme/simple --layers 6 --corpus libriphone`",
)
def width(
    like: Annotated[str, typer.Option(metavar="RECIPE", help="whose MLP sets the size")],
    layers: Annotated[int, typer.Option(min=1, help="hidden layers wanted instead")],
    overrides: Overrides = None,
    corpus: Annotated[
        str | None,
        typer.Option("--corpus", "-c", metavar="NAME", help="gives inputs and outputs"),
    ] = None,
    inputs: Annotated[
        int | None,
        typer.Option(min=1, help="numbers in a window [default: of 39 a frame]"),
    ] = None,
    outputs: Annotated[int | None, typer.Option(min=1, help="classes [default: 41]")] = None,
) -> None:
    """Deep or wide: the width at which another depth has as many parameters."""
    from bossline.studies.width import equal_size

    found = equal_size(like, layers, overrides or (), corpus=corpus, inputs=inputs, outputs=outputs)
    difference = found.found.parameters - found.like.parameters
    for line in (
        found.like,
        found.found,
        f"difference: {difference:+,} ({difference / found.like.parameters:+.2%})",
        found.command,
    ):
        console.print(str(line), soft_wrap=True)


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline diagnose runs/phoneme-strong-libriphone-1`, "
    "`bossline diagnose RUN --batches 8 --products 200`",
)
def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="of a trained network")],
    batches: Annotated[
        int, typer.Option(min=2, help="training batches: 700 to 3,000 frames each, or 16 images")
    ] = 4,
    products: Annotated[
        int, typer.Option(min=2, help="Hessian-vector products at most; more: exacter ends")
    ] = 60,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: diagnosis.html in the run]")
    ] = None,
    device: DeviceOption = "auto",
    lang: LangOption = None,
) -> None:
    """Where a classifier's training ended: minimum or saddle, dead units, calibration, surface."""
    from bossline.reports.diagnosis import key_figures, write_diagnosis
    from bossline.studies.diagnosis.diagnose import diagnose as examine
    from bossline.studies.diagnosis.verdict import verdict

    found = examine(run, batches=batches, products=products, device=device, console=console)
    with speaking(lang):
        path = write_diagnosis(found, output or found.run.path / "diagnosis.html")
        console.print(verdict(found), "", sep="\n")
        for name, value in key_figures(found).items():
            console.print(tr("{name}: {value}", name=name, value=value), soft_wrap=True)
    console.print(f"report: {path}")
