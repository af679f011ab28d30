"""What the configs of networks share that are built of stages of equal blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from bossline.config import MOST_LAYERS, Config
from bossline.models.encoders.drop_path import drop_path_rates

Counts = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
Layers = Annotated[tuple[Annotated[int, Field(ge=1, le=MOST_LAYERS)], ...], Field(min_length=1)]


class StagesConfig(Config):
    """Stages of blocks; every stage after the first halves the sides of the map."""

    takes: ClassVar[str] = "images"
    fitted: ClassVar[bool] = False

    widths: Counts = Field(description="channels of each stage")
    blocks: Layers = Field(description="blocks of each stage")
    drop_path: float = Field(
        0.0, ge=0, lt=1, description="chance to drop the branch of the last block; less before it"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")

    @model_validator(mode="after")
    def _every_stage_has_width_and_blocks(self) -> Self:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths name {len(self.widths)} stages, blocks {len(self.blocks)}: "
                "give one number a stage in each"
            )
        return self

    def stages(self) -> Iterator[tuple[int, list[float]]]:
        """Of each stage the width, and of each of its blocks the chance to drop its branch."""
        rates = iter(drop_path_rates(self.drop_path, sum(self.blocks)))
        for width, blocks in zip(self.widths, self.blocks, strict=True):
            yield width, [next(rates) for _ in range(blocks)]
