"""Which parameters of every model decay, and which of them Muon steps, seen by what a step does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from bossline.models.encoders import EncoderConfig
from bossline.models.encoders.layers import MaskedBatchNorm
from bossline.models.heads import HeadConfig
from bossline.models.pooling import PoolingConfig
from bossline.recipes import catalogue, load_recipe
from bossline.training.optimisers import MuonConfig, OptimiserConfig
from tests.kinds import MODELS as CONFIGS
from tests.kinds import kinds

INPUTS, OUTPUTS = 12, 5
LR, DECAY = 0.01, 0.1

ATTENTION = {"depth": 1, "width": 8, "heads": 2, "feed_forward": 2}
TDNN = {"kind": "tdnn", "width": 8}


def tagger(**encoder: Any) -> dict[str, Any]:
    return {"kind": "tagger", "frame_stack": 2, "encoder": encoder}


def speaker(**keys: Any) -> dict[str, Any]:
    return {"kind": "speaker", "embedding": 6, "encoder": TDNN} | keys


# Of each model that learns by steps: its config, and the weights of its output layers.
MODELS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "window-tagger": (
        {"kind": "window-tagger", "frames": 1, "encoder": {"kind": "rnn", "width": 8}},
        {"output.weight"},
    ),
    "mlp": ({"kind": "mlp", "depth": 2, "width": 8, "norm": "batch"}, {"layers.6.weight"}),
    "mlp, layer norm": (
        {"kind": "mlp", "depth": 1, "width": 8, "norm": "layer"},
        {"layers.3.weight"},
    ),
    "logistic": ({"kind": "logistic"}, {"linear.weight"}),
    "rnn": (
        tagger(kind="rnn", depth=2, width=8, norm="layer", front=3, front_width=6),
        {"output.weight"},
    ),
    "transformer": (tagger(kind="transformer", **ATTENTION), {"output.weight"}),
    "conformer": (tagger(kind="conformer", kernel=3, **ATTENTION), {"output.weight"}),
    "smoother": (tagger(kind="smoother", kernel=3, **ATTENTION), {"output.weight"}),
    "tdnn": (tagger(norm="layer", **TDNN), {"output.weight"}),
    "ecapa": (
        speaker(encoder={"kind": "ecapa", "channels": 16, "aggregated": 16}),
        {"head.layers.weight"},
    ),
    "subsample": (
        speaker(encoder={"kind": "subsample", "channels": 4, "blocks": 1, "encoder": TDNN}),
        {"head.layers.weight"},
    ),
    "mlp head": (speaker(head={"kind": "mlp", "width": 7}), {"head.layers.2.weight"}),
    "am-softmax": (speaker(head={"kind": "am-softmax"}), {"head.weight"}),
    "aam-softmax": (speaker(head={"kind": "aam-softmax", "subcentres": 2}), {"head.weight"}),
    **{
        pooling: (speaker(pooling={"kind": pooling} | keys), {"head.layers.weight"})
        for pooling, keys in {
            "mean": {},
            "statistics": {},
            "self-attention": {},
            "multi-head": {"heads": 2},
            "attentive-statistics": {"bottleneck": 4},
            "correlation": {"channels": 3},
        }.items()
    },
    **{
        f"transcriber, {decoder['kind']}": (
            {"kind": "transcriber", "frames": True, "encoder": TDNN, "decoder": decoder},
            {"ctc.weight", "frames.weight", "decoder.output.weight"},
        )
        for decoder in (
            {"kind": "transformer", **ATTENTION},
            {"kind": "lstm", "width": 8, "attention_width": 6, "filters": 2, "kernel": 3},
        )
    },
    "committee": (
        {
            "kind": "committee",
            "members": [{"kind": "speaker-lda"}, speaker(), speaker(head={"kind": "am-softmax"})],
        },
        {"members.1.head.layers.weight", "members.2.head.weight"},
    ),
    "regressor": ({"kind": "regressor", "network": {"kind": "linear"}}, {"network.weight"}),
    "regressor, skip": (
        {
            "kind": "regressor",
            "skip": True,
            "network": {"kind": "mlp", "depth": 1, "width": 8},
        },
        {"network.layers.2.weight", "skip.weight"},
    ),
    "cnn": ({"kind": "cnn", "width": 4, "depth": 2, "hidden": [8]}, {"layers.3.weight"}),
    "resnet": (
        {"kind": "resnet", "widths": [8, 16], "blocks": [1, 1], "squeeze_excitation": True},
        {"output.weight"},
    ),
    "convnext": ({"kind": "convnext", "widths": [8, 16], "blocks": [1, 1]}, {"output.weight"}),
}  # fmt: skip


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    keys = MODELS[name][0]
    config = CONFIGS[keys["kind"]].model_validate(keys)
    model: nn.Module = config.build(INPUTS, 1 if config.kind == "regressor" else OUTPUTS)
    with torch.no_grad():
        for parameter in model.parameters():  # at 0 nothing decays, and 1 hides a bias
            parameter.copy_(torch.rand(parameter.shape) + 0.5)
    return model


def optimiser(kind: str, weight_decay: float) -> Any:
    return TypeAdapter(OptimiserConfig).validate_python(
        {"kind": kind, "lr": LR, "weight_decay": weight_decay}
    )


def stepped(model: nn.Module, config: Any, gradient: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Of what wants a gradient, by name: before and after one step."""
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    for parameter in model.parameters():
        parameter.grad = gradient(parameter)
    config.build(model).step()
    return {n: (before[n], model.get_parameter(n).detach()) for n in before}


