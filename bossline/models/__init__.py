"""A file a model. A config builds its model; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.models.committee import CommitteeConfig
from bossline.models.fitted.discriminant import LdaConfig
from bossline.models.fitted.naive_bayes import NaiveBayesConfig
from bossline.models.fitted.speaker_lda import SpeakerLdaConfig
from bossline.models.images import CnnConfig, ConvnextConfig, ResnetConfig
from bossline.models.logistic import LogisticConfig, LogisticLbfgsConfig
from bossline.models.mlp import MlpConfig
from bossline.models.speaker import SpeakerConfig
from bossline.models.tabular.multilevel import MultilevelConfig
from bossline.models.tabular.regressor import RegressorConfig
from bossline.models.tabular.ridge import RidgeConfig
from bossline.models.tagger import TaggerConfig

ModelConfig = Annotated[
    MlpConfig
    | LogisticConfig
    | TaggerConfig
    | SpeakerConfig
    | CommitteeConfig
    | NaiveBayesConfig
    | LdaConfig
    | LogisticLbfgsConfig
    | SpeakerLdaConfig
    | RegressorConfig
    | RidgeConfig
    | MultilevelConfig
    | CnnConfig
    | ResnetConfig
    | ConvnextConfig,
    Field(discriminator="kind"),
]
