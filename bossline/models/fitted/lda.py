"""Linear discriminant analysis of frames in their context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from bossline.config import Config
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.discriminant import Discriminant
from bossline.models.fitted.moments import ClassMoments


class LdaConfig(Config):
    """Gaussian classes of one shared covariance; fitted in one pass."""

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = True

    kind: Literal["lda"] = "lda"
    shrinkage: float = Field(
        0.0, ge=0, le=1, description="how far the covariance moves to its diagonal"
    )

    def build(self, inputs: int, outputs: int) -> Lda:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return Lda(self, inputs, outputs)


class Lda(Fitted):
    """(B, inputs) -> (B, outputs) logits."""

    def __init__(self, config: LdaConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self._shrinkage, self._classes = config.shrinkage, outputs
        self.discriminant = Discriminant(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.discriminant(x)
        return logits

    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        moments = ClassMoments(self._classes).add_all(data)
        self.discriminant.solve(moments, self._shrinkage)
        return "one pass"
