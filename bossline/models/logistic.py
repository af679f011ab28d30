"""Multinomial logistic regression, by gradient steps and by L-BFGS over the whole split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.sums import ClassMoments
from bossline.models.layers import OutputLayer, wide

# Multinomial logistic regression over one context window.


class LogisticConfig(ModelConfig):
    """One linear layer with an L2 penalty, learnt by the recipe's optimiser.

    The penalty is part of the loss, so that every optimiser has the same optimum.
    """

    takes: ClassVar[str] = "windows"

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
    """(B, inputs) -> (B, outputs) logits, in float32 at least whatever autocast says."""

    def __init__(self, c: float, inputs: int, outputs: int) -> None:
        super().__init__()
        self.c = c
        self.linear = OutputLayer(inputs, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = self.linear(wide(x))
            return logits

    def penalty(self, count: int) -> Tensor:
        """What is added to the mean loss: |W|^2 / (2 c count), biases left out.

        With it the optimum is that of scikit-learn's LogisticRegression(C=c), for three classes
        or more: c times the summed loss, plus |W|^2 / 2.

        Args:
            count: vectors of the training split.
        """
        return self.linear.weight.square().sum() / (2 * self.c * count)


# Logistic regression by L-BFGS over the whole training split, batch by batch.


_RAREST = 1e-9  # vectors of a class that has none, from which its bias starts
_ROUNDING = 1e-7  # a share of the mean; what varies less is a constant in float32
_FLATTEST = 1e-6  # of the largest variance of a direction; what varies less keeps small steps


class LogisticLbfgsConfig(ModelConfig):
    """The optimum of `logistic`, without learning rate and chance; a pass an evaluation."""

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = True

    kind: Literal["logistic-lbfgs"] = "logistic-lbfgs"
    c: float = Field(
        1.0,
        gt=0,
        description="the summed loss against half the squared weights; smaller is more penalty",
    )
    iterations: int = Field(200, ge=1, description="of L-BFGS, at most")
    tolerance: float = Field(
        1e-4, gt=0, description="of the gradient's largest component, where it may stop"
    )

    def build(self, inputs: int, outputs: int) -> LogisticLbfgs:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return LogisticLbfgs(self, inputs, outputs)


class LogisticLbfgs(Logistic, Fitted):
    """Logistic regression, fitted with line searches by strong Wolfe conditions.

    The search goes over the weights of uncorrelated columns of variance 1, where the loss curves
    about alike in all directions, which saves most of the passes. What it minimises is the loss
    with the penalty of the weights as they are.
    """

    def __init__(self, config: LogisticLbfgsConfig, inputs: int, outputs: int) -> None:
        super().__init__(config.c, inputs, outputs)
        self._iterations, self._tolerance = config.iterations, config.tolerance

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        moments = ClassMoments(self.linear.out_features).add_all(data)
        count = float(moments.counts.sum())
        middle, covariance = moments.overall
        scale, columns = _whitening(middle, covariance)
        start = moments.counts.clamp_min(_RAREST).div(count).log()
        strength = 1 / (self.c * count)
        searched = torch.zeros(len(start), len(middle) + 1, dtype=torch.float64).to(start.device)
        evaluations = 0

        def weight_and_bias() -> tuple[Tensor, Tensor]:
            """Of centred columns of variance 1."""
            return searched[:, 1:] @ columns.mT, start + searched[:, 0]

        def objective() -> Tensor:
            """Mean loss with penalty; sets the gradient."""
            nonlocal evaluations
            evaluations += 1
            weight, bias = weight_and_bias()
            loss = bias.new_zeros(())
            of_weight, of_bias = torch.zeros_like(weight), torch.zeros_like(bias)
            for x, labels in data:
                z = (x.double() - middle) * scale
                logs = torch.addmm(bias, z, weight.mT).log_softmax(1)
                true = labels.unsqueeze(1)
                loss -= logs.gather(1, true).sum()
                # The loss's derivative by a logit: the probability, less 1 at the true class.
                slopes = logs.exp_().scatter_add_(1, true, logs.new_full(true.shape, -1))
                of_weight += slopes.mT @ z
                of_bias += slopes.sum(0)
            of_weight = of_weight / count + strength * weight * scale.square()
            searched.grad = torch.cat([of_bias.unsqueeze(1) / count, of_weight @ columns], dim=1)
            return loss / count + strength * (weight * scale).square().sum() / 2

        search = torch.optim.LBFGS(
            [searched],
            max_iter=self._iterations,
            max_eval=2 * self._iterations,
            tolerance_grad=self._tolerance,
            tolerance_change=1e-12,
            history_size=20,
            line_search_fn="strong_wolfe",
        )
        search.step(objective)  # type: ignore[no-untyped-call]
        weight, bias = weight_and_bias()
        self.linear.weight.copy_(weight * scale)
        self.linear.bias.copy_(bias - (weight * scale) @ middle)
        assert searched.grad is not None
        slope = float(searched.grad.abs().max())
        account = f"{1 + evaluations} passes, largest slope {slope:.1e}"
        if slope <= self._tolerance:
            return account
        return (
            f"{account}, above model.tolerance={self._tolerance:g}: more model.iterations may help"
        )


def _whitening(mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """(D,) what makes variances 1, and (D, D) what then makes columns uncorrelated, nearly.

    The second can be inverted whatever the data, so that all weights can be reached.
    """
    deviation = covariance.diagonal().clamp_min(0).sqrt()
    scale = torch.where(deviation > _ROUNDING * mean.abs(), 1 / deviation, 1)
    values, vectors = torch.linalg.eigh(covariance * scale.outer(scale))
    return scale, vectors / values.clamp_min(_FLATTEST * float(values[-1].clamp_min(1))).sqrt()
