"""What there is, and data: tasks, import, corpus, synth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bossline.cli.options import YesOption, ask, console
from bossline.core.errors import UserError

PANEL = "Data"

app = typer.Typer()


@app.command(rich_help_panel=PANEL, epilog="Example: `bossline tasks`")
def tasks() -> None:
    """Tasks, rungs, target scores, and what each rung is."""
    from bossline.cli.tables.recipes import tasks_table

    console.print(tasks_table())


@app.command(
    "import",
    rich_help_panel=PANEL,
    epilog="Examples: `bossline import libriphone/ --name libriphone`, "
    "`bossline import covid/2023 --name covid`, `bossline import food/ --name food`, "
    "`bossline import voices/ --name voices --speed 0.9 --speed 1.1`, "
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
            skip_damaged=skip_damaged,
            fresh=fresh,
            note=note,
            progress=shown.set,
        )
    console.print(corpus_table(name, corpus))


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
    from pydantic import ValidationError

    from bossline.cli.tables.corpora import corpus_table
    from bossline.core.progress import bar
    from bossline.data.store import check_name, open_corpus, register
    from bossline.data.synthetic.corpus import SynthConfig, synthesise

    check_name(name)
    try:
        config = SynthConfig(hours=hours, voices=voices, seed=seed)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{first['loc'][0]}: {first['msg'].lower()}") from error
    with bar(console, "s of speech", total=round(hours * 3600)) as shown:
        register(name, synthesise(config, shown.advance))
    console.print(corpus_table(name, open_corpus(name)))
