"""What the figures of a diagnosis say, in words."""

from __future__ import annotations

import math
from typing import Literal

from bossline.core.counting import counted
from bossline.core.language import term, tr
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
    """A paragraph, in the language that is spoken."""
    return tr(" ").join(
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
        return tr(
            "The surface is flat: no direction that {products} saw curves by {flat:g} or more.",
            products=counted(seen, "Hessian-vector product"),
            flat=FLAT,
        )
    if kind == "saddle":
        share = -spectrum.bottom / spectrum.scale
        directions = counted(spectrum.negative, "direction")
        return tr(
            "The surface is that of a saddle: at least {curved}, the most by {bottom:.3g}{least}, "
            "{share:.1%} of the greatest curvature ({top:.3g}).",
            curved=tr("{directions} curves down", directions=directions)
            if spectrum.negative == 1
            else tr("{directions} curve down", directions=directions),
            bottom=spectrum.bottom,
            least="" if spectrum.bottom_is_exact else tr(" or less"),
            share=share,
            top=spectrum.top,
        )
    sure = tr(
        " as far as {products} saw (its lower end is uncertain by {residual:.2g})",
        products=counted(seen, "product"),
        residual=spectrum.residuals[0],
    )
    return tr(
        "The surface is that of a minimum{sure}: no direction curves down, the steepest up by "
        "{top:.3g}.",
        sure="" if spectrum.bottom_is_exact else sure,
        top=spectrum.top,
    )


def _slope(found: Diagnosis) -> str:
    slope, gain = found.slope, step_gain(found.slope, found.curvature_ahead)
    if not slope_is_sure(slope):
        return tr(
            "The gradient (norm {norm:.3g}) is no larger than chance makes it over so few {units} "
            "({noise:.3g}).",
            norm=slope.norm,
            units=term(found.unit),
            noise=slope.noise,
        )
    if gain > _WORTH_A_STEP * slope.loss:
        return tr(
            "It is no standstill: along the gradient (norm {norm:.3g}, {noise:.3g} by chance) one "
            "step would still save {saved} of the loss of {loss:.3g} nats.",
            norm=slope.norm,
            noise=slope.noise,
            saved=tr("more") if gain == float("inf") else f"{gain / slope.loss:.1%}",
            loss=slope.loss,
        )
    return tr(
        "It is about a standstill: the best step along the gradient (norm {norm:.3g}) would save "
        "{saved:.1%} of the loss of {loss:.3g} nats.",
        norm=slope.norm,
        saved=gain / slope.loss,
        loss=slope.loss,
    )


def _gradients(checks: list[Check]) -> str:
    worst = max(checks, key=lambda check: check.error)
    if worst.error < EXACT:
        return tr(
            "Its gradients are those of the loss: finite differences agree in all {layers}, to "
            "{error:.1g} at the worst.",
            layers=counted(len(checks), "layer"),
            error=worst.error,
        )
    if worst.error < WRONG:
        return tr(
            "Its gradients are about those of the loss: finite differences come within "
            "{error:.1g} in {layer}, as near as kinks (ReLU, a maximum) may let them.",
            error=worst.error,
            layer=worst.layer,
        )
    wrong = sum(check.error >= WRONG for check in checks)
    return tr(
        "Its gradients are not those of the loss in {wrong} of {layers}, the most in {layer} "
        "(relative error {error:.2g}): a backward after these layers is wrong.",
        wrong=wrong,
        layers=counted(len(checks), "layer"),
        layer=worst.layer,
        error=worst.error,
    )


def _dead(rectified: list[Rectified]) -> str:
    units = sum(layer.units for layer in rectified)
    dead = sum(layer.dead for layer in rectified)
    if not units:
        return tr("It has no ReLU-like units that could be dead.")
    if not dead:
        return tr("None of {units:,} ReLU-like units is dead.", units=units)
    worst = max(rectified, key=lambda layer: layer.share)
    return tr(
        "{dead:,} of {units:,} ReLU-like units are dead ({share:.1%}), most in {layer} "
        "({most:.1%}).",
        dead=dead,
        units=units,
        share=dead / units,
        layer=worst.layer,
        most=worst.share,
    )


def _calibration(found: Diagnosis) -> str:
    bins = found.calibration["equal-width"]
    count = sum(one.count for one in bins)
    sure = sum(one.count * one.confidence for one in bins) / count
    right = sum(one.count * one.accuracy for one in bins) / count
    error = expected_calibration_error(bins)
    allowed = max(_CALIBRATED, _ERRORS * math.sqrt(right * (1 - right) / count))
    if sure - right > allowed:
        said = tr("It is too sure of itself")
    elif right - sure > allowed:
        said = tr("It is not sure enough of itself")
    else:
        said = tr("It is about as often right as it says")
    return tr(
        "{said}: over {count:,} test {units} mean confidence {sure:.1%}, right {right:.1%}, ECE "
        "{error:.4f} (by chance about {chance:.4f}).",
        said=said,
        count=count,
        units=term(found.unit),
        sure=sure,
        right=right,
        error=error,
        chance=chance_error(bins),
    )
