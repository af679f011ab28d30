"""Squeeze-and-excitation (Hu et al. 2018, arXiv 1709.01507)."""

from __future__ import annotations

from torch import Tensor, nn

from bossline.models.images.layout import mean_pixel

_REDUCTION = 16
_NARROWEST = 8


class SqueezeExcitation(nn.Module):
    """(B, C, H, W) -> the same shape: channels scaled by what their means say.

    The bottleneck has the paper's sixteenth of the channels, but at least 8 units.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        bottleneck = max(channels // _REDUCTION, _NARROWEST)
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale: Tensor = self.excite(self.squeeze(mean_pixel(x)).relu()).sigmoid()
        return x * scale[:, :, None, None]
