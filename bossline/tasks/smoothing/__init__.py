"""From class posteriors to a plausible path of phones: a file a smoother.

A config fits its smoother to training labels, or restores it; the union of configs is what a recipe
takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from bossline.tasks.smoothing.median import MedianConfig
from bossline.tasks.smoothing.viterbi import ViterbiConfig

SmoothingConfig = Annotated[MedianConfig | ViterbiConfig, Field(discriminator="kind")]


def smoothing_of(kind: str) -> MedianConfig | ViterbiConfig:
    """A kind with its defaults."""
    config: MedianConfig | ViterbiConfig = TypeAdapter(SmoothingConfig).validate_python(
        {"kind": kind}
    )
    return config
