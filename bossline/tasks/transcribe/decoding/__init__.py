"""From what a network says to strings of phones: a file a search, and what strings are measured by.

A config says how strings are found; the union of configs is what a recipe takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.tasks.transcribe.decoding.beam import BeamConfig
from bossline.tasks.transcribe.decoding.ctc import GreedyConfig
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig

DecodingConfig = Annotated[
    GreedyConfig | PrefixBeamConfig | BeamConfig, Field(discriminator="kind")
]
