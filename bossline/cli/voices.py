"""Speakers: embed, verify, trials, calibrate, enroll, identify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bossline.cli.options import DeviceOption, RunArgument, ScoreNormOption, console
from bossline.core.counting import counted
from bossline.core.errors import UserError

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
            help="feature files, recordings, utterance ids, or train, validation, test, unlabelled",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="the .safetensors to write")],
    device: DeviceOption = "auto",
) -> None:
    """Voices as unit vectors: one an utterance, near each other for one speaker."""
    from bossline import api as verification

    if output.suffix != ".safetensors":
        raise UserError(f"{output}: write embeddings to a .safetensors file")
    found = verification.embed(run, inputs, device=device)
    found.write(output)
    utterances, dim = found.vectors.shape
    console.print(
        f"{output}: {counted(utterances, 'utterance')}, {counted(dim, 'number')} each",
    )


@app.command(
    rich_help_panel=PANEL,
    epilog="Examples: `bossline verify RUN a.wav b.wav`, `bossline verify RUN UTTERANCE UTTERANCE`",
)
def verify(
    run: RunArgument,
    first: Annotated[str, typer.Argument(metavar="A", help="a file, or an utterance id")],
    second: Annotated[str, typer.Argument(metavar="B", help="a file, or an utterance id")],
    device: DeviceOption = "auto",
) -> None:
    """Are two recordings of one speaker?"""
    from bossline import api as verification
    from bossline.cli.tables.voices import threshold_table

    found = verification.verify(run, first, second, device=device)
    console.print(f"cosine {found.cosine:.4f}")
    if found.score_scale != "cosine":
        console.print(f"{found.score_scale} {found.score:.4f}")
    if found.threshold is None:
        _print_uncalibrated(run, "what is one speaker")
        return
    console.print("same speaker" if found.same_speaker else "different speakers", style="bold")
    console.print(threshold_table(found.threshold))


def _print_uncalibrated(run: Path, what: str) -> None:
    console.print(
        f"no threshold says {what}: bossline trials {run} -o trials.txt, "
        f"then bossline calibrate {run} --trials trials.txt",
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
) -> None:
    """Set the threshold of verify and identify on trials; it is kept in the run folder."""
    from bossline import api as verification
    from bossline.cli.tables.voices import threshold_table

    found = verification.calibrate(
        run, trials, false_accepts=false_accepts, score_norm=score_norm, device=device
    )
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


@app.command(rich_help_panel=PANEL, epilog="Example: `bossline identify RUN recording.wav`")
def identify(
    run: RunArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="or an utterance id")],
    device: DeviceOption = "auto",
) -> None:
    """Which enrolled speaker is it, if any?"""
    from bossline import api as verification
    from bossline.cli.tables.voices import candidates_table, threshold_table

    found = verification.identify(run, file, device=device)
    console.print(found.speaker, style="bold")
    console.print(candidates_table(found), "", sep="\n")
    if found.threshold is None:
        _print_uncalibrated(run, "who is unknown, so the nearest is named")
        return
    console.print(threshold_table(found.threshold))
    if len(found.candidates) > 1:
        console.print(
            f"these rates are of one comparison each; here are {len(found.candidates)}",
        )
