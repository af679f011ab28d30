"""A file a decoder. A config builds its decoder; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.decoders.base import Decoder, State
from bossline.models.decoders.lstm import LstmDecoderConfig
from bossline.models.decoders.transformer import TransformerDecoderConfig

DecoderConfig = Annotated[TransformerDecoderConfig | LstmDecoderConfig, Field(discriminator="kind")]

__all__ = ["Decoder", "DecoderConfig", "State"]
