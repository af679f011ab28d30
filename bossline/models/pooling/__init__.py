"""From frames to one vector an utterance: a file a pooling.

A config builds its pooling; the union of configs is what a recipe takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.pooling.attentive_statistics import AttentiveStatisticsConfig
from bossline.models.pooling.base import Pooling
from bossline.models.pooling.correlation import CorrelationConfig
from bossline.models.pooling.mean import MeanConfig
from bossline.models.pooling.multi_head import MultiHeadConfig
from bossline.models.pooling.self_attention import SelfAttentionConfig
from bossline.models.pooling.statistics import StatisticsConfig

PoolingConfig = Annotated[
    MeanConfig
    | StatisticsConfig
    | SelfAttentionConfig
    | MultiHeadConfig
    | AttentiveStatisticsConfig
    | CorrelationConfig,
    Field(discriminator="kind"),
]

__all__ = ["Pooling", "PoolingConfig"]
