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
    typer.Argument(metavar="RUN", help="several answer by the mean of their log-probabilities"),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="of the speaker task")]
ScoreNormOption = Annotated[
    Literal["none", "as-norm"],
    typer.Option(help="none: cosine; as-norm: seen against the voices that were trained on"),
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


@app.command(
    epilog="Examples: `bossline ladder phoneme --corpus libriphone`, "
    "`bossline ladder speaker --corpus libriphone --folds 3`"
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
) -> None:
    """Train all rungs of a task, one table, one report; finished rungs are not trained again."""
    from bossline.reports.page import write_report
    from bossline.studies.ladder import climb, cross_validate, ladder_folder
    from bossline.tables import folds_table, runs_table

    path = ladder_folder(task, corpus) / "report.html"
    if folds is None:
        runs = climb(
            task,
            corpus,
            overrides or (),
            to=to,
            device=device,
            threads=threads,
            console=console,
        )
        write_report(runs, path)
        table = runs_table(runs)
    else:
        rungs = cross_validate(
            task,
            corpus,
            overrides or (),
            folds=folds,
            to=to,
            device=device,
            threads=threads,
            console=console,
        )
        write_report(rungs, path)
        table = folds_table(rungs)
    console.print("", table, sep="\n")
    console.print(f"report: {path}", highlight=False)


@app.command(
    epilog="Examples: `bossline evaluate runs/phoneme-strong-libriphone-1`, `bossline evaluate "
    "RUN1 RUN2 --smoothing viterbi`, `bossline evaluate RUN --trials trials.txt`"
)
def evaluate(
    runs: RunArguments,
    smoothing: SmoothingOption = None,
    trials: Annotated[
        Path | None, typer.Option(metavar="FILE", help="score speaker verification on a trial list")
    ] = None,
    score_norm: ScoreNormOption = "none",
    device: DeviceOption = "auto",
) -> None:
    """Score the best weights on validation and test, class by class too; or on a trial list."""
    from bossline import api
    from bossline.tables import per_class_table, scores_table, verification_table
    from bossline.verification import evaluate_trials

    if trials is not None:
        if len(runs) > 1 or smoothing is not None:
            raise UserError("--trials takes one run, and no --smoothing")
        found = evaluate_trials(runs[0], trials, score_norm=score_norm, device=device)
        console.print(verification_table(found))
        return
    if score_norm != "none":
        raise UserError("--score-norm is for scores of trials: give --trials FILE")
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
    """Write Id,Class, or Id,Category of speakers; the rows are counted against the split."""
    from bossline import api

    rows = api.submit(runs, output, split=split, smoothing=smoothing, device=device)
    console.print(f"{output}: {rows:,} rows", highlight=False)


@app.command(
    epilog="Examples: `bossline embed RUN test -o voices.safetensors`, "
    "`bossline embed RUN a.wav b.wav -o voices.safetensors`"
)
def embed(
    run: RunArgument,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="feature files, recordings, utterance ids, or train, validation, test, unlabelled",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="the .safetensors to write")],
    device: DeviceOption = "auto",
) -> None:
    """Voices as unit vectors: one an utterance, near each other for one speaker."""
    from bossline import verification

    if output.suffix != ".safetensors":
        raise UserError(f"{output}: write embeddings to a .safetensors file")
    found = verification.embed(run, inputs, device=device)
    found.write(output)
    utterances, dim = found.vectors.shape
    console.print(f"{output}: {utterances:,} utterances, {dim} numbers each", highlight=False)


