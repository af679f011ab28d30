"""Checkpoints that are sound as archives and hold what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.models.layers import OutputLayer
from bossline.runs.run import Run
from bossline.training.optimiser_state import restore_optimiser
from bossline.training.optimisers import (
    AdagradConfig,
    AdamConfig,
    AdamWConfig,
    MuonConfig,
    OptimiserConfig,
    RmspropConfig,
    SgdConfig,
)

QUIET = Console(quiet=True)
SMALL = ("epochs=2", "batches.size=64", "model.width=8", "optimiser={kind: adamw, lr: 1e-2}")


def stopped() -> Run:
    def stop(epoch: int, score: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train(
            "phoneme/simple", "toy", SMALL, run="runs/r", device="cpu", threads=1, console=QUIET,
            watch=stop,
        )  # fmt: skip
    return Run("runs/r")


def put(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        node: Any = content
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


def without(*keys: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        node: Any = content
        for key in keys[:-1]:
            node = node[key]
        del node[keys[-1]]

    return change


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no progress": (without("progress"), "lacks progress"),
    "no tally": (without("tally"), "lacks tally"),
    "progress a list": (put("progress", value=[]), "progress: a list"),
    "unknown progress": (put("progress", "speed", value=1), "progress: .*speed"),
    "step a text": (put("progress", "step", value="3"), "progress: step: '3' is no int"),
    "step a float": (put("progress", "step", value=3.0), "progress: step"),
    "gains a number": (put("progress", "gains", value=0.5), "progress: gains"),
    "gains of texts": (put("progress", "gains", value=["a"]), "progress: gains"),
    "no gains": (put("progress", "gains", value=[]), "gains of 0 of 1 epochs"),
    "epoch -1": (put("progress", "epoch", value=-1), "progress: epoch -1"),
    "far ahead": (put("progress", "step", value=10**9), "progress: epoch 1 of 2 at step"),
    "best of the future": (put("progress", "best_epoch", value=2), "best_epoch 2 of 1"),
    "records that are not there": (put("progress", "metrics_bytes", value=10**6), "metrics.jsonl"),
    "other records": (put("progress", "metrics_sha256", value="0" * 64), "metrics.jsonl"),
    "model a list": (put("model", value=[]), "no tensors by name"),
    "weights of numbers": (put("model", "layers.0.bias", value=3), "no tensors by name"),
    "weights of integers": (
        put("model", "layers.0.bias", value=torch.zeros(8, dtype=torch.int64)),
        "belongs to another model: layers.0.bias",
    ),
    "no optimiser": (put("optimiser", value={}), "optimiser: expected param_groups and state"),
    "no groups": (put("optimiser", "param_groups", value=[]), "expected 1 param_groups"),
    "other betas": (put("optimiser", "param_groups", 0, "betas", value="x"), "betas is 'x'"),
    "other shape": (
        put("optimiser", "state", 0, "exp_avg", value=torch.zeros(3)),
        r"exp_avg of parameter 0 has shape \(3,\)",
    ),
    "no moment": (without("optimiser", "state", 1, "exp_avg_sq"), "parameter 1 has step, exp_avg,"),
    "state of nobody": (put("optimiser", "state", 99, value={}), "a state of parameter 99"),
    "short random": (put("random", value=torch.zeros(3, dtype=torch.uint8)), "random: no state"),
    "random a text": (put("random", value="x"), "random: no state"),
    "tally a list": (put("tally", value=[]), "tally: a list"),
    "empty tally": (put("tally", value={}), "expected _loss"),
    "tally of other sums": (put("tally", "_recent", value=torch.zeros(77)), "_recent: expected"),
    "tally beyond its end": (put("tally", "_recent_steps", value=9999), "_recent_steps: 9999"),
}


def test_what_does_not_fit_is_named_before_a_step(toy: Corpus) -> None:
    run = stopped()
    whole, records = run.checkpoint.read_bytes(), (run.path / "metrics.jsonl").read_bytes()
    for name, (change, message) in CHANGES.items():
        run.checkpoint.write_bytes(whole)
        content = torch.load(run.checkpoint, weights_only=True)
        change(content)
        torch.save(content, run.checkpoint)
        try:
            api.resume(run.path, console=QUIET)
        except UserError as error:
            said = str(error)
        else:
            pytest.fail(f"{name} was taken")
        assert re.search(message, said), (name, said)
        assert "runs/r/" in said, name
        assert (run.path / "metrics.jsonl").read_bytes() == records, name
    run.checkpoint.write_bytes(whole)
    assert api.resume(run.path, console=QUIET).info.state == "finished"


def test_damaged_best_weights_are_found_before_a_step(toy: Corpus) -> None:
    run = stopped()
    content = bytearray(run.best_weights.read_bytes())
    content[-1] ^= 1
    run.best_weights.write_bytes(content)
    with pytest.raises(UserError, match=r"best\.safetensors is damaged"):
        api.resume(run.path, console=QUIET)


@pytest.mark.parametrize(
    "config",
    [
        SgdConfig(lr=0.1), SgdConfig(lr=0.1, momentum=0), AdagradConfig(lr=0.1),
        RmspropConfig(lr=0.1), RmspropConfig(lr=0.1, momentum=0.5), AdamConfig(lr=0.1),
        AdamWConfig(lr=0.1), MuonConfig(lr=0.1),
        SgdConfig(lr=0.1, weight_decay=0.5), AdamWConfig(lr=0.1, weight_decay=0.5),
        MuonConfig(lr=0.1, weight_decay=0.5),
    ],
    ids=lambda config: config.kind,
)  # fmt: skip
def test_every_optimiser_goes_on_as_torch_itself_would(
    config: OptimiserConfig, tmp_path: Path
) -> None:
    """Two more steps from a stored state are the steps of the optimiser that was never stored."""

    def step(model: torch.nn.Module, optimiser: Any) -> None:
        optimiser.zero_grad()
        model(torch.arange(6.0).reshape(2, 3)).square().sum().backward()
        optimiser.step()

    models = [nn.Sequential(nn.Linear(3, 4), OutputLayer(4, 2)) for _ in range(2)]
    optimisers = [config.build(model) for model in models]
    step(models[0], optimisers[0])
    torch.save(optimisers[0].state_dict(), tmp_path / "state.pt")
    models[1].load_state_dict(models[0].state_dict())
    restore_optimiser(optimisers[1], torch.load(tmp_path / "state.pt", weights_only=True))
    for model, optimiser in zip(models, optimisers, strict=True):
        step(model, optimiser)
        step(model, optimiser)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_state_from_when_all_decayed_and_muon_took_every_matrix_is_refused() -> None:
    """It would belong to other parameters than those whose turn it is now."""
    model = nn.Sequential(nn.Linear(3, 4), OutputLayer(4, 2))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    adamw = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    for decay in (0.5, 0.0):
        muon = torch.optim.Muon(
            matrices, lr=0.1, weight_decay=decay, adjust_lr_fn="match_rms_adamw"
        )
        rest = torch.optim.AdamW(vectors, lr=0.1, weight_decay=decay, fused=True)
        muon.step()  # type: ignore[no-untyped-call]
        rest.step()
        state = {"members": [muon.state_dict(), rest.state_dict()]}
        now = MuonConfig(lr=0.1, weight_decay=decay).build(model)
        with pytest.raises(ValueError, match=r"params is \[0, 1\], expected \[0\]|groups, found 1"):
            restore_optimiser(now, state)
    adamw.step()
    with pytest.raises(ValueError, match="expected 2 param_groups, found 1"):
        restore_optimiser(AdamWConfig(lr=0.1, weight_decay=0.5).build(model), adamw.state_dict())


def test_a_state_without_decay_fits_as_ever() -> None:
    model = nn.Sequential(nn.Linear(3, 4), OutputLayer(4, 2))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    former = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.0, fused=True)
    former.step()
    now = AdamWConfig(lr=0.1).build(model)
    restore_optimiser(now, former.state_dict())
    moments = [now.state_dict()["state"][n]["exp_avg"] for n in range(4)]
    for moment, parameter in zip(moments, model.parameters(), strict=True):
        assert torch.equal(moment, former.state[parameter]["exp_avg"])
