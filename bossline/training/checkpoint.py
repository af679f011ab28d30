"""Checkpoints: all that the next step depends on, in one file that is replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from bossline.corpora.ptfile import DamagedFile, check_archive
from bossline.errors import UserError
from bossline.files import replacing
from bossline.training.together import Stepper


@dataclass
class Progress:
    """How far a training has come.

    With model, average, optimiser and random state it is all that resuming needs: the order of
    batches and the learning rate are pure functions of it.
    """

    epoch: int = 0
    step: int = 0  # optimiser steps since the very beginning
    gains: list[float] = field(default_factory=list)  # of each validation; higher is better
    best_epoch: int = 0  # 1-based; 0 before the first validation
    seconds: float = 0.0  # training time, interruptions left out
    metrics_bytes: int = 0  # length of metrics.jsonl: what comes after is replayed


def save_checkpoint(
    path: Path,
    progress: Progress,
    model: nn.Module,
    average: nn.Module | None,
    optimiser: Stepper,
    tally: dict[str, Any],
    device: torch.device,
) -> None:
    """Replace the checkpoint of a run."""
    content = {
        "progress": vars(progress),
        "model": model.state_dict(),
        "average": average.state_dict() if average is not None else None,
        "optimiser": optimiser.state_dict(),
        "tally": tally,
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    with replacing(path) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # what torch makes of a full disk
            raise OSError(str(error).splitlines()[0]) from error


def load_checkpoint(
    path: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimiser: Stepper,
    device: torch.device,
) -> tuple[Progress, dict[str, Any]]:
    """Put model, average, optimiser and random state back; returns progress and the epoch's tally.

    Raises:
        UserError: damaged, or of another model.
    """
    try:
        check_archive(path)
        content = torch.load(path, map_location=device, weights_only=True)
        progress = Progress(**content["progress"])
    except (DamagedFile, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged checkpoint ({error}); start the run again") from error
    _fill(model, content["model"], path)
    if average is not None:
        _fill(average, content.get("average") or {}, path)
    optimiser.load_state_dict(content["optimiser"])
    torch.set_rng_state(content["random"].cpu())
    if content["random_cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(content["random_cuda"].cpu(), device)
    return progress, content["tally"]


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's parameters and buffers as safetensors."""
    with replacing(path) as temporary:
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, temporary)


def load_weights(path: Path, model: nn.Module) -> None:
    """
    Raises:
        UserError: missing, damaged, or of another model.
    """
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; the run has no finished epoch yet") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: damaged weights ({error})") from error
    _fill(model, weights, path)


def _fill(model: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in weights.items()}
    for key in sorted(own.keys() | given.keys()):
        if own.get(key) != given.get(key):
            raise UserError(
                f"{path} belongs to another model: {key} is {given.get(key, 'missing')} there, "
                f"{own.get(key, 'unknown')} in this run's recipe"
            )
    model.load_state_dict(weights)
