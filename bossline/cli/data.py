"""What there is, and data: tasks, recipe, import, corpus, synth."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bossline.cli.options import Overrides, YesOption, ask, console
from bossline.core.errors import UserError
from bossline.recipes import catalogue

if TYPE_CHECKING:
    from bossline.data.features.spec import FeatureSpec

PANEL = "Data"

app = typer.Typer()


@app.command(rich_help_panel=PANEL, epilog="Example: `bossline tasks`")
def tasks() -> None:
    """Tasks, rungs, target scores, and what each rung is."""
    from bossline.cli.tables.recipes import tasks_table

    console.print(tasks_table())


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline recipe phoneme/strong`, `bossline recipe phoneme/strong "
    "model.width=2048 -o my.yaml`, `bossline recipe --keys model.encoder`, `bossline recipe "
    "speaker --keys model.head`",
)
def recipe(
    name: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="task/rung, a .yaml, or with --keys a task"),
    ] = None,
    overrides: Overrides = None,
    keys: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="list the keys below this one, of every kind"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="a .yaml to begin your own from"),
    ] = None,
) -> None:
    """What a recipe comes to, key by key, and what other kinds there are."""
    whole_task = name in catalogue.tasks()
    if name is not None and not whole_task and keys is None:
        catalogue.find(name)  # a slip of the pen need not wait for torch
    from bossline import api
    from bossline.cli.tables.recipes import keys_tables, settings_table

    if keys is None and name is not None and not whole_task:
        settings = api.recipe(name, overrides or (), output=output)
        console.print(settings_table(settings) if output is None else f"{output}: written")
        return
    if overrides or output is not None:
        raise UserError("give a recipe, as in bossline recipe phoneme/strong -o my.yaml")
    for table in keys_tables(api.recipe_keys(keys or "", of=name)):
        console.print(table, "")


@app.command(
    "import",
    rich_help_panel=PANEL,
    epilog="Examples: `bossline import libriphone/ --name libriphone`, "
    "`bossline import covid/2023 --name covid`, `bossline import food/ --name food`, "
    "`bossline import voices/ --name voices --speed 0.9 --speed 1.1`, "
    "`bossline import recordings/ --name mine --phones stress-off`, "
    "`bossline import table/ --name houses --target price`, "
    "`bossline import my-features/ --name mine --as folder`, "
    "`bossline import mfcc/ --name mine --as folder --strings transcripts.csv`",
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
    speeds: Annotated[
        list[float] | None,
        typer.Option(
            "--speed", help="keep recordings at this speed too, to train on; once for each speed"
        ),
    ] = None,
    strings: Annotated[
        list[Path] | None,
        typer.Option(
            help="the phones of each utterance: lines 'id PHONE PHONE ...', a .csv with columns id "
            "and phones, or a folder of ID.npy; may be given several times"
        ),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(help="the phones of --strings in their order, one a line; else those found"),
    ] = None,
    phones: Annotated[
        str,
        typer.Option(
            help="fold phones: keep, timit48, timit39, stress-off, or a .tsv file of FROM<TAB>TO"
        ),
    ] = "keep",
    like: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|CORPUS",
            help="features of recordings as this run or corpus has them, to go on training from it",
        ),
    ] = None,
    alignments: Annotated[
        Path | None,
        typer.Option(help="a folder of TextGrids and the like [default: beside the recordings]"),
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="of the phones [default: the one that holds phones]")
    ] = None,
    speaker_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="in the name of a recording, as in '(s[0-9]+)_' [default: its folder]",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="of a table of your own: what is to be foretold"),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="of a table: what names rows [default: id, else their number]"
        ),
    ] = None,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="leave damaged items out and say so")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="import again even if nothing has changed")
    ] = False,
    note: Annotated[str, typer.Option(help="a remark that every report repeats")] = "",
) -> None:
    """Check a data folder and pack it, once."""
    from bossline.cli.tables.corpora import corpus_table
    from bossline.core.progress import bar
    from bossline.data.importing import import_corpus
    from bossline.data.readers.base import RecordingOptions, TableOptions, pattern_of

    with bar(console, "files") as shown:
        corpus = import_corpus(
            folder,
            name,
            reader=layout,
            deltas=deltas,
            speeds=speeds or (),
            strings=strings or (),
            vocabulary=vocabulary,
            phones=phones,
            recordings=RecordingOptions(
                None if like is None else _features_like(like),
                alignments,
                tier,
                pattern_of(speaker_pattern),
            ),
            table=TableOptions(target, id),
            skip_damaged=skip_damaged,
            fresh=fresh,
            note=note,
            progress=shown.set,
        )
    console.print(corpus_table(name, corpus))


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: `bossline join libriphone mine --name both`",
)
def join(
    corpora: Annotated[list[str], typer.Argument(metavar="CORPUS...", help="of speech")],
    name: Annotated[str, typer.Option(help="what to call the new corpus")],
    note: Annotated[str, typer.Option(help="a remark that every report repeats")] = "",
) -> None:
    """One corpus of several, to train on all of them.

    Ids and speakers become CORPUS/ID. Recordings get the features of another corpus by import
    --like. Where one corpus has strings of phones and no times, labels of frames become strings
    too.
    """
    from bossline.cli.tables.corpora import corpus_table
    from bossline.core.progress import bar
    from bossline.data.joining import join_corpora

    with bar(console, "utterances") as shown:
        corpus = join_corpora(corpora, name, note=note, progress=partial(shown.set, "joining"))
    console.print(corpus_table(name, corpus))


def _features_like(name: str) -> FeatureSpec:
    """Of the corpus of this name, else of the run.

    Raises:
        UserError: neither, or what they hold cannot be made from recordings.
    """
    from bossline.data.features.spec import FeatureSpec
    from bossline.data.store import names, open_corpus
    from bossline.runs.run import Run

    features = open_corpus(name).header.features if name in names() else Run(name).features
    if not isinstance(features, FeatureSpec) or features.kind == "other":
        made = features.describe()
        raise UserError(f"--like {name}: no features that recordings can be made into: {made}")
    return features


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline corpus`, `bossline corpus libriphone --verify`, "
    "`bossline corpus --remove toy`",
)
def corpus(
    name: Annotated[str | None, typer.Argument(help="a corpus; none lists them")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="hash every shard and hold it against the header")
    ] = False,
    durations: Annotated[
        bool, typer.Option("--durations", help="how long each phone lasts: which window sees it?")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="delete the packed copy; the source's files stay")
    ] = False,
    yes: YesOption = False,
) -> None:
    """What is in a corpus: utterances, images or rows, classes with counts, parts, damage."""
    from bossline.cli.tables.corpora import classes_table, corpora_table, corpus_table
    from bossline.core.progress import bar
    from bossline.data.store import names, open_corpus, remove_corpus

    if remove:
        if name is None:
            raise UserError("which one? bossline corpus --remove NAME")
        ask(f"delete the corpus {name}", yes)
        remove_corpus(name)
        console.print(f"removed: {name}")
        return
    if name is None and not names():
        console.print("no corpus yet: bossline import FOLDER --name NAME, or bossline synth")
        return
    if name is None:
        sound, faults = [], []
        for known in names():
            try:
                sound.append((known, open_corpus(known)))
            except UserError as error:
                faults.append(f"{known}: {error}")
        console.print(corpora_table(sound))
        for fault in faults:
            console.print(fault, soft_wrap=True)
        return
    opened = open_corpus(name)
    console.print(corpus_table(name, opened))
    if opened.header.labelled_frames:
        console.print("", classes_table(opened), sep="\n")
    if durations:
        from bossline.cli.tables.durations import durations_table
        from bossline.data.features.spec import FeatureSpec
        from bossline.tasks.phoneme.durations import durations as durations_of

        found, features = durations_of(opened), opened.header.features
        assert isinstance(features, FeatureSpec)  # what has durations has frames
        console.print("", durations_table(found, features.hop_ms), sep="\n")
    for left_out in opened.header.left_out:
        console.print(f"left out: {left_out.part}/{left_out.id}: {left_out.why}")
    if verify:
        with bar(console, "bytes", total=opened.size) as shown:
            opened.verify(shown.advance)
        console.print("verified: every shard is as it was written")


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: `bossline synth --hours 2 --voices 60 --name toy`",
)
def synth(
    name: Annotated[str, typer.Option(help="what to call the corpus")] = "toy",
    hours: Annotated[float, typer.Option(help="hours of speech")] = 1.0,
    voices: Annotated[int, typer.Option(help="speakers")] = 48,
    seed: Annotated[int, typer.Option(help="another seed, another corpus")] = 0,
) -> None:
    """Make a corpus of synthetic speech with exact frame labels (needs the synth extra)."""
    from bossline.cli.tables.corpora import corpus_table
    from bossline.data.synthetic.corpus import synth as make

    corpus = make(name, hours=hours, voices=voices, seed=seed, console=console)
    console.print(corpus_table(name, corpus))
