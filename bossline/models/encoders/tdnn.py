"""A time-delay neural network: dilated convolutions over the frames."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.core.config import Config
from bossline.models.encoders.layers import Encoder, Kernel, MaskedBatchNorm, TimeConvolution
from bossline.models.layers import Dropout

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


class TdnnConfig(Config):
    """A layer a dilation: convolution, norm, activation, dropout; residual from the second on."""

    kind: Literal["tdnn"] = "tdnn"
    kernel: Kernel = Field(3, description="frames that a convolution sees, odd")
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 1, 2, 3, 4), min_length=1, description="steps between those frames, layer by layer"
    )
    width: int = Field(256, ge=1, description="channels of each layer")
    norm: Literal["batch", "layer"] = Field("batch", description="after each convolution")
    activation: Literal["relu", "gelu", "silu"] = Field("relu", description="after each norm")
    dropout: float = Field(0.0, ge=0, lt=1, description="after each activation")

    def build(self, inputs: int) -> Tdnn:
        """
        Args:
            inputs: numbers per frame.
        """
        return Tdnn(self, inputs)


class Tdnn(Encoder):
    """(B, T, inputs) -> (B, T, width). Waibel et al. 1989; Peddinti et al., Interspeech 2015.

    An output sees 1 + (kernel - 1) x (sum of dilations) frames, at a fraction of what a window of
    as many frames costs: neighbouring frames share the lower layers.
    """

    def __init__(self, config: TdnnConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        first, *others = config.dilations
        self.first = _Layer(config, inputs, first)
        self.others = nn.ModuleList(_Layer(config, config.width, step) for step in others)

    def forward(self, batch: Padded) -> Padded:
        x = self.first(batch.frames, batch.padding)
        for layer in self.others:
            x = x + layer(x, batch.padding)
        return batch.with_frames(x)


class _Layer(nn.Module):
    def __init__(self, config: TdnnConfig, inputs: int, dilation: int) -> None:
        super().__init__()
        self.convolution = TimeConvolution(
            inputs, config.width, config.kernel, dilation=dilation, bias=False
        )
        self.norm = (
            MaskedBatchNorm(config.width) if config.norm == "batch" else nn.LayerNorm(config.width)
        )
        self.after = nn.Sequential(_ACTIVATIONS[config.activation](), Dropout(config.dropout))

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        x = self.convolution(x, padding)
        x = self.norm(x, padding) if isinstance(self.norm, MaskedBatchNorm) else self.norm(x)
        activated: Tensor = self.after(x)
        return activated
