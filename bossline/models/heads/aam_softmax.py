"""Additive angular margin softmax, ArcFace (Deng et al. 2019, arXiv 1801.07698)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bossline.models.heads.margin import MarginConfig, MarginHead

_SMALLEST_SQUARED_SINE = 1e-7  # about the rounding error of a float32 cosine near 1


class AamSoftmaxConfig(MarginConfig):
    """Cross entropy of scale x cosine, a margin added to the true class's angle."""

    kind: Literal["aam-softmax"] = "aam-softmax"
    margin: float = Field(
        0.2, ge=0, lt=math.pi / 2, description="added to the angle, radians, under pi / 2"
    )

    def build(self, inputs: int, classes: int) -> AamSoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        return AamSoftmaxHead(self, inputs, classes)


class AamSoftmaxHead(MarginHead):
    """The true class counts as cos(angle + margin).

    Beyond pi - margin that would rise again; there it is cos(angle) - margin x sin(margin), which
    keeps falling (ArcFace without its easy margin). No arc cosine is taken: its gradient is
    infinite at 0 and pi, and so is that of the sine, which is therefore clamped.
    """

    def target(self, cosines: Tensor, margin: float) -> Tensor:
        squared_sines = (1 - cosines) * (1 + cosines)
        sines = squared_sines.clamp(min=_SMALLEST_SQUARED_SINE).sqrt()
        turned = cosines * math.cos(margin) - sines * math.sin(margin)
        falling = cosines - margin * math.sin(margin)
        return torch.where(cosines > -math.cos(margin), turned, falling)
