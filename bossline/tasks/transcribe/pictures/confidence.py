"""Is a told phone as often right as its confidence says?"""

from __future__ import annotations

from typing import get_args

from bossline.core.language import tr
from bossline.evaluation.calibration import (
    Binning,
    calibration_bins,
    chance_error,
    expected_calibration_error,
)
from bossline.figures.picture import Picture
from bossline.figures.reliability import reliability
from bossline.tasks.transcribe.pictures.heard import Heard


def confidence_pictures(heard: Heard, key: str) -> list[Picture]:
    """Nothing where no phone was told."""
    confidence, right = heard.confidence, heard.right
    if not len(right):
        return []
    kinds: tuple[Binning, ...] = get_args(Binning)
    bins = {kind: calibration_bins(confidence, right, binning=kind) for kind in kinds}
    wide = bins["equal-width"]
    return [
        Picture.of(
            reliability(bins),
            f"{key}-confidence",
            tr("Share of told phones that are right against their confidence"),
            tr(
                "Of {count:,} told phones {right:.1%} are matched in the alignment, and their mean "
                "confidence is {confidence:.1%}. Expected calibration error {error:.4f}, by chance "
                "about {chance:.4f}. On the dashed line a phone is as often right as its "
                "confidence says; the paler a bar, the fewer phones it stands for.",
                count=len(right),
                right=right.mean(),
                confidence=confidence.mean(),
                error=expected_calibration_error(wide),
                chance=chance_error(wide),
            ),
        )
    ]
