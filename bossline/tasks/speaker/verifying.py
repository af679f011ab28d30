"""Are these two of one speaker?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bossline.core.errors import UserError
from bossline.core.refusing import Refused
from bossline.core.runtime import Runtime
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.verification.calibration import Threshold, scale_of, threshold_of
from bossline.tasks.speaker.verification.normalisation import ScoreScale
from bossline.tasks.speaker.voices import Voices


@dataclass(frozen=True)
class Verification:
    """What two utterances score together, and what the run's threshold makes of it."""

    cosine: float
    score: float  # on the scale of the threshold; cosine without one
    score_scale: ScoreScale
    threshold: Threshold | None
    id: str = ""  # of the second

    def to_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        return {
            "id": self.id,
            "cosine": self.cosine,
            "score": self.score,
            "score_scale": self.score_scale,
            "threshold": None if self.threshold is None else self.threshold.value,
            "same_speaker": self.same_speaker,
        }

    @property
    def same_speaker(self) -> bool | None:
        """None without a threshold."""
        if self.threshold is None:
            return None
        return bool(self.threshold.accepts(self.score, self.score_scale))


def verify(
    run: OpenRun, first: str | Path, second: str | Path, *, device: str = "auto"
) -> Verification:
    """Compare two utterances: files, or ids of the run's corpus.

    Raises:
        UserError: no speaker run, an input that cannot be read or embedded, or a damaged threshold.
    """
    found = verify_each(run, first, [second], device=device)
    if len(found) != 1:
        raise UserError(f"{second}: {len(found)} utterances: verify_each compares with each")
    return found[0]


def verify_each(
    run: OpenRun,
    first: str | Path,
    others: Sequence[str | Path],
    *,
    refused: Refused | None = None,
    device: str = "auto",
) -> list[Verification]:
    """Compare an utterance with each of several, which may be all that `embed` takes.

    Args:
        refused: as of `embed`.

    Raises:
        UserError: as `verify`; of the first utterance always.
    """
    voices = Voices(run, Runtime.choose(device))
    threshold = threshold_of(voices.run)
    scale = scale_of(threshold)
    against = voices.embed([str(first)], [voices.read(str(first))])
    ids, vectors = voices.embed_all([str(name) for name in others], refused)
    if not ids:
        return []
    joined, others_at = np.concatenate([against, vectors]), np.arange(1, len(ids) + 1)
    cosines, scores = (
        voices.scores(joined, np.zeros_like(others_at), others_at, kind)
        for kind in ("cosine", scale)
    )
    return [
        Verification(float(cosine), float(score), scale, threshold, id)
        for id, cosine, score in zip(ids, cosines, scores, strict=True)
    ]
