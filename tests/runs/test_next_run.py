"""Where a run goes that was given no folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.files import creating_folder
from bossline.runs.run import Run

SMALL = ("epochs=1", "batches.size=64", "model.width=8")

pytestmark = pytest.mark.usefixtures("toy")


def train() -> Run:
    return api.train("phoneme/simple", "toy", SMALL, device="cpu", console=Console(quiet=True))


def test_the_first_free_number_is_taken() -> None:
    for taken in ("1", "3"):
        Path("runs", f"phoneme-simple-toy-{taken}").mkdir(parents=True)
    Path("runs/phoneme-simple-toy-2").symlink_to("nowhere")
    assert train().path == Path("runs/phoneme-simple-toy-4")


def test_who_comes_second_takes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes the folder between the look and the creation."""
    first = Path("runs/phoneme-simple-toy-1")

    @contextmanager
    def beaten(path: Path) -> Iterator[Path]:
        with creating_folder(path) as folder:
            yield folder
            if not first.exists():
                first.mkdir()
                (first / "recipe.yaml").write_text("of the other")

    monkeypatch.setattr("bossline.runs.run.creating_folder", beaten)
    run = train()
    assert run.path == Path("runs/phoneme-simple-toy-2")
    assert run.info.state == "finished"
    assert {path.name for path in first.iterdir()} == {"recipe.yaml"}


def test_what_cannot_be_written_is_not_tried_for_ever() -> None:
    Path("runs").write_text("a file")
    with pytest.raises(UserError, match="cannot write runs/phoneme-simple-toy-1: "):
        train()
