"""A small LibriPhone set to damage, and a hostile pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

LENGTHS = {"train": {"1-a-0": 7, "1-a-1": 1, "2-b-0": 12}, "test": {"3-c-0": 5, "3-c-1": 4}}


class Payload:
    """Creates its target when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    return Payload(tmp_path / "owned")


@pytest.fixture
def libriphone(tmp_path: Path) -> Path:
    path = tmp_path / "libriphone"
    rng = np.random.default_rng(1)
    for part, lengths in LENGTHS.items():
        (path / "feat" / part).mkdir(parents=True)
        (path / f"{part}_split.txt").write_text("".join(f"{id}\n" for id in lengths))
        for id, length in lengths.items():
            frames = torch.from_numpy(rng.standard_normal((length, 39)).astype(np.float32))
            torch.save(frames, path / "feat" / part / f"{id}.pt")
    lines = [
        " ".join([id, *map(str, rng.integers(0, 41, length))])
        for id, length in LENGTHS["train"].items()
    ]
    (path / "train_labels.txt").write_text("\n".join(lines) + "\n\n")
    return path
