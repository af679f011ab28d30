"""Which phone follows which others: an n-gram model."""

from __future__ import annotations

from pydantic import Field

from bossline.core.config import Config


class NgramConfig(Config):
    """A model of phone strings, estimated on those of training."""

    order: int = Field(4, ge=1, le=6, description="phones that a count holds, the last one told")
    weight: float = Field(0.3, ge=0, le=10, description="of its log-probabilities")
