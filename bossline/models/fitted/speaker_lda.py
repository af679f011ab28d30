"""Linear discriminant analysis of voices: statistics of the utterance, one shared covariance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.discriminant import Discriminant
from bossline.models.fitted.moments import ClassMoments
from bossline.models.fitted.utterance_statistics import UtteranceStatistics
from bossline.models.speaker import VoiceModel


class SpeakerLdaConfig(Config):
    """LDA of fixed statistics of whole utterances; fitted in one pass."""

    takes: ClassVar[str] = "segments"
    fitted: ClassVar[bool] = True

    kind: Literal["speaker-lda"] = "speaker-lda"
    lags: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0, 3), description="frames apart at which dimensions are correlated"
    )
    shrinkage: float = Field(
        0.2, ge=0, le=1, description="how far the covariance moves to its diagonal"
    )

    def build(self, inputs: int, outputs: int) -> SpeakerLda:
        """
        Args:
            inputs: numbers per frame.
            outputs: speakers.
        """
        return SpeakerLda(self, inputs, outputs)


class SpeakerLda(VoiceModel, Fitted):
    """Padded (B, T, inputs) -> (B, outputs) logits; the embedding is the discriminant's."""

    def __init__(self, config: SpeakerLdaConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self._shrinkage, self._classes = config.shrinkage, outputs
        self.statistics = UtteranceStatistics(inputs, config.lags)
        self.discriminant = Discriminant(self.statistics.outputs, outputs)

    def embed(self, batch: Padded) -> Tensor:
        embedding: Tensor = self.discriminant.embed(self.statistics(batch))
        return embedding

    def forward(self, batch: Padded) -> Tensor:
        scores: Tensor = self.discriminant(self.statistics(batch))
        return scores

    def fit(self, data: Iterable[tuple[Padded, Tensor]]) -> str:
        described = ((self.statistics(inputs), labels) for inputs, labels in data)
        moments = ClassMoments(self._classes).add_all(described)
        self.discriminant.solve(moments, self._shrinkage)
        return "one pass"
