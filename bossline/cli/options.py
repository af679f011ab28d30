"""Options and arguments that several verbs take, and the terminal that all write to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bossline.core.errors import UserError
from bossline.core.language import Language, language_of
from bossline.core.launch import speaks
from bossline.core.terminal import terminal

console = terminal()

CorpusOption = Annotated[
    str,
    typer.Option(
        "--corpus", "-c", metavar="NAME", help="name given at import, a folder, or its URL"
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads [default: all cores]")]
CompileOption = Annotated[
    Literal["off", "graphs", "inductor"],
    typer.Option(help="steps as CUDA graphs, or made kernels of by torch.compile"),
]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bfloat16"] | None,
    typer.Option(help="of forward passes [default: as the recipe says]"),
]
DeterministicOption = Annotated[
    bool,
    typer.Option(
        "--deterministic", help="algorithms only that give the same bits every time, on a GPU too"
    ),
]
SmoothingOption = Annotated[
    Literal["none", "median", "viterbi"] | None,
    typer.Option(help="of the posteriors [default: as the (first) run's recipe says]"),
]
DecodingOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="of strings, as in beam=16 or ngram.weight=0.5 [default: as the recipe says]",
    ),
]
RunArguments = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN", help="several answer by the mean of their log-probabilities or values"
    ),
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
LangOption = Annotated[
    Language | None,
    typer.Option(
        "--lang",
        help="of pages and tables of scores [default: BOSSLINE_LANG, or en]",
        callback=language_of,  # a slip in the environment, too, is told before anything is trained
    ),
]
FigureOption = Annotated[
    Path | None,
    typer.Option(
        "--figure",
        help="a picture of one recording, .png, .svg or .pdf: spectrum, words and phones",
    ),
]

JsonOption = Annotated[
    bool, typer.Option("--json", help="to standard output: one list, an object for each input")
]


YesOption = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]


def ask(what: str, yes: bool) -> None:
    """Ask before something is deleted.

    Raises:
        UserError: nobody is there to answer.
        Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"{what}: say --yes")
    typer.confirm(f"{what}?", abort=True)


def say(text: str, style: str | None = None) -> None:
    """To stderr, whatever it can show: names of files may be no UTF-8."""
    if not speaks():
        return
    errors = terminal(stderr=True)
    shown = text.encode(errors.encoding, "backslashreplace").decode(errors.encoding)
    errors.print(shown, style=style, soft_wrap=True)