NORMS = nn.modules.batchnorm._BatchNorm | nn.LayerNorm | MaskedBatchNorm


def weights(model: nn.Module) -> set[str]:
    """All but what belongs to a norm, is called a bias, or scales the channels of a block."""
    return {
        f"{path}.{name}".lstrip(".")
        for path, module in model.named_modules()
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.requires_grad
        and not isinstance(module, NORMS)
        and not name.startswith("bias")
        and name != "scale"
    }


def test_every_model_is_here() -> None:
    def named(node: Any) -> set[str]:
        if isinstance(node, dict):
            return set().union(*map(named, node.values())) | {node.get("kind", "")}
        return set().union(*map(named, node)) if isinstance(node, list) else set()

    here = named([config for config, _ in MODELS.values()]) | {"linear"}
    assert {kind for kind, config in CONFIGS.items() if not config.fitted} <= here
    for union in (EncoderConfig, HeadConfig, PoolingConfig):
        assert kinds(union) <= here


@pytest.mark.parametrize("name", MODELS)
def test_weights_decay_and_nothing_else_does(name: str) -> None:
    for kind in ("adamw", "muon"):
        model = built(name)
        expected = weights(model)
        assert 0 < len(expected) < len(list(model.parameters()))
        steps = stepped(model, optimiser(kind, DECAY), torch.zeros_like)
        for parameter, (before, after) in steps.items():
            factor = 1 - LR * DECAY if parameter in expected else 1
            torch.testing.assert_close(after, factor * before, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", ["sgd", "adagrad", "rmsprop", "adam", "adamw", "muon"])
def test_what_decays_does_not_depend_on_the_optimiser(kind: str) -> None:
    model = built("convnext")
    expected = weights(model)
    steps = stepped(model, optimiser(kind, DECAY), torch.zeros_like)
    moved = {name for name, (before, after) in steps.items() if not torch.equal(before, after)}
    assert moved == expected
    steps = stepped(model, optimiser(kind, 0.0), torch.zeros_like)
    assert all(torch.equal(before, after) for before, after in steps.values())


@pytest.mark.parametrize("name", MODELS)
def test_muon_takes_hidden_matrices_and_no_output_layer(name: str) -> None:
    """AdamW's first step moves every number by the learning rate; Muon's does not."""
    model, outputs = built(name), MODELS[name][1]
    assert outputs <= {n for n, _ in model.named_parameters()}
    torch.manual_seed(1)
    steps = stepped(model, optimiser("muon", 0.0), torch.randn_like)
    by_adamw = {
        parameter
        for parameter, (before, after) in steps.items()
        if bool(((after - before).abs() / LR - 1).abs().max() < 1e-3)
    }
    matrices = {n for n in steps if model.get_parameter(n).dim() == 2}
    # A head has one query, a symbol one embedding, and sees no other's.
    vectors_side_by_side = {"pooling.queries", "decoder.embed.weight"}
    assert steps.keys() - by_adamw == matrices - outputs - vectors_side_by_side


def test_two_steps_are_those_of_the_papers() -> None:
    """Of AdamW (arXiv 1711.05101, algorithm 2) by hand, a bias without its decay."""
    model = nn.Linear(3, 2).double()
    config = optimiser("adamw", DECAY)
    stepper = config.build(model)
    rng = np.random.default_rng(0)
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    expected = {n: p.detach().numpy().copy() for n, p in model.named_parameters()}
    first = {n: np.zeros_like(x) for n, x in expected.items()}
    second = {n: np.zeros_like(x) for n, x in expected.items()}
    for step in (1, 2):
        for name, x in expected.items():
            g = rng.normal(size=x.shape)
            model.get_parameter(name).grad = torch.from_numpy(g.copy())
            first[name] = beta1 * first[name] + (1 - beta1) * g
            second[name] = beta2 * second[name] + (1 - beta2) * g**2
            direction = (first[name] / (1 - beta1**step)) / (
                np.sqrt(second[name] / (1 - beta2**step)) + epsilon
            )
            decay = DECAY * x if name == "weight" else 0
            expected[name] = x - LR * (direction + decay)
        stepper.step()
    for name, x in expected.items():
        np.testing.assert_allclose(model.get_parameter(name).detach().numpy(), x, rtol=1e-12)


@pytest.mark.parametrize("name", catalogue.names())
def test_the_optimisers_of_recipes_take_every_parameter_once(name: str) -> None:
    recipe = load_recipe(name)
    if recipe.optimiser is None:
        return
    with torch.device("meta"):
        model = recipe.model.build(recipe.batches.inputs(96), 1 if recipe.task == "covid" else 9)
    stepper = recipe.optimiser.build(model)
    taken = [id(p) for group in stepper.param_groups for p in group["params"]]
    assert sorted(taken) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    assert {g["weight_decay"] for g in stepper.param_groups} <= {0, recipe.optimiser.weight_decay}
    if isinstance(recipe.optimiser, MuonConfig):
        assert len(stepper.param_groups) == 3
