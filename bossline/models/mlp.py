"""A multi-layer perceptron over one context window."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from bossline.core.config import MOST_LAYERS
from bossline.models.base import ModelConfig
from bossline.models.layers import Dropout, OutputLayer

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class MlpConfig(ModelConfig):
    """depth x (linear, norm, activation, dropout), then one linear layer to the classes."""

    takes: ClassVar[str] = "windows"

    kind: Literal["mlp"] = "mlp"
    depth: int = Field(2, ge=1, le=MOST_LAYERS, description="hidden layers")
    width: int = Field(64, ge=1, description="units of each hidden layer")
    activation: Literal["sigmoid", "tanh", "relu", "leaky-relu", "gelu", "silu"] = Field(
        "relu", description="of each hidden layer"
    )
    norm: Literal["none", "batch", "layer"] = Field("none", description="before each activation")
    dropout: float = Field(0.0, ge=0, lt=1, description="after each hidden layer")
    dropout_at: Literal["before", "after"] = Field(
        "after", description="before or after the activation"
    )

    def build(self, inputs: int, outputs: int) -> Mlp:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return Mlp(self, inputs, outputs)


class Mlp(nn.Module):
    """(B, inputs) -> (B, outputs) logits."""

    def __init__(self, config: MlpConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(config.depth):
            layers += [nn.Linear(inputs, config.width), *_after_linear(config)]
            inputs = config.width
        self.layers = nn.Sequential(*layers, OutputLayer(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


def _after_linear(config: MlpConfig) -> list[nn.Module]:
    norms: dict[str, list[nn.Module]] = {
        "none": [],
        "batch": [nn.BatchNorm1d(config.width)],
        "layer": [nn.LayerNorm(config.width)],
    }
    activation = _ACTIVATIONS[config.activation]()
    dropout: list[nn.Module] = [Dropout(config.dropout)] if config.dropout else []
    if config.dropout_at == "before":
        return [*norms[config.norm], *dropout, activation]
    return [*norms[config.norm], activation, *dropout]
