"""What encoders and decoders with attention are told."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from bossline.core.config import MOST_LAYERS, Config
from bossline.models.attention import SelfAttention
from bossline.models.layers import FeedForward
from bossline.models.positions import PositionKind

NormPlace = Literal["pre", "post"]
"""Where norms stand: before a branch (arXiv 2002.04745), or after its residual (1706.03762)."""


class AttentionConfig(Config):
    """A part of a recipe that has layers of attention."""

    kind: str
    depth: int = Field(4, ge=1, le=MOST_LAYERS, description="layers")
    width: int = Field(144, ge=2, description="numbers per frame between the layers")
    heads: int = Field(4, ge=1, description="heads; 2 x heads must divide the width")
    feed_forward: int | None = Field(
        4, ge=1, description="inner width of a feed-forward / width; null: feed_forward_units"
    )
    feed_forward_units: int | None = Field(
        None, ge=1, description="inner width of a feed-forward in place of the multiple"
    )
    positions: PositionKind = Field("rotary", description="how the order of frames is known")
    dropout: float = Field(0.1, ge=0, lt=1, description="of branches")
    feed_forward_dropout: float | None = Field(
        None, ge=0, lt=1, description="after both layers of a feed-forward; null: as dropout"
    )
    input_dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="of what comes in, with its positions; null: of frames none, of symbols as "
        "dropout",
    )
    attention_dropout: float = Field(
        0.0, ge=0, lt=1, description="of attention weights; on a CPU slower than all the rest"
    )

    @model_validator(mode="before")
    @classmethod
    def _units_replace_the_default(cls, given: Any) -> Any:
        """So that a recipe need not take back a multiple that it never named."""
        if isinstance(given, dict) and given.get("feed_forward_units") is not None:
            return {"feed_forward": None, **given}
        return given

    @model_validator(mode="after")
    def _one_inner_width(self) -> Self:
        multiple, units = self.feed_forward, self.feed_forward_units
        if multiple is None and units is None:
            raise ValueError("feed_forward or feed_forward_units: one of them is needed")
        if multiple is not None and units not in (None, multiple * self.width):
            raise ValueError(
                f"feed_forward_units {units} contradicts feed_forward {multiple} x width "
                f"{self.width} = {multiple * self.width}: say feed_forward=null"
            )
        return self

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} is no multiple of 2 x heads = {2 * self.heads}: "
                "a rotary head has an even width"
            )
        return self

    @property
    def inner(self) -> int:
        """Units between the two layers of a feed-forward."""
        if self.feed_forward_units is not None:
            return self.feed_forward_units
        assert self.feed_forward is not None  # one of them is there
        return self.feed_forward * self.width

    def feed_forward_layer(
        self, activation: nn.SiLU | nn.GELU, *, norm: bool = True
    ) -> FeedForward:
        """A feed-forward of one layer.

        Args:
            activation: between its linear layers.
            norm: whether a norm comes first.
        """
        dropout = self.rate(self.feed_forward_dropout)
        return FeedForward(self.width, self.inner, activation, dropout, norm=norm)

    def rate(self, own: float | None) -> float:
        """A dropout of its own, or that of all branches."""
        return self.dropout if own is None else own

    def attention(self) -> SelfAttention:
        """The self-attention of one layer."""
        relative = self.positions == "relative"
        return SelfAttention(
            self.width, self.heads, relative=relative, dropout=self.attention_dropout
        )
