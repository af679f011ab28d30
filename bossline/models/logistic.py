"""Multinomial logistic regression over one context window."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.config import Config


class LogisticConfig(Config):
    """One linear layer with an L2 penalty, learnt by the recipe's optimiser.

    The penalty is part of the loss, so that every optimiser has the same optimum; weight decay
    would shrink the biases too.
    """

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = False

    kind: Literal["logistic"] = "logistic"
    c: float = Field(
        1.0,
        gt=0,
        description="the summed loss against half the squared weights; smaller is more penalty",
    )

    def build(self, inputs: int, outputs: int) -> Logistic:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return Logistic(self.c, inputs, outputs)


class Logistic(nn.Module):
    """(B, inputs) -> (B, outputs) logits, float32 whatever autocast says."""

    def __init__(self, c: float, inputs: int, outputs: int) -> None:
        super().__init__()
        self.c = c
        self.linear = nn.Linear(inputs, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = self.linear(x.float())
            return logits

    def penalty(self, count: int) -> Tensor:
        """What is added to the mean loss: |W|^2 / (2 c count), biases left out.

        With it the optimum is that of scikit-learn's LogisticRegression(C=c), for three classes
        or more: c times the summed loss, plus |W|^2 / 2.

        Args:
            count: vectors of the training split.
        """
        return self.linear.weight.square().sum() / (2 * self.c * count)
