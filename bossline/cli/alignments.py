"""Alignments: align, label, score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bossline.cli.options import (
    DeviceOption,
    FigureOption,
    Overrides,
    ThreadsOption,
    console,
    say,
)
from bossline.core.counting import counted
from bossline.core.errors import UserError

if TYPE_CHECKING:
    from bossline.data.inputs import Input
    from bossline.data.pronunciation.pronouncing import Pronouncer

PANEL = "Alignments"

app = typer.Typer()

DictionaryOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="lines `word PHONE PHONE ...`, before CMUdict's"),
]


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline align recordings/ -o aligned/`, `bossline align RUN a.wav --text "
    "'the owl is here' -o aligned/`",
)
def align(
    runs_then_inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN...] INPUT...",
            help="a run that tells phones frame by frame, without one the phoneme-en that comes "
            "with bossline; recordings, or folders of them",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="the folder that gets a file a recording; what is there already stays",
        ),
    ],
    text: Annotated[
        str | None,
        typer.Option(help="what is said [default: as .lab, .txt or .TextGrid beside each say]"),
    ] = None,
    dictionary: DictionaryOption = None,
    phones: Annotated[
        bool, typer.Option("--phones", help="texts are of phones of the run, words apart by |")
    ] = False,
    tier: Annotated[
        str | None, typer.Option(help="of TextGrids beside recordings: which one is the text")
    ] = None,
    format: Annotated[
        str, typer.Option(help="textgrid, json, csv; of phones alone: ctm, htk, timit, audacity")
    ] = "textgrid",
    figure: FigureOption = None,
    device: DeviceOption = "auto",
) -> None:
    """When each word and phone of a known text is said: forced alignment.

    Exit code 1 where a recording could not be aligned; each is named.
    """
    from bossline import api
    from bossline.cli.answering import Filling, Refusals, runs_and_inputs
    from bossline.cli.tables.alignments import look_first_table
    from bossline.core.reading import text_of
    from bossline.data.passages import beside
    from bossline.runs.alignment_analysis import Analysis
    from bossline.runs.phones_out import PhoneFiles
    from bossline.runs.pictured import check_picture, write_picture

    files = PhoneFiles(output, format)
    runs, inputs = runs_and_inputs(runs_then_inputs)
    for place in map(Path, inputs):
        if output.resolve() == (place if place.is_dir() else place.parent).resolve():
            raise UserError(
                f"--output {output}: the recordings' own folder, where a file may be their text: "
                "choose another"
            )
    if figure is not None:
        check_picture(figure, inputs)
    model = api.load(runs, device=device)
    refusals = Refusals()
    known: list[Pronouncer] = []
    filling = Filling(
        files,
        {
            "verb": "align",
            "weights": model.fingerprints,
            "text": text,
            "dictionary": dictionary and sha256(text_of(dictionary).encode()).hexdigest(),
            "phones": phones,
            "tier": tier,
        },
    )
    analysis = Analysis(output, files.holds)

    def passes(one: Input) -> bool:
        if one.id not in analysis:
            return False
        try:
            texts = [] if text is not None or one.path is None else [beside(one.path)]
        except UserError:  # which is told where it is aligned
            return False
        return filling.passes(one, texts)

    try:
        with filling.progress() as progress:
            for aligned in model.align_each(
                inputs,
                text,
                dictionary=dictionary,
                phones=phones,
                tier=tier,
                refused=refusals,
                progress=progress,
                passed=passes if figure is None else None,
                pronounced=known.append,
            ):
                if figure is not None:
                    write_picture(inputs[0], aligned, figure)
                analysis.add(aligned)
                filling.write(aligned)
    finally:
        if analysis.lines:
            analysis.write()
    console.print(filling.said(), soft_wrap=True)
    if analysis.lines:
        console.print(look_first_table(analysis.first))
    for pronouncer in known:
        for sentence in _unlisted(pronouncer):
            console.print(sentence, soft_wrap=True)
    refusals.end(filling.answered)


def _unlisted(pronouncer: Pronouncer) -> Iterator[str]:
    """What there is to tell of words that no dictionary has."""
    kinds = {
        "said as their letters tell": pronouncer.guessed,
        "unknown, aligned as spn": pronouncer.unknown,
    }
    for what, words in kinds.items():
        if words:
            yield _listed(what, sorted(words))


def _listed(what: str, words: Sequence[str]) -> str:
    from bossline.data.readers.base import few

    return f"{counted(len(words), 'word')} {what}: {few(words)}; a --dictionary may have them"


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline label voices --text transcripts/ --name labelled`, "
    "`bossline label voices --text transcripts/ --by phoneme-en --name labelled`, "
    "`bossline label voices --text transcripts/ --recipe phoneme/strong --name labelled epochs=4`",
)
def label(
    corpus: Annotated[str, typer.Argument(help="of recordings whose frames have no labels")],
    name: Annotated[str, typer.Option(help="what to call the corpus with labels")],
    overrides: Overrides = None,
    text: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="lines 'id what is said', a table with columns id and text, or a folder of "
            "*.trans.txt, ID.lab, ID.txt [default: the corpus' own strings, else its labels "
            "without their times]",
        ),
    ] = None,
    dictionary: DictionaryOption = None,
    phones: Annotated[
        bool, typer.Option("--phones", help="texts are of phones, words apart by |")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="a run that tells phones, in place of learning them"),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="of the network that labels anew; none: labels of the flat start")
    ] = "phoneme/medium",
    note: Annotated[str, typer.Option(help="a remark that every report repeats")] = "",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Labels of frames for recordings that have only text, from nothing else.

    A model of single phones learns from the order in which they are said and labels the frames (a
    flat start); a network learns these labels (corpus NAME-flat, run runs/label-NAME) and labels
    anew. After a stop the same command goes on. Exit code 1 where an utterance could not be
    labelled; each is named.
    """
    from bossline import api
    from bossline.cli.tables.corpora import corpus_table
    from bossline.data.readers.base import few

    found = api.label(
        corpus,
        name,
        text=text,
        dictionary=dictionary,
        phones=phones,
        by=by,
        recipe=None if recipe == "none" else recipe,
        overrides=overrides or (),
        device=device,
        threads=threads,
        note=note,
        console=console,
    )
    console.print(corpus_table(name, found.corpus))
    if found.agreement is not None:
        console.print(f"{found.agreement} of frames have the label that the corpus had")
    if found.at_first is not None and found.run is not None:
        console.print(f"{found.at_first} of them after the flat start alone")
    if found.strangers:
        texts = counted(len(found.strangers), "text")
        console.print(f"{texts} of no utterance: {few(found.strangers)}", soft_wrap=True)
    if found.guessed:
        console.print(_listed("said as their letters tell", found.guessed), soft_wrap=True)
    for id, why in found.refused.items():
        say(f"not labelled: {id}: {why}", style="red")
    if found.refused:
        raise typer.Exit(1)


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline score hand/ aligned/`, `bossline score sa1.phn sa1.TextGrid`, "
    "`bossline score timit/test/ mfa/ --mapping timit38`",
)
def score(
    reference: Annotated[
        Path,
        typer.Argument(
            metavar="REF",
            help="a folder or a file: TextGrid, TIMIT, HTK, xwaves, CTM, Audacity, EMU, Lhotse, "
            "JSON, CSV",
        ),
    ],
    hypothesis: Annotated[
        Path,
        typer.Argument(metavar="HYP", help="the same recordings; names pair, formats may vary"),
    ],
    tier: Annotated[
        str | None, typer.Option(help="what to compare [default: the tier that holds phones]")
    ] = None,
    hypothesis_tier: Annotated[
        str | None, typer.Option(help="its name in HYP [default: as in REF]")
    ] = None,
    mapping: Annotated[
        str,
        typer.Option(
            help="of labels: none, arpabet (no stress), timit39 (61 to 39), timit38 (no silence)"
        ),
    ] = "none",
    rate: Annotated[int, typer.Option(min=1, help="Hz, of TIMIT's sample numbers")] = 16000,
    as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False,
) -> None:
    """How good is an alignment: boundaries found, their errors in time, phones told apart.

    Exit code 1 where a recording is missing on one side or cannot be read; each is named.
    """
    from bossline.cli.tables.alignments import boundaries_table, phones_table
    from bossline.evaluation.alignment_files import score_alignments

    found = score_alignments(
        reference,
        hypothesis,
        tier=tier,
        hypothesis_tier=hypothesis_tier,
        mapping=mapping,
        rate=rate,
    )
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        if found.scores is not None:
            console.print(boundaries_table(found.scores), "", sep="\n")
            console.print(phones_table(found.scores))
        for what, sentences in found.remarks.items():
            for sentence in sentences:
                console.print(f"{what}: {sentence}", soft_wrap=True)
    if not found.complete:
        raise typer.Exit(1)
