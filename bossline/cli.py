"""The command line: one verb a function, thin. Nothing here imports torch before a verb runs."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from bossline.errors import UserError
from bossline.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From the sample code to past the boss baseline, on your own machine.",
    epilog="First steps without data: `bossline synth --name toy`, then "
    "`bossline ladder phoneme --corpus toy`.",
)
console = Console()

CorpusOption = Annotated[
    str, typer.Option("--corpus", "-c", metavar="NAME", help="name given at import, or a folder")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads [default: all cores]")]
SmoothingOption = Annotated[
    Literal["none", "median", "viterbi"] | None,
    typer.Option(help="of the posteriors [default: as the (first) run's recipe says]"),
]
RunArguments = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="several answer by the mean of their log-probabilities"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="e.g. model.width=1024 epochs=30"),
]


def _version(asked: bool) -> None:
    if asked:
        console.print(f"bossline {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="and exit")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: `bossline tasks`")
def tasks() -> None:
    """Tasks, rungs, target scores, and what each rung is."""
    from bossline.tables import tasks_table

    console.print(tasks_table())


@app.command(
    "import",
    epilog="Examples: `bossline import libriphone/ --name libriphone`, "
    "`bossline import my-features/ --name mine --as folder`",
)
def import_(
    folder: Annotated[Path, typer.Argument(help="the data as you have it")],
    name: Annotated[str, typer.Option(help="what to call the corpus from now on")],
    layout: Annotated[
        str | None, typer.Option("--as", help="layout; recognised by itself if left out")
    ] = None,
    deltas: Annotated[
        Literal["keep", "time"],
        typer.Option(
            help="keep, or time: rebuild the deltas of published LibriPhone files over time"
        ),
    ] = "keep",
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="leave damaged utterances out and say so")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="import again even if nothing has changed")
    ] = False,
    note: Annotated[str, typer.Option(help="a remark that every report repeats")] = "",
) -> None:
    """Check a data folder and pack it, once."""
    from bossline.corpora.importing import import_corpus
    from bossline.progress import bar
    from bossline.tables import corpus_table

    with bar(console, "files") as shown:
        corpus = import_corpus(
            folder,
            name,
            reader=layout,
            deltas=deltas,
            skip_damaged=skip_damaged,
            fresh=fresh,
            note=note,
            progress=shown.set,
        )
    console.print(corpus_table(name, corpus))


@app.command(epilog="Examples: `bossline corpus`, `bossline corpus libriphone --verify`")
def corpus(
    name: Annotated[str | None, typer.Argument(help="a corpus; none lists them")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="hash every shard and hold it against the header")
    ] = False,
) -> None:
    """What is in a corpus: utterances, hours, speakers, classes with counts, splits, damage."""
    from bossline.corpora.store import names, open_corpus
    from bossline.progress import bar
    from bossline.tables import classes_table, corpora_table, corpus_table

    if name is None and not names():
        console.print("no corpus yet: bossline import FOLDER --name NAME, or bossline synth")
        return
    if name is None:
        console.print(corpora_table([(known, open_corpus(known)) for known in names()]))
        return
    opened = open_corpus(name)
    console.print(corpus_table(name, opened))
    if opened.header.labelled_frames:
        console.print("", classes_table(opened), sep="\n")
    for left_out in opened.header.left_out:
        console.print(f"left out: {left_out.part}/{left_out.id}: {left_out.why}", markup=False)
    if verify:
        with bar(console, "bytes", total=opened.size) as shown:
            opened.verify(shown.advance)
        console.print("verified: every shard is as it was written")


@app.command(epilog="Example: `bossline synth --hours 2 --voices 60 --name toy`")
def synth(
    name: Annotated[str, typer.Option(help="what to call the corpus")] = "toy",
    hours: Annotated[float, typer.Option(help="hours of speech")] = 1.0,
    voices: Annotated[int, typer.Option(help="speakers")] = 48,
    seed: Annotated[int, typer.Option(help="another seed, another corpus")] = 0,
) -> None:
    """Make a corpus of synthetic speech with exact frame labels (needs the synth extra)."""
    from pydantic import ValidationError

    from bossline.corpora.store import check_name, open_corpus, register
    from bossline.corpora.synthetic.corpus import SynthConfig, synthesise
    from bossline.progress import bar
    from bossline.tables import corpus_table

    check_name(name)
    try:
        config = SynthConfig(hours=hours, voices=voices, seed=seed)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{first['loc'][0]}: {first['msg'].lower()}") from error
    with bar(console, "s of speech", total=round(hours * 3600)) as shown:
        register(name, synthesise(config, shown.advance))
    console.print(corpus_table(name, open_corpus(name)))


@app.command(
    epilog="Examples: `bossline train phoneme/strong --corpus libriphone model.width=1024 "
    "epochs=30`, `bossline train --resume runs/phoneme-strong-libriphone-1`"
)
def train(
    recipe: Annotated[
        str | None, typer.Argument(help="task/rung (see 'bossline tasks'), or a .yaml")
    ] = None,
    overrides: Overrides = None,
    corpus: Annotated[
        str | None,
        typer.Option("--corpus", "-c", metavar="NAME", help="name given at import, or a folder"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="go on with an interrupted run")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="run folder [default: the next in runs/]")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Train a recipe on a corpus, score it on its test split, write a report."""
    from bossline import api
    from bossline.reports.page import write_report
    from bossline.tables import runs_table

    if resume is not None:
        if recipe or corpus or run:
            raise UserError("--resume takes no recipe, corpus or run: they stand in the run folder")
        finished = api.resume(resume, device=None if device == "auto" else device, console=console)
    elif recipe is None or corpus is None:
        raise UserError("give a recipe and --corpus, e.g. bossline train phoneme/simple -c toy")
    else:
        finished = api.train(
            recipe,
            corpus,
            overrides or (),
            run=run,
            device=device,
            threads=threads,
            console=console,
        )
    write_report([finished], finished.path / "report.html")
    console.print("", runs_table([finished]), sep="\n")
    console.print(f"report: {finished.path / 'report.html'}", highlight=False)


