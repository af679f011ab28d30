"""Files of the user's own: models, schedules and tasks that bossline does not know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.extensions import load_extension
from bossline.models.mlp import MlpConfig
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.tasks import register_model, register_schedule
from bossline.training.schedules import StepConfig

MINE = """
from typing import Any, ClassVar, Literal

from torch import nn

import bossline
from bossline.core.config import Config
from bossline.models.base import ModelConfig


class PerceptronConfig(ModelConfig):
    takes: ClassVar[str] = "windows"
    kind: Literal["perceptron"] = "perceptron"
    bias: bool = True

    def build(self, inputs: int, outputs: int, /, *more: Any) -> nn.Module:
        return nn.Linear(inputs, outputs, bias=self.bias)


class HalvingConfig(Config):
    kind: Literal["halving"] = "halving"
    every: int = 2

    def factor(self, step: int, span: Any, scores: Any = ()) -> float:
        return 0.5 ** (step // span.steps_per_epoch // self.every)


bossline.register_model("phoneme", PerceptronConfig)
bossline.register_schedule(HalvingConfig)
"""
RECIPE = """
task: phoneme
epochs: 4
batches: {kind: windows, frames: 3, size: 64}
model: {kind: perceptron}
optimiser: {kind: sgd, lr: 0.1}
schedule: {kind: halving, every: 1}
"""


def bossline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from bossline.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def mine(toy: Corpus) -> Path:
    Path("mine.py").write_text(MINE)
    Path("mine.yaml").write_text(RECIPE)
    return Path("mine.py")


def test_a_file_of_ones_own_trains_and_predicts(mine: Path) -> None:
    done = bossline(
        "train", "mine.yaml", "--with", "mine.py", "-c", "toy", "--run", "runs/a", "--threads", "1"
    )
    assert done.returncode == 0, done.stderr
    told = bossline("--with", "mine.py", "predict", "runs/a", "test", "-o", "p.csv")
    assert told.returncode == 0, told.stderr
    assert "mine.py" in Path("runs/a/run.json").read_text()
    rates = [line for line in Path("runs/a/log.txt").read_text().splitlines() if "lr" in line]
    assert ["1.00e-01" in rates[0], "1.25e-02" in rates[3]] == [True, True]
    without = bossline("predict", "runs/a", "test", "-o", "p.csv")
    assert without.returncode == 2
    assert "the run was made with mine.py: name the file, --with FILE" in without.stderr


def test_nothing_that_is_read_names_a_file_to_run(mine: Path) -> None:
    Path("hostile.yaml").write_text(f"{RECIPE}with: mine.py\n")
    with pytest.raises(UserError, match="with: unknown key"):
        load_recipe("hostile.yaml")
    with pytest.raises(UserError, match="no kind 'perceptron'"):
        load_recipe("mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1 +", r"bad\.py line 1: SyntaxError"),
        ("\n\nraise RuntimeError('why')", r"bad\.py line 3: RuntimeError: why"),
        ("import nowhere", r"bad\.py line 1: ModuleNotFoundError"),
    ],
)
def test_a_file_that_fails_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(UserError, match=message):
        load_extension(tmp_path / "bad.py")


def test_no_such_file_and_no_such_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_extension(tmp_path / "none.py")
    with pytest.raises(UserError, match="no task 'phonem'"):
        register_model("phonem", MlpConfig)
    with pytest.raises(ValueError, match="a kind 'mlp' already"):
        register_model("phoneme", MlpConfig)
    with pytest.raises(ValueError, match="a kind 'step' already"):
        register_schedule(StepConfig)


def test_a_run_of_ones_own_is_not_read_without(mine: Path) -> None:
    assert bossline("train", "mine.yaml", "-c", "toy").returncode == 2
    assert not Path("runs").exists()
    with pytest.raises(UserError, match="no run in"):
        Run("runs/a")
