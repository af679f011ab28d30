"""A file a model. A config builds its model; the union of configs is what a recipe takes."""

from __future__ import annotations

from bossline.models.mlp import MlpConfig

ModelConfig = MlpConfig