@app.command(epilog="Example: `bossline ladder phoneme --corpus libriphone`")
def ladder(
    task: Annotated[str, typer.Argument(help="see 'bossline tasks'")],
    corpus: CorpusOption,
    overrides: Overrides = None,
    to: Annotated[str | None, typer.Option(metavar="RUNG", help="the last rung to climb")] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Train all rungs of a task, one table, one report; finished rungs are not trained again."""
    from bossline.reports.page import write_report
    from bossline.studies.ladder import climb, ladder_folder
    from bossline.tables import runs_table

    runs = climb(
        task,
        corpus,
        overrides or (),
        to=to,
        device=device,
        threads=threads,
        console=console,
    )
    path = ladder_folder(task, corpus) / "report.html"
    write_report(runs, path)
    console.print("", runs_table(runs), sep="\n")
    console.print(f"report: {path}", highlight=False)


@app.command(
    epilog="Examples: `bossline evaluate runs/phoneme-strong-libriphone-1`, `bossline evaluate "
    "RUN1 RUN2 --smoothing viterbi`"
)
def evaluate(
    runs: RunArguments, smoothing: SmoothingOption = None, device: DeviceOption = "auto"
) -> None:
    """Score the best weights on validation and test, class by class too."""
    from bossline import api
    from bossline.tables import per_class_table, scores_table

    opened = [api.load_run(path) for path in runs]
    scores = api.evaluate(opened, smoothing=smoothing, device=device)
    classes = opened[0].info.classes
    console.print(scores_table(scores), "", per_class_table(scores["test"], classes), sep="\n")


@app.command(
    epilog="Examples: `bossline predict RUN recording.wav`, `bossline predict RUN features.pt -o "
    "phones.csv`, `bossline predict RUN1 RUN2 test -o probabilities.npy`"
)
def predict(
    runs: RunArguments,
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="a feature file, a recording, or train, validation, test, unlabelled",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=".csv: classes; .npy: probabilities")
    ] = None,
    smoothing: SmoothingOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Classes or probabilities for a file or a split."""
    from bossline import api
    from bossline.inference.output import check_output, write_predictions
    from bossline.inference.prediction import FramePrediction, SpeakerPrediction
    from bossline.tables import segments_table, speakers_table

    if output is not None:
        check_output(output)
    predictions = api.predict(runs, source, smoothing=smoothing, device=device)
    if output is not None:
        write_predictions(predictions, output)
        console.print(f"{output}: {len(predictions)} utterances", highlight=False)
        return
    for prediction in predictions:
        if isinstance(prediction, FramePrediction):
            console.print(segments_table(prediction))
        elif isinstance(prediction, SpeakerPrediction):
            console.print(speakers_table(prediction))


@app.command(
    epilog="Examples: `bossline submit runs/phoneme-strong-libriphone-1 -o prediction.csv`, "
    "`bossline submit RUN1 RUN2 -o prediction.csv`"
)
def submit(
    runs: RunArguments,
    output: Annotated[Path, typer.Option("--output", "-o", help="the CSV to write")],
    split: Annotated[
        str, typer.Option(help="unlabelled: the course's test set; or test, validation, train")
    ] = "unlabelled",
    smoothing: SmoothingOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Write Id,Class for the leaderboard; the rows are counted against the split."""
    from bossline import api

    rows = api.submit(runs, output, split=split, smoothing=smoothing, device=device)
    console.print(f"{output}: {rows:,} rows", highlight=False)


@app.command(epilog="Example: `bossline report runs/*/ -o comparison.html`")
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="[default: report.html in the first run]")
    ] = None,
) -> None:
    """One HTML page about one run or several side by side."""
    from bossline.api import load_run
    from bossline.reports.page import write_report

    opened = [load_run(path) for path in runs]
    path = write_report(opened, output or opened[0].path / "report.html")
    console.print(f"report: {path}", highlight=False)


def main() -> None:
    """The entry point: user errors become one message and exit code 2."""
    from bossline.training.signals import Interrupted

    errors = Console(stderr=True)
    try:
        app()
    except UserError as error:
        errors.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
            raise
        errors.print(f"error: {error}", style="red", highlight=False, markup=False)
        sys.exit(2)
    except Interrupted as stop:
        errors.print(str(stop), highlight=False, markup=False, soft_wrap=True)
        sys.exit(130)
