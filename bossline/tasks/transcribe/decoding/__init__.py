"""From frame posteriors and decoders to strings: a file a search. The union of configs is what a
recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.tasks.transcribe.decoding.beam import BeamConfig
from bossline.tasks.transcribe.decoding.ctc import GreedyConfig
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig

DecodingConfig = Annotated[
    GreedyConfig | PrefixBeamConfig | BeamConfig, Field(discriminator="kind")
]
