"""From embeddings to a loss over classes, each head with the class weights that it owns.

A config builds its head; the union of configs is what a recipe takes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.heads.aam_softmax import AamSoftmaxConfig
from bossline.models.heads.am_softmax import AmSoftmaxConfig
from bossline.models.heads.base import Head
from bossline.models.heads.softmax import LinearHeadConfig, MlpHeadConfig

HeadConfig = Annotated[
    LinearHeadConfig | MlpHeadConfig | AmSoftmaxConfig | AamSoftmaxConfig,
    Field(discriminator="kind"),
]

__all__ = ["Head", "HeadConfig"]
