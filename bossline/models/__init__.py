"""A file a model. A config builds its model; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.fitted.lda import LdaConfig
from bossline.models.fitted.logistic import LogisticLbfgsConfig
from bossline.models.fitted.naive_bayes import NaiveBayesConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.logistic import LogisticConfig
from bossline.models.mlp import MlpConfig
from bossline.models.speaker import SpeakerConfig
from bossline.models.tagger import TaggerConfig

ModelConfig = Annotated[
    MlpConfig
    | LogisticConfig
    | TaggerConfig
    | SpeakerConfig
    | NaiveBayesConfig
    | LdaConfig
    | LogisticLbfgsConfig
    | SpeakerLdaConfig,
    Field(discriminator="kind"),
]
