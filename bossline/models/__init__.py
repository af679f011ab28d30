"""A file a model. A config builds its model; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.closed_form.lda import LdaConfig
from bossline.models.closed_form.speaker_lda import SpeakerLdaConfig
from bossline.models.mlp import MlpConfig
from bossline.models.speaker import SpeakerConfig
from bossline.models.tagger import TaggerConfig

ModelConfig = Annotated[
    MlpConfig | TaggerConfig | SpeakerConfig | LdaConfig | SpeakerLdaConfig,
    Field(discriminator="kind"),
]
