"""Alignments: align, score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bossline.cli.options import DeviceOption, console
from bossline.core.counting import counted

PANEL = "Alignments"

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline align RUN recordings/ -o aligned/`, `bossline align RUN a.wav "
    "--text 'the owl is here' -o aligned/`",
)
def align(
    runs_then_inputs: Annotated[
        list[str],
        typer.Argument(metavar="RUN INPUT...", help="of phoneme; recordings, or folders of them"),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="the folder that gets a file a recording")
    ],
    text: Annotated[
        str | None,
        typer.Option(help="what is said [default: as .lab, .txt or .TextGrid beside each say]"),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="lines `word PHONE PHONE ...`, before CMUdict's"),
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="of TextGrids beside recordings: which one is the text")
    ] = None,
    format: Annotated[
        str, typer.Option(help="textgrid, json, csv; of phones alone: ctm, htk, timit, audacity")
    ] = "textgrid",
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="go on where the folder was left")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """When each word and phone of a known text is said: forced alignment.

    Exit code 1 where a recording could not be aligned; each is named.
    """
    from bossline import api
    from bossline.cli.answering import Refusals, reading, runs_and_inputs
    from bossline.runs.phones_out import PhoneFiles

    files = PhoneFiles(output, format)
    runs, inputs = runs_and_inputs(runs_then_inputs)
    model = api.load(runs, device=device)
    refusals = Refusals()
    written = there = 0

    def passed(id: str) -> bool:
        nonlocal there
        held = files.holds(id)
        there += held
        return held

    with reading() as shown:
        for aligned in model.align_each(
            inputs,
            text,
            dictionary=dictionary,
            tier=tier,
            refused=refusals,
            progress=shown.set,
            passed=passed if skip_existing else None,
        ):
            files.write(aligned)
            written += 1
    kept = f", {there:,} there already" if there else ""
    console.print(f"{files}: {counted(written, 'recording')}{kept}")
    refusals.end(written + there)


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
