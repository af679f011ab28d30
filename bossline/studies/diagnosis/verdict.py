"""What the figures of a diagnosis say, in words."""

from __future__ import annotations

import math
from typing import Literal

from bossline.core.counting import counted
from bossline.evaluation.calibration import chance_error, expected_calibration_error
from bossline.studies.diagnosis.diagnose import Diagnosis
from bossline.studies.diagnosis.gradients import EXACT, WRONG, Check
from bossline.studies.diagnosis.hessian import Spectrum
from bossline.studies.diagnosis.objective import Slope
from bossline.studies.diagnosis.units import Rectified

Shape = Literal["minimum", "saddle", "flat"]

FLAT = 1e-4  # curvature under which a step of length 1 changes the loss by less than 0.0001 nats
_WORTH_A_STEP = 0.01  # of the loss: what makes a slope more than a trace
_SURE = 2.0  # a squared gradient of so many times its noise is no chance
_CALIBRATED = 0.02  # confidence and accuracy so near each other are called equal
_ERRORS = 2.0  # so many standard errors, too


def shape(spectrum: Spectrum) -> Shape:
    """What the surface is like where the weights are, were the gradient zero there."""
    if spectrum.scale < FLAT:
        return "flat"
    return "saddle" if spectrum.negative else "minimum"


def slope_is_sure(slope: Slope) -> bool:
    """Whether the batches agree about which way is down."""
    return slope.norm**2 > _SURE * slope.noise**2


def step_gain(slope: Slope, curvature_ahead: float) -> float:
    """Nats that the best step along the gradient saves, its noise left out; inf if it only falls.

    By the quadratic model: |g|^2 / (2 c), with c the second derivative along g.
    """
    squared = (
        max(slope.norm**2 - slope.noise**2, 0.0) if slope.noise == slope.noise else (slope.norm**2)
    )
    if squared == 0:
        return 0.0
    return squared / (2 * curvature_ahead) if curvature_ahead > 0 else float("inf")


def verdict(found: Diagnosis) -> str:
    """A paragraph."""
    return " ".join(
        [
            _curvature(found.spectrum),
            _slope(found),
            _dead(found.rectified),
            _calibration(found),
            _gradients(found.checks),
        ]
    )


def _curvature(spectrum: Spectrum) -> str:
    seen, kind = len(spectrum.values), shape(spectrum)
    if kind == "flat":
        return (
            f"The surface is flat: no direction that "
            f"{counted(seen, 'Hessian-vector product')} saw curves by {FLAT:g} or more."
        )
    if kind == "saddle":
        share = -spectrum.bottom / spectrum.scale
        least = "" if spectrum.bottom_is_exact else " or less"
        directions = counted(spectrum.negative, "direction")
        curve = "curves" if spectrum.negative == 1 else "curve"
        return (
            f"The surface is that of a saddle: at least {directions} {curve} down, "
            f"the most by {spectrum.bottom:.3g}{least}, {share:.1%} of the greatest curvature "
            f"({spectrum.top:.3g})."
        )
    sure = (
        ""
        if spectrum.bottom_is_exact
        else (
            f" as far as {counted(seen, 'product')} saw (its lower end is uncertain by "
            f"{spectrum.residuals[0]:.2g})"
        )
    )
    return (
        f"The surface is that of a minimum{sure}: no direction curves down, the steepest up by "
        f"{spectrum.top:.3g}."
    )


def _slope(found: Diagnosis) -> str:
    slope, gain = found.slope, step_gain(found.slope, found.curvature_ahead)
    if not slope_is_sure(slope):
        return (
            f"The gradient (norm {slope.norm:.3g}) is no larger than chance makes it over so few "
            f"{found.unit} ({slope.noise:.3g})."
        )
    if gain > _WORTH_A_STEP * slope.loss:
        saved = "more" if gain == float("inf") else f"{gain / slope.loss:.1%}"
        return (
            f"It is no standstill: along the gradient (norm {slope.norm:.3g}, {slope.noise:.3g} by "
            f"chance) one step would still save {saved} of the loss of {slope.loss:.3g} nats."
        )
    return (
        f"It is about a standstill: the best step along the gradient (norm {slope.norm:.3g}) "
        f"would save {gain / slope.loss:.1%} of the loss of {slope.loss:.3g} nats."
    )


def _gradients(checks: list[Check]) -> str:
    worst = max(checks, key=lambda check: check.error)
    if worst.error < EXACT:
        return (
            f"Its gradients are those of the loss: finite differences agree in all "
            f"{counted(len(checks), 'layer')}, to {worst.error:.1g} at the worst."
        )
    if worst.error < WRONG:
        return (
            f"Its gradients are about those of the loss: finite differences come within "
            f"{worst.error:.1g} in {worst.layer}, as near as kinks (ReLU, a maximum) may let them."
        )
    wrong = sum(check.error >= WRONG for check in checks)
    return (
        f"Its gradients are not those of the loss in {wrong} of "
        f"{counted(len(checks), 'layer')}, the most in {worst.layer} (relative error "
        f"{worst.error:.2g}): a backward after these layers is wrong."
    )


def _dead(rectified: list[Rectified]) -> str:
    units = sum(layer.units for layer in rectified)
    dead = sum(layer.dead for layer in rectified)
    if not units:
        return "It has no ReLU-like units that could be dead."
    if not dead:
        return f"None of {units:,} ReLU-like units is dead."
    worst = max(rectified, key=lambda layer: layer.share)
    return (
        f"{dead:,} of {units:,} ReLU-like units are dead ({dead / units:.1%}), most in "
        f"{worst.layer} ({worst.share:.1%})."
    )


def _calibration(found: Diagnosis) -> str:
    bins = found.calibration["equal-width"]
    count = sum(one.count for one in bins)
    sure = sum(one.count * one.confidence for one in bins) / count
    right = sum(one.count * one.accuracy for one in bins) / count
    error = expected_calibration_error(bins)
    allowed = max(_CALIBRATED, _ERRORS * math.sqrt(right * (1 - right) / count))
    if sure - right > allowed:
        said = "It is too sure of itself"
    elif right - sure > allowed:
        said = "It is not sure enough of itself"
    else:
        said = "It is about as often right as it says"
    return (
        f"{said}: over {count:,} test {found.unit} mean confidence {sure:.1%}, right {right:.1%}, "
        f"ECE {error:.4f} (by chance about {chance_error(bins):.4f})."
    )
