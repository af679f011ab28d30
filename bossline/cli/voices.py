"""Speakers: embed, verify, trials, calibrate, enroll, identify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bossline.cli.options import (
    DeviceOption,
    JsonOption,
    LangOption,
    RunArgument,
    ScoreNormOption,
    console,
)
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import speaking, tr

PANEL = "Voices"

app = typer.Typer()


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline embed RUN test -o voices.safetensors`, "
    "`bossline embed RUN a.wav b.wav -o voices.safetensors`",
)
def embed(
    run: RunArgument,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="feature files, recordings, folders of them, utterance ids, or train, "
            "validation, test, unlabelled",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the .safetensors to write")
    ] = None,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Voices as unit vectors: one an utterance, near each other for one speaker."""
    from bossline import api
    from bossline.cli.answering import Refusals, print_json

    if (output is None) != as_json:
        raise UserError("give --output FILE.safetensors or --json, one of them")
    if output is not None and output.suffix != ".safetensors":
        raise UserError(f"{output}: write embeddings to a .safetensors file")
    refusals = Refusals()
    found = api.embed(run, inputs, refused=refusals, device=device)
    utterances, dim = found.vectors.shape
    if output is None:
        print_json(found.each())
    elif utterances:
        found.write(output)
        console.print(
            f"{output}: {counted(utterances, 'utterance')}, {counted(dim, 'number')} each",
        )
    refusals.end(utterances)


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline verify RUN a.wav b.wav`, `bossline verify RUN UTTERANCE "
    "UTTERANCE`, `bossline verify RUN a.wav recordings/ --json`",
)
def verify(
    run: RunArgument,
    first: Annotated[str, typer.Argument(metavar="A", help="a file, or an utterance id")],
    others: Annotated[
        list[str],
        typer.Argument(metavar="B...", help="the same, or folders: A is compared with each"),
    ],
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
    lang: LangOption = None,
) -> None:
    """Are two recordings of one speaker?"""
    from bossline import api
    from bossline.cli.answering import Refusals, print_json
    from bossline.cli.tables.voices import threshold_table, verifications_table

    refusals = Refusals()
    found = api.verify_each(run, first, others, refused=refusals, device=device)
    if as_json:
        print_json(found)
    elif found:
        with speaking(lang):
            if len(found) > 1:
                console.print(verifications_table(found))
            else:
                console.print(f"cosine {found[0].cosine:.4f}")
                if found[0].score_scale != "cosine":
                    console.print(f"{found[0].score_scale} {found[0].score:.4f}")
            if found[0].threshold is None:
                _print_uncalibrated(run, tr("no threshold says what is one speaker"))
            else:
                if len(found) == 1:
                    one, two = tr("same speaker"), tr("different speakers")
                    console.print(one if found[0].same_speaker else two, style="bold")
                console.print(threshold_table(found[0].threshold))
    refusals.end(len(found))


def _print_uncalibrated(run: Path, lacking: str) -> None:
    console.print(
        tr(
            "{lacking}: bossline trials {run} -o trials.txt, "
            "then bossline calibrate {run} --trials trials.txt",
            lacking=lacking,
            run=run,
        ),
        soft_wrap=True,
    )


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: `bossline trials RUN -o trials.txt --count 10000 --split test`",
)
def trials(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="the list to write")],
    count: Annotated[
        int | None,
        typer.Option(help="half of them of one speaker [default: 20,000, or as many as there are]"),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation, train, or unheard")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="another seed, another list")] = 0,
) -> None:
    """Draw pairs of utterances, of one speaker and of two, every speaker about equally often."""
    from bossline.api import draw_trials
    from bossline.tasks.speaker.verification.trials import write_trials

    drawn = draw_trials(run, count=count, split=split, seed=seed)
    write_trials(output, drawn)
    targets = int(drawn.labels.sum())
    console.print(
        f"{output}: {targets:,} target and {len(drawn) - targets:,} non-target trials",
    )


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: `bossline calibrate RUN --trials trials.txt --false-accepts 0.01`",
)
def calibrate(
    run: RunArgument,
    trials: Annotated[Path, typer.Option(metavar="FILE", help="a trial list")],
    false_accepts: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="to allow at most [default: as many as false rejects]"),
    ] = None,
    score_norm: ScoreNormOption = "none",
    device: DeviceOption = "auto",
    lang: LangOption = None,
) -> None:
    """Set the threshold of verify and identify on trials; it is kept in the run folder."""
    from bossline import api as verification
    from bossline.cli.tables.voices import threshold_table

    found = verification.calibrate(
        run, trials, false_accepts=false_accepts, score_norm=score_norm, device=device
    )
    with speaking(lang):
        console.print(threshold_table(found))


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline enroll RUN --speaker ann a.wav b.wav`, "
    "`bossline enroll RUN --speaker ann a.wav b.wav --joined`",
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
    from bossline import api as verification

    found = verification.enroll(run, speaker, files, joined=joined, device=device)
    line = f"enrolled {speaker}: {found.enrolment}"
    if found.replaced is not None:
        line += f"\nreplaced {speaker}: {found.replaced}"
    console.print(line, soft_wrap=True)


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline identify RUN recording.wav`, `bossline identify RUN recordings/ "
    "--json`",
)
def identify(
    run: RunArgument,
    inputs: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="or folders, or utterance ids")
    ],
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
    lang: LangOption = None,
) -> None:
    """Which enrolled speaker is it, if any?"""
    from bossline import api
    from bossline.cli.answering import Refusals, print_json
    from bossline.cli.tables.voices import (
        candidates_table,
        identifications_table,
        speaker_of,
        threshold_table,
    )

    refusals = Refusals()
    found = api.identify_each(run, inputs, refused=refusals, device=device)
    if as_json:
        print_json(found)
    elif found:
        with speaking(lang):
            first = found[0]
            if len(found) > 1:
                console.print(identifications_table(found), "", sep="\n")
            else:
                console.print(speaker_of(first), style="bold")
                console.print(candidates_table(first), "", sep="\n")
            if first.threshold is None:
                lacking = tr("no threshold says who is unknown, so the nearest is named")
                _print_uncalibrated(run, lacking)
            else:
                console.print(threshold_table(first.threshold))
                if (count := len(first.candidates)) > 1:
                    told = (
                        tr("these rates are of one comparison each; here are {count}", count=count)
                        if len(found) == 1
                        else tr(
                            "these rates are of one comparison each; here are {count} for each "
                            "input",
                            count=count,
                        )
                    )
                    console.print(told)
    refusals.end(len(found))
