"""The command line: one verb a function, thin. Nothing here imports torch before a verb runs."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bossline.cli import alignments, data, predicting, studies, training, voices
from bossline.cli.options import console, say
from bossline.core.errors import UserError, visible
from bossline.core.launch import launched
from bossline.version import __version__

# What a disk, its permissions or the system's limits refuse is the user's to mend, not ours.
_OF_THE_MACHINE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ESTALE,
    errno.EBUSY,
    errno.ENOTDIR,
    errno.EISDIR,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From the sample code to past the boss baseline, on your own machine.",
    epilog="First steps without data: `bossline synth --name toy`, then "
    "`bossline ladder phoneme --corpus toy`.",
)
for part in (data, training, predicting, studies, voices, alignments):
    app.add_typer(part.app)


def _version(asked: bool) -> None:
    if asked:
        console.print(f"bossline {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="and exit")
    ] = False,
    extensions: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="run a Python file of your own first, which registers models, schedules or tasks; "
            "it may also stand behind the verb",
        ),
    ] = None,
) -> None:
    if launched().world > 1 and (verb := context.invoked_subcommand) != "train":
        raise UserError(f"'bossline {verb}' is for one process: start it without torchrun")
    if extensions:
        from bossline.extensions import load_extension

        for path in extensions:
            load_extension(path)


def main() -> None:
    """The entry point: user errors become one message and exit code 2."""
    # Read where torch's OpenMP is loaded. As it comes, a thread that waits for another one keeps
    # its core busy for long, and a training beside any other process stalls. Without any spinning
    # small steps take a third longer on an idle machine: benchmarks/busy.py.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from bossline.training.signals import INTERRUPTED, Interrupted

    warnings.showwarning = partial(_warn, warnings.showwarning)
    try:
        app(_with_first(sys.argv[1:]))
    except UserError as error:
        say(f"error: {error}", style="red")
        sys.exit(2)
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        name = f"{error.filename}: " if isinstance(error.filename, str) else ""
        say(f"error: {name}{error.strerror}", style="red")
        sys.exit(2)
    except Interrupted as stop:
        say(str(stop))
        sys.exit(INTERRUPTED)


def _with_first(arguments: list[str]) -> list[str]:
    """Files of one's own before the verb, where every verb has them.

    >>> _with_first(["train", "my.yaml", "--with", "my_models.py", "-c", "toy"])
    ['--with', 'my_models.py', 'train', 'my.yaml', '-c', 'toy']
    """
    first, rest = [], list(arguments)
    while "--with" in rest[:-1]:
        place = rest.index("--with")
        first += rest[place : place + 2]
        del rest[place : place + 2]
    return first + rest


def _warn(
    others: Any, message: Warning | str, category: type[Warning], filename: str, *where: Any
) -> None:
    """Show a warning of bossline's own as one line; `others` shows those of libraries."""
    if Path(filename).is_relative_to(Path(__file__).parents[1]):
        say(f"note: {visible(str(message))}")
    else:
        others(message, category, filename, *where)
