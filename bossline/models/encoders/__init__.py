"""A file an encoder. A config builds its encoder; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.encoders.conformer import ConformerConfig
from bossline.models.encoders.ecapa import EcapaConfig
from bossline.models.encoders.layers import Encoder
from bossline.models.encoders.rnn import RnnConfig
from bossline.models.encoders.subsampling import SubsampleConfig
from bossline.models.encoders.tdnn import TdnnConfig
from bossline.models.encoders.transformer import SmootherConfig, TransformerConfig

EncoderConfig = Annotated[
    RnnConfig
    | TdnnConfig
    | EcapaConfig
    | TransformerConfig
    | ConformerConfig
    | SmootherConfig
    | SubsampleConfig,
    Field(discriminator="kind"),
]
SubsampleConfig.model_rebuild()  # it takes any encoder, so it could not be complete before

__all__ = ["Encoder", "EncoderConfig"]
