"""The position-wise feed-forward network of a pre-norm Transformer."""

from __future__ import annotations

from torch import Tensor, nn

from bossline.models.dropout import Dropout
from bossline.models.linear import Linear


class FeedForward(nn.Module):
    """(B, T, width) -> (B, T, width): norm, linear, activation, linear; without the residual."""

    def __init__(
        self, width: int, multiplier: int, activation: nn.SiLU | nn.GELU, dropout: float
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            Linear(width, multiplier * width),
            activation,
            Dropout(dropout, inplace=True),
            Linear(multiplier * width, width),
            Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        transformed: Tensor = self.layers(x)
        return transformed