@app.command(
    epilog="Examples: `bossline verify RUN a.wav b.wav`, `bossline verify RUN UTTERANCE UTTERANCE`"
)
def verify(
    run: RunArgument,
    first: Annotated[str, typer.Argument(metavar="A", help="a file, or an utterance id")],
    second: Annotated[str, typer.Argument(metavar="B", help="a file, or an utterance id")],
    device: DeviceOption = "auto",
) -> None:
    """Are two recordings of one speaker?"""
    from bossline import verification
    from bossline.tables import threshold_table

    found = verification.verify(run, first, second, device=device)
    console.print(f"cosine {found.cosine:.4f}", highlight=False)
    if found.score_scale != "cosine":
        console.print(f"{found.score_scale} {found.score:.4f}", highlight=False)
    if found.threshold is None:
        _print_uncalibrated(run, "what is one speaker")
        return
    console.print("same speaker" if found.same_speaker else "different speakers", style="bold")
    console.print(threshold_table(found.threshold))


def _print_uncalibrated(run: Path, what: str) -> None:
    console.print(
        f"no threshold says {what}: bossline trials {run} -o trials.txt, "
        f"then bossline calibrate {run} --trials trials.txt",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@app.command(epilog="Example: `bossline trials RUN -o trials.txt --count 10000 --split test`")
def trials(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="the list to write")],
    count: Annotated[
        int | None,
        typer.Option(help="half of them of one speaker [default: 20,000, or as many as there are]"),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="another seed, another list")] = 0,
) -> None:
    """Draw pairs of utterances, of one speaker and of two, every speaker about equally often."""
    from bossline.evaluation.verification.trials import write_trials
    from bossline.verification import draw_trials

    drawn = draw_trials(run, count=count, split=split, seed=seed)
    write_trials(output, drawn)
    targets = int(drawn.labels.sum())
    console.print(
        f"{output}: {targets:,} target and {len(drawn) - targets:,} non-target trials",
        highlight=False,
    )


@app.command(epilog="Example: `bossline calibrate RUN --trials trials.txt --false-accepts 0.01`")
def calibrate(
    run: RunArgument,
    trials: Annotated[Path, typer.Option(metavar="FILE", help="a trial list")],
    false_accepts: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="to allow at most [default: as many as false rejects]"),
    ] = None,
    score_norm: ScoreNormOption = "none",
    device: DeviceOption = "auto",
) -> None:
    """Set the threshold of verify and identify on trials; it is kept in the run folder."""
    from bossline import verification
    from bossline.tables import threshold_table

    found = verification.calibrate(
        run, trials, false_accepts=false_accepts, score_norm=score_norm, device=device
    )
    console.print(threshold_table(found))


@app.command(
    epilog="Examples: `bossline enroll RUN --speaker ann a.wav b.wav`, "
    "`bossline enroll RUN --speaker ann a.wav b.wav --joined`"
)
def enroll(
    run: RunArgument,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="recordings, features or utterance ids")
    ],
    speaker: Annotated[str, typer.Option(metavar="NAME", help="whose voice it is")],
    joined: Annotated[
        bool, typer.Option("--joined", help="join the frames [default: average the embeddings]")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Keep a speaker's voice for identify; an old one of the same name is replaced."""
    from bossline import verification

    found = verification.enroll(run, speaker, files, joined=joined, device=device)
    line = f"enrolled {speaker}: {found.enrolment}"
    if found.replaced is not None:
        line += f"\nreplaced {speaker}: {found.replaced}"
    console.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command(epilog="Example: `bossline identify RUN recording.wav`")
def identify(
    run: RunArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="or an utterance id")],
    device: DeviceOption = "auto",
) -> None:
    """Which enrolled speaker is it, if any?"""
    from bossline import verification
    from bossline.tables import candidates_table, threshold_table

    found = verification.identify(run, file, device=device)
    console.print(found.speaker, style="bold", markup=False)
    console.print(candidates_table(found), "", sep="\n")
    if found.threshold is None:
        _print_uncalibrated(run, "who is unknown, so the nearest is named")
        return
    console.print(threshold_table(found.threshold))
    if len(found.candidates) > 1:
        console.print(
            f"these rates are of one comparison each; here are {len(found.candidates)}",
            highlight=False,
        )


@app.command(epilog="Example: `bossline report runs/*/ -o comparison.html`")
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN")],
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
