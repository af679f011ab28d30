"""A model that cannot fit is refused before it is built, and what runs out of memory is said."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from bossline import api
from bossline.core.errors import UserError
from bossline.core.memory import bounded_weights, exhaustion_named, physical_memory
from bossline.data.packed import Corpus

QUIET = Console(quiet=True)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model.width=1000000000",),
        ("model.width=9000000000000000000",),
        ("model.depth=300", "model.width=100000"),
    ],
)
def test_giants_are_refused_at_once(toy: Corpus, overrides: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    with pytest.raises(UserError, match="too large for the machine"):
        api.train("phoneme/strong", "toy", overrides, device="cpu", console=QUIET)
    assert time.process_time() - began < 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown << 10 < physical_memory() // 3


@pytest.mark.parametrize("override", ["model.depth=100000", "batches.frames=1000000001"])
def test_no_network_is_so_deep_and_no_window_so_wide(toy: Corpus, override: str) -> None:
    with pytest.raises(UserError, match=f"{override.partition('=')[0]}: .*less than or equal"):
        api.train("phoneme/strong", "toy", (override,), device="cpu", console=QUIET)


def test_counting_changes_no_weight() -> None:
    def build() -> nn.Module:
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(7, 5), nn.LSTM(5, 4, bidirectional=True))

    with bounded_weights():
        counted = build()
    for one, other in zip(counted.parameters(), build().parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    "exhaust", [lambda: np.empty(1 << 60, np.uint8), lambda: torch.empty(1 << 60)]
)
def test_exhaustion_is_one_line(exhaust: Callable[[], object]) -> None:
    with (
        pytest.raises(UserError, match=r"not enough memory.*: take less"),
        exhaustion_named("take less"),
    ):
        exhaust()


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), exhaustion_named("?"):
        torch.zeros(2, 3) @ torch.zeros(2, 3)


def test_models_are_built_without_torch_s_compiler() -> None:
    """Importing it takes seconds, which an answer need not wait for."""
    code = (
        "import sys, torch\n"
        "from bossline.core.memory import bounded_weights\n"
        "with bounded_weights(): torch.nn.Linear(3, 3); torch.tensor([1.0])\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
