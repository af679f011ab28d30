"""Deep or wide? The width at which an MLP of another depth has as many parameters."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bossline.core.errors import UserError
from bossline.data.store import open_corpus
from bossline.models.mlp import MlpConfig
from bossline.recipes import load_recipe
from bossline.tasks import task_of

FRAME, CLASSES = 39, 41  # numbers per frame and phones of the course's data


@dataclass(frozen=True)
class SizedMlp:
    """An MLP between so many inputs and outputs."""

    config: MlpConfig
    inputs: int
    outputs: int

    @property
    def parameters(self) -> int:
        """Counted on the model itself, which is built without memory."""
        with torch.device("meta"):
            model = self.config.build(self.inputs, self.outputs)
        return sum(parameter.numel() for parameter in model.parameters())

    def __str__(self) -> str:
        shape = f"{self.inputs} -> {self.config.depth} x {self.config.width} -> {self.outputs}"
        norm = "" if self.config.norm == "none" else f", {self.config.norm} norm"
        return f"{shape}{norm}: {self.parameters:,} parameters"

    def with_layers(self, layers: int) -> SizedMlp:
        """The MLP of so many hidden layers whose number of parameters is nearest to this one's."""
        exact = self._width_of(layers)
        near = {max(1, math.floor(exact)), max(1, math.ceil(exact))}
        there = [
            SizedMlp(
                self.config.model_copy(update={"depth": layers, "width": width}),
                self.inputs,
                self.outputs,
            )
            for width in sorted(near)
        ]
        return min(there, key=lambda mlp: abs(mlp.parameters - self.parameters))

    def _width_of(self, layers: int) -> float:
        """The real width d with (l - 1) d^2 + (inputs + outputs + k l) d + outputs parameters.

        k is 1 for the bias of a unit, 3 where a norm gives it a scale and a shift too. The root is
        written so that one layer, where the equation is linear, divides by no zero.
        """
        square = layers - 1
        linear = self.inputs + self.outputs + layers * (1 if self.config.norm == "none" else 3)
        constant = self.parameters - self.outputs
        return 2 * constant / (linear + math.sqrt(linear**2 + 4 * square * constant))


@dataclass(frozen=True)
class EqualSize:
    """A recipe's MLP, one of another depth and about equal size, and how to train that one."""

    like: SizedMlp
    found: SizedMlp
    command: str


def equal_size(
    recipe: str,
    layers: int,
    overrides: Sequence[str] = (),
    *,
    corpus: str | None = None,
    inputs: int | None = None,
    outputs: int | None = None,
) -> EqualSize:
    """Of which width an MLP must be to have another depth and the same number of parameters.

    Args:
        recipe: "phoneme/strong", or a path to a YAML file.
        layers: hidden layers wanted, at least 1.
        overrides: "model.width=1024" and the like, for the recipe.
        corpus: gives inputs and outputs; a name given at import, a folder, or its URL.
        inputs: numbers of a window; None: windows of 39-dimensional frames.
        outputs: classes; None: 41.

    Raises:
        UserError: the recipe's model is no MLP, inputs are given twice, or the corpus is none for
            the recipe.
    """
    if corpus is not None and (inputs is not None or outputs is not None):
        raise UserError("--corpus says how many inputs and outputs there are: leave those out")
    like = load_recipe(recipe, overrides)
    if not isinstance(like.model, MlpConfig):
        raise UserError(
            f"{recipe} trains a model of kind {like.model.kind}, and this is about an MLP over "
            "windows of frames: take a recipe with model.kind=mlp, as phoneme/strong"
        )
    if corpus is not None:
        opened = open_corpus(corpus)
        task_of(like).check(opened)
        inputs = like.batches.inputs(opened.header.features.dim)
        outputs = len(task_of(like).classes(opened))
    mlp = SizedMlp(like.model, inputs or like.batches.inputs(FRAME), outputs or CLASSES)
    found = mlp.with_layers(layers)
    kept = [o for o in overrides if not o.startswith(("model.depth=", "model.width="))]
    shape = [f"model.depth={layers}", f"model.width={found.config.width}"]
    command = ["bossline", "train", recipe, "--corpus", corpus or "NAME", *kept, *shape]
    return EqualSize(mlp, found, shlex.join(command))
