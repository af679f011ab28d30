"""The command line: one verb a function, thin. Nothing here imports torch before a verb runs."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer
from rich.console import Console

from bossline.cli import data, studies, training, voices
from bossline.cli.options import console
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
for part in (data, training, studies, voices):
    app.add_typer(part.app)


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


def main() -> None:
    """The entry point: user errors become one message and exit code 2."""
    from bossline.training.signals import INTERRUPTED, Interrupted

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
        sys.exit(INTERRUPTED)
