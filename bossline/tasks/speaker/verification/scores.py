"""What a trial list shows of a system: equal error rate and detection costs, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bossline.core.config import Config
from bossline.evaluation.intervals import Interval
from bossline.tasks.speaker.verification.intervals import eer_interval, min_dcf_interval

PRIORS = (0.01, 0.05)
"""Of target trials, for which NIST and VoxCeleb report detection costs."""


class DetectionCost(Config):
    """The least detection cost at one prior."""

    p_target: float = Field(gt=0, lt=1, description="prior probability of a target trial")
    minimum: Interval


class VerificationScores(Config):
    """What one evaluation on one trial list found; intervals are over speakers."""

    trials: str = Field(description="the list, as it was given")
    score_scale: str = Field(description="kind of score, as cosine or as-norm")
    equal_error_rate: Interval
    min_dcf: tuple[DetectionCost, ...]
    targets: int = Field(gt=0, description="target trials")
    nontargets: int = Field(gt=0, description="non-target trials")
    speakers: int = Field(gt=0, description="who speak in the trials")
    trained_on: int = Field(ge=0, description="those of them who speak in the training split")

    @classmethod
    def of(
        cls,
        trials: str,
        score_scale: str,
        scores: npt.ArrayLike,
        labels: npt.ArrayLike,
        enrol_speakers: Sequence[str],
        test_speakers: Sequence[str],
        training_speakers: Collection[str],
    ) -> VerificationScores:
        """Score a trial list.

        Args:
            trials: what to call the list.
            score_scale: names the kind of score.
            scores: (N,) of the trials.
            labels: (N,) bool, whether a trial is a target trial.
            enrol_speakers: (N,) names.
            test_speakers: (N,) names.
            training_speakers: names of all speakers of the training split.

        Raises:
            UserError: trials that have no error rates, or a label that its two speakers contradict.
        """
        speakers = {*enrol_speakers, *test_speakers}
        targets = int(np.count_nonzero(labels))
        sides = enrol_speakers, test_speakers
        return cls(
            trials=trials,
            score_scale=score_scale,
            equal_error_rate=eer_interval(scores, labels, *sides),
            min_dcf=tuple(
                DetectionCost(p_target=p, minimum=min_dcf_interval(scores, labels, *sides, p))
                for p in PRIORS
            ),
            targets=targets,
            nontargets=np.size(labels) - targets,
            speakers=len(speakers),
            trained_on=len(speakers & set(training_speakers)),
        )
