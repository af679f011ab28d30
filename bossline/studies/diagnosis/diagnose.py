"""Where did training end? The state of a network at its best weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from bossline.core.errors import UserError
from bossline.core.progress import bar
from bossline.core.runtime import Runtime
from bossline.core.terminal import terminal
from bossline.runs.run import Run
from bossline.studies.diagnosis.gradients import Check, check_cost, gradient_checks
from bossline.studies.diagnosis.hessian import Spectrum, lanczos
from bossline.studies.diagnosis.layers import Layer, layers
from bossline.studies.diagnosis.objective import (
    FORWARD,
    GRADIENT,
    PRODUCT,
    Objective,
    Slope,
    kernels,
    twice_differentiable,
)
from bossline.studies.diagnosis.sample import (
    Calibration,
    calibration,
    fixed_batches,
    open_lesson,
    small_batch,
)
from bossline.studies.diagnosis.surface import (
    LINE_POINTS,
    PLANE_POINTS,
    Losses,
    filter_normalised,
    line,
    plane,
)
from bossline.studies.diagnosis.units import Rectified, rectified_units, without_padding
from bossline.tasks.trained import TrainedModel

BATCHES, PRODUCTS = 4, 60


@dataclass(frozen=True)
class Diagnosis:
    """What was measured at the best weights of a run.

    Attributes:
        items: how many training frames, utterances or images loss, slope, curvature and surface
            are of.
        unit: which of these.
        slope: loss and gradient.
        curvature_ahead: second derivative along the gradient.
        spectrum: of the Hessian.
        line: (LINE_POINTS,) loss along a random direction.
        plane: (PLANE_POINTS, PLANE_POINTS) loss over that direction and another one.
        layers: scale of weights, gradients and activations.
        rectified: dead units.
        calibration: on the test split.
        checks: of the gradient against finite differences, a layer each.
        kernels: how derivatives were taken.
    """

    run: Run
    items: int
    unit: str
    slope: Slope
    curvature_ahead: float
    spectrum: Spectrum
    line: Losses
    plane: Losses
    layers: list[Layer]
    rectified: list[Rectified]
    calibration: Calibration
    checks: list[Check]
    kernels: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Diagnosis({str(self.run.path)!r}: {len(self.spectrum.values)} curvatures)"


def diagnose(
    run: str | Path | Run,
    *,
    batches: int = BATCHES,
    products: int = PRODUCTS,
    device: str = "auto",
    console: Console | None = None,
) -> Diagnosis:
    """Measure slope, curvature, surface, units, calibration and exactness of a trained network.

    The loss is that of training (a margin in full, label smoothing too) on fixed batches of some
    700 to 3,000 frames, or of 16 images, in evaluation mode: without dropout, batch norm with
    running statistics.

    Args:
        batches: training batches that the loss is the mean of.
        products: Hessian-vector products at most; the ends of a spectrum may want more.
        console: where progress is shown; None shows it on the terminal.

    Raises:
        UserError: the run has no weights, its corpus is gone, its model was not trained by
            gradients, or it predicts values.
    """
    opened = Run.of(run)
    if not opened.info.classes:
        raise UserError(
            f"{opened.path} predicts values: a diagnosis is of a classifier, its loss in nats and "
            "its confidence held against its accuracy"
        )
    if opened.recipe.model.fitted:
        raise UserError(
            f"{opened.path}: a model of kind {opened.recipe.model.kind} is fitted, not trained by "
            "gradient steps: diagnose takes the run of a trained network"
        )
    runtime = Runtime.choose(device)
    trained = TrainedModel(opened, runtime)
    lesson = open_lesson(opened, batches, runtime)
    chosen = fixed_batches(lesson, batches)
    items = sum(len(batch[1]) for batch in chosen)
    drawn = torch.Generator().manual_seed(opened.recipe.seed)
    points = LINE_POINTS + PLANE_POINTS**2
    passes = GRADIENT + (products + 1) * PRODUCT + points * FORWARD
    model = trained.model
    few = small_batch(lesson)
    work = items * passes + len(few[1]) * check_cost(model)
    with bar(console or terminal(), lesson.unit, work) as shown:
        calibrated = calibration(lesson, trained)
        checks = gradient_checks(model, lesson.loss, few, opened.recipe.seed, advance=shown.advance)
        objective = Objective(model, lesson.loss, chosen, shown.advance)
        unpadded = [one for batch in chosen for one in without_padding(batch[0])]
        with twice_differentiable(model):
            slope = objective.slope()
            ahead = slope.gradient / max(slope.norm, torch.finfo(torch.float32).tiny)
            curvature_ahead = float(ahead @ objective.product(ahead))
            start = torch.randn(len(ahead), generator=drawn).to(ahead)
            spectrum = lanczos(objective.product, start, products)
            shown.advance((products - len(spectrum.values)) * PRODUCT * items)  # not needed
            right, up = (filter_normalised(model, drawn) for _ in range(2))
            return Diagnosis(
                run=opened,
                items=items,
                unit=lesson.unit,
                slope=slope,
                curvature_ahead=curvature_ahead,
                spectrum=spectrum,
                line=line(objective, right),
                plane=plane(objective, right, up),
                layers=layers(objective, slope.gradient, unpadded),
                rectified=rectified_units(model, unpadded),
                calibration=calibrated,
                checks=checks,
                kernels=kernels(model),
            )
