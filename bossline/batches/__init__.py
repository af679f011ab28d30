"""What one step sees. A config opens its batches; the union of configs is what a recipe takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bossline.batches.images import ImageConfig
from bossline.batches.rows import RowConfig
from bossline.batches.segments import SegmentConfig
from bossline.batches.utterances import UtteranceConfig
from bossline.batches.windows import WindowConfig

BatchConfig = Annotated[
    WindowConfig | UtteranceConfig | SegmentConfig | ImageConfig | RowConfig,
    Field(discriminator="kind"),
]
