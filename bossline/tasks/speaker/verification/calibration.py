"""A threshold chosen on trials, kept with what it cost there and the scores it is meant for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.core.files import read_json, write_json
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.verification.error_rates import equal_error_rate, error_rates
from bossline.tasks.speaker.verification.normalisation import SCALES, ScoreScale
from bossline.training.contents import THRESHOLD


class Threshold(Config):
    """Scores of at least `value` are accepted as one speaker; the counts are of calibration."""

    value: float
    score_scale: str = Field(min_length=1, description="kind of score, as cosine or as-norm")
    false_accepts: int = Field(ge=0)
    false_rejects: int = Field(ge=0)
    targets: int = Field(gt=0, description="target trials")
    nontargets: int = Field(gt=0, description="non-target trials")

    @classmethod
    def of(
        cls, value: float, scores: npt.ArrayLike, labels: npt.ArrayLike, score_scale: str
    ) -> Threshold:
        """Count what a threshold does to scores (N,) of target trials or not (N,)."""
        accepted, targets = np.asarray(scores, np.float64) >= value, np.asarray(labels, np.bool_)
        return cls(
            value=value,
            score_scale=score_scale,
            false_accepts=int((accepted & ~targets).sum()),
            false_rejects=int((~accepted & targets).sum()),
            targets=int(targets.sum()),
            nontargets=int((~targets).sum()),
        )

    @property
    def trials(self) -> int:
        return self.targets + self.nontargets

    @property
    def false_accept_rate(self) -> float:
        return self.false_accepts / self.nontargets

    @property
    def false_reject_rate(self) -> float:
        return self.false_rejects / self.targets

    def accepts(self, scores: npt.ArrayLike, score_scale: str) -> npt.NDArray[np.bool_]:
        """Which scores are accepted as one speaker, in the shape of the scores.

        Raises:
            UserError: the scores are of another kind than the threshold.
        """
        if score_scale != self.score_scale:
            raise UserError(
                f"a threshold for {self.score_scale} scores cannot judge {score_scale} scores: "
                f"score by {self.score_scale}, or calibrate on {score_scale} scores"
            )
        return np.asarray(np.asarray(scores, np.float64) >= self.value)


def threshold_at_eer(
    scores: npt.ArrayLike, labels: npt.ArrayLike, *, score_scale: str
) -> Threshold:
    """The threshold whose two error rates are nearest to each other.

    Args:
        scores: (N,) of calibration trials.
        labels: (N,) bool, whether a trial is a target trial.
        score_scale: names the kind of score.

    Raises:
        UserError: trials that have no error rates.
    """
    return Threshold.of(equal_error_rate(scores, labels).threshold, scores, labels, score_scale)


def threshold_at_false_accepts(
    scores: npt.ArrayLike, labels: npt.ArrayLike, rate: float, *, score_scale: str
) -> Threshold:
    """The lowest threshold that accepts at most this share of the non-target trials.

    Of n non-target trials, a share below 1 / n allows no false accept at all.

    Args:
        scores: (N,) of calibration trials.
        labels: (N,) bool, whether a trial is a target trial.
        rate: 0 to 1.
        score_scale: names the kind of score.

    Raises:
        UserError: trials that have no error rates, or a rate beyond 0 and 1.
    """
    if not 0 <= rate <= 1:
        raise UserError(f"false accept rate {rate}: expected a share from 0 to 1")
    rates = error_rates(scores, labels)
    value = float(rates.thresholds[np.argmax(rates.false_accepts <= rate)])
    return Threshold.of(value, scores, labels, score_scale)


def write_threshold(path: Path, threshold: Threshold) -> None:
    write_json(path, threshold.model_dump(mode="json"))


def read_threshold(path: Path) -> Threshold:
    """Read a stored threshold.

    Raises:
        UserError: missing, unreadable or not a threshold.
    """
    try:
        return Threshold.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise UserError(
            f"{path}: {where}: {first['msg'].lower()}; calibrate the threshold again"
        ) from error


def threshold_of(run: OpenRun) -> Threshold | None:
    """The calibrated threshold, if there is one."""
    path = run.path / THRESHOLD
    if not path.exists():
        return None
    threshold = read_threshold(path)
    run.read(THRESHOLD)
    return threshold


def scale_of(threshold: Threshold | None) -> ScoreScale:
    """The kind of score that a threshold judges."""
    if threshold is None:
        return "cosine"
    for scale in SCALES.values():
        if scale == threshold.score_scale:
            return scale
    raise UserError(
        f"the threshold is for {threshold.score_scale} scores: calibrate again for one of "
        f"{', '.join(SCALES.values())}"
    )
