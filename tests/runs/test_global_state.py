"""Chance is the program's: what a run is asked leaves it where it was."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bossline import api
from bossline import api as verbs
from bossline.runs.run import Run

ASKED: dict[str, Callable[[], object]] = {
    "load": lambda: Run("runs/a").corpus(),
    "predict": lambda: api.predict("runs/a", "test", device="cpu"),
    "evaluate": lambda: api.evaluate("runs/a", device="cpu"),
    "ensemble": lambda: api.evaluate(["runs/a", "runs/a"], device="cpu"),
    "submit": lambda: api.submit("runs/a", "submission.csv", device="cpu"),
    "embed": lambda: verbs.embed("runs/a", ["test"], device="cpu"),
    "verify": lambda: verbs.verify("runs/a", "u00.pt", "u04.pt", device="cpu"),
    "trials": lambda: verbs.draw_trials("runs/a", count=8),
    "enroll": lambda: verbs.enroll("runs/a", "ann", ["u00.pt"], device="cpu"),
}


def drawn() -> list[float]:
    numpy = np.random.rand(3).tolist()  # noqa: NPY002 - the state that all share
    return [*torch.rand(3).tolist(), random.random(), *numpy]


def seed() -> None:
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002


@pytest.mark.usefixtures("speaker_run")
@pytest.mark.parametrize("what", ASKED)
def test_the_programs_chance_goes_on_as_if_nothing_had_happened(what: str) -> None:
    seed()
    drawn()  # so that a state that is set to the seed again shows
    expected = drawn()
    seed()
    drawn()
    ASKED[what]()
    assert drawn() == expected
