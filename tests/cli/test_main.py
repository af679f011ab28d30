"""What ends a command: one line on stderr and an exit code."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
import warnings

import pytest

from bossline import cli
from bossline.core.errors import UserError


def ended_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and stderr, which takes UTF-8 only."""

    def fail(arguments: list[str]) -> None:
        raise error

    shown = io.BytesIO()
    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(shown, "utf-8", write_through=True))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert isinstance(stop.value.code, int)
    return stop.value.code, shown.getvalue().decode()


def test_a_name_that_is_no_utf8_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    name = b"r\xfcn/caf\xc3\xa9".decode("utf-8", "surrogateescape")
    code, said = ended_by(UserError(f"{name}: no such file"), monkeypatch)
    assert (code, said) == (2, "error: r\\udcfcn/café: no such file\n")


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EIO, errno.ENAMETOOLONG]
)
def test_what_the_machine_refuses_is_one_line(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = ended_by(OSError(number, "it will not", "runs/a"), monkeypatch)
    assert (code, said) == (2, "error: runs/a: it will not\n")
    assert ended_by(OSError(number, "it will not"), monkeypatch)[1] == "error: it will not\n"


def test_a_warning_of_its_own_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(arguments: list[str]) -> None:
        warnings.warn_explicit("a.wav: read to its end", UserWarning, cli.__file__, 7)
        warnings.warn_explicit("too old a driver", UserWarning, "elsewhere.py", 7)

    shown = io.StringIO()
    monkeypatch.setattr(cli, "app", warn)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(warnings, "showwarning", lambda *parts: shown.write(f"{parts[2]}\n"))
    cli.main()
    assert shown.getvalue() == "note: a.wav: read to its end\nelsewhere.py\n"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        cli.main()


def test_the_package_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bossline", "train", "phoneme/strnog", "-c", "toy"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: no recipe 'phoneme/strnog': did you mean 'phoneme/strong'?"
    )
