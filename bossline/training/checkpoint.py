"""Checkpoints: all that the next step depends on, in one file that is replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from bossline.core.archives import check_archive
from bossline.core.errors import UserError
from bossline.core.files import replacing
from bossline.core.reading import check_file, read_bytes, reason
from bossline.training.optimiser_state import restore_optimiser
from bossline.training.optimisers import Stepper


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
    metrics_sha256: str = ""  # of so much of it


_MEMBERS = {"progress", "model", "optimiser", "tally", "random", "random_cuda"}


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
        check_file(path)
        check_archive(path)
        content = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {reason(error)}") from error
    except Exception as error:  # torch raises what its unpickler stumbles over, of any type
        raise _unusable(path, str(error).partition("\n")[0]) from error
    if not isinstance(content, dict) or (lacking := _MEMBERS - content.keys()):
        found = f"lacks {', '.join(sorted(lacking))}" if isinstance(content, dict) else "no dict"
        raise _unusable(path, found)
    progress = _progress(content["progress"], path)
    _fill(model, content["model"], path)
    if average is not None:
        _fill(average, content.get("average") or {}, path)
    try:
        restore_optimiser(optimiser, content["optimiser"])
    except ValueError as error:
        raise _unusable(path, f"optimiser: {error}") from error
    try:
        torch.set_rng_state(content["random"].cpu())
        if content["random_cuda"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(content["random_cuda"].cpu(), device)
    except (AttributeError, TypeError, RuntimeError) as error:
        raise _unusable(path, "random: no state of torch's random numbers") from error
    if not isinstance(content["tally"], dict):
        raise _unusable(path, f"tally: a {type(content['tally']).__name__}, expected sums")
    return progress, content["tally"]


def _progress(found: Any, path: Path) -> Progress:
    if not isinstance(found, dict):
        raise _unusable(path, f"progress: a {type(found).__name__}")
    try:
        progress = Progress(**found)
    except TypeError as error:
        raise _unusable(path, f"progress: {error}") from error
    for key, default in vars(Progress()).items():
        value = getattr(progress, key)
        if type(value) is not type(default):
            raise _unusable(path, f"progress: {key}: {value!r:.40} is no {type(default).__name__}")
    if any(type(gain) is not float for gain in progress.gains):
        raise _unusable(path, "progress: gains: expected numbers")
    return progress


def _unusable(path: Path, why: str) -> UserError:
    return UserError(f"{path}: damaged checkpoint ({why}); start the run again")


def weights_of(state: Mapping[str, torch.Tensor]) -> bytes:
    """A model's parameters and buffers, its `state_dict()`, as safetensors."""
    return save({key: value.contiguous() for key, value in state.items()})


def load_weights(path: Path, model: nn.Module) -> None:
    """
    Raises:
        UserError: missing, damaged, or of another model.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; the run has no finished epoch yet") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    fill_weights(model, content, path)


def read_weights(content: bytes) -> dict[str, torch.Tensor]:
    """What `weights_of` gave; float32 too where they were rounded to float16 to be passed on.

    Raises:
        ValueError: damaged.
    """
    try:
        weights = load(content)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(str(error)) from error
    return {
        key: value.float() if value.dtype == torch.float16 else value
        for key, value in weights.items()
    }


def fill_weights(model: nn.Module, content: bytes, path: Path) -> None:
    """
    Args:
        content: what `weights_of` gave.
        path: where it comes from, for errors.

    Raises:
        UserError: damaged, or of another model.
    """
    try:
        weights = read_weights(content)
    except ValueError as error:
        raise UserError(f"{path}: damaged weights ({error})") from error
    _fill(model, weights, path)


def _fill(model: nn.Module, weights: Any, path: Path) -> None:
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in weights.items()
    ):
        raise UserError(f"{path}: damaged weights (no tensors by name)")
    own, given = _kinds(model.state_dict()), _kinds(weights)
    for key in sorted(own.keys() | given.keys()):
        if own.get(key) != given.get(key):
            raise UserError(
                f"{path} belongs to another model: {key} is {given.get(key, 'missing')} there, "
                f"{own.get(key, 'unknown')} in this run's recipe"
            )
    model.load_state_dict(weights)


def _kinds(tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """Shape of each tensor, and its type where it is not the usual one."""
    return {
        key: f"{tuple(value.shape)}" + (f" {value.dtype}" if value.dtype != torch.float32 else "")
        for key, value in tensors.items()
    }
