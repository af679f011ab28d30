"""A diagnosis as a page, and its key landscape."""

from __future__ import annotations

from pathlib import Path

from bossline.core.counting import counted
from bossline.evaluation.calibration import chance_error, expected_calibration_error
from bossline.figures.picture import Picture
from bossline.figures.reliability import reliability
from bossline.reports import landscape
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import stands_on
from bossline.studies.diagnosis.diagnose import Diagnosis
from bossline.studies.diagnosis.gradients import DIRECTIONS
from bossline.studies.diagnosis.hessian import Spectrum
from bossline.studies.diagnosis.verdict import step_gain, verdict


def key_figures(found: Diagnosis) -> dict[str, str]:
    """What was measured, a line each."""
    slope, spectrum = found.slope, found.spectrum
    measured = {
        "training loss": f"{slope.loss:.4f} nats",
        "gradient norm": f"{slope.norm:.4g}, by chance about {slope.noise:.4g}",
        "best step along it": f"saves {step_gain(slope, found.curvature_ahead):.3g} nats",
        "greatest eigenvalue": _end(spectrum, -1, spectrum.top_is_exact),
        "least eigenvalue": _end(spectrum, 0, spectrum.bottom_is_exact),
        "directions that curve down": f"at least {spectrum.negative}",
        "Hessian-vector products": str(len(spectrum.values)),
    }
    worst = max(found.checks, key=lambda check: check.error)
    measured["gradient against differences"] = f"relative error {worst.error:.2g} in {worst.layer}"
    for binning, bins in found.calibration.items():
        measured[f"ECE, {binning} bins"] = (
            f"{expected_calibration_error(bins):.4f}, by chance about {chance_error(bins):.4f}"
        )
    return measured


def _end(spectrum: Spectrum, place: int, exact: bool) -> str:
    found = f"{spectrum.values[place]:.4g}, residual {spectrum.residuals[place]:.2g}"
    return found if exact else f"{found}: not exact yet, more --products make it so"


def write_diagnosis(found: Diagnosis, path: Path) -> Path:
    """Write the page; the same diagnosis gives the same bytes.

    Raises:
        UserError: the file cannot be written.
    """
    run = found.run
    return write_study(
        path,
        title=f"Diagnosis of {run.label} on {Path(run.info.corpus).name}",
        stands_on=stands_on([run]),
        about="Where training ended: how steep the training loss is at the best weights, how it "
        "curves and what it looks like around them, which units do nothing, and whether the "
        "network is as often right as it says, and whether its gradients are those of the loss.",
        facts={
            "run": str(run.path),
            "model": f"{run.info.parameters:,} parameters, the weights of epoch "
            f"{run.info.best_epoch or 'last'} of {run.recipe.epochs}",
            "training loss": f"over the same {found.items:,} training {found.unit} throughout",
            "derivatives": found.kernels,
            "against finite differences": f"in float64 over a small batch, along {DIRECTIONS} "
            "random directions in each layer; a relative error of 0.01 or more says that a "
            "backward is wrong",
            "calibration": f"over {_predictions(found):,} test {found.unit}",
        },
        verdict=verdict(found),
        tables=_tables(found),
        pictures=_pictures(found),
    )


def _predictions(found: Diagnosis) -> int:
    return sum(one.count for one in found.calibration["equal-width"])


def _tables(found: Diagnosis) -> list[StudyTable]:
    tables = [
        StudyTable("Figures", ("measure", "value"), list(key_figures(found).items())),
        StudyTable(
            "Layers",
            ("layer", "activation", "gradient", "weights", "gradient / weights"),
            [
                (
                    layer.name,
                    "" if layer.activation is None else f"{layer.activation:.3g}",
                    f"{layer.gradient:.2e}",
                    f"{layer.weights:.3g}",
                    f"{layer.relative:.2e}",
                )
                for layer in found.layers
            ],
        ),
    ]
    if found.rectified:
        rows = [
            (layer.layer, f"{layer.units:,}", f"{layer.dead:,}", f"{layer.share:.1%}")
            for layer in found.rectified
        ]
        tables.append(StudyTable("Dead units", ("activation", "units", "dead", "share"), rows))
    tables.append(
        StudyTable(
            "Gradients against finite differences",
            ("layer", "slope by backward", "by differences", "relative error"),
            [
                (
                    check.layer,
                    f"{check.backward:.5e}",
                    f"{check.differences:.5e}",
                    f"{check.error:.1e}",
                )
                for check in found.checks
            ],
        )
    )
    return tables


def _pictures(found: Diagnosis) -> list[Picture]:
    spectrum = found.spectrum
    return [
        Picture.of(
            landscape.spectrum(spectrum),
            "spectrum",
            f"Ritz values of the Hessian from {spectrum.bottom:.3g} to {spectrum.top:.3g}",
            "What Lanczos saw of the Hessian's eigenvalues, and about which share of them lies "
            "around each. The axis is linear next to zero and logarithmic beyond.",
        ),
        Picture.of(
            landscape.scales(found.layers),
            "scales",
            f"Activation and gradient of {counted(len(found.layers), 'layer')}",
            "Root mean squares of what comes out of each layer and of its gradient, relative to "
            "its weights.",
        ),
        Picture.of(
            landscape.slice_line(found.line),
            "line",
            "Training loss along a random direction",
            "Loss along a random direction in which every filter is as long as the model's (Li et "
            "al. 2018); biases and norms stay. The ring is the trained network.",
        ),
        Picture.of(
            landscape.slice_plane(found.plane),
            "plane",
            "Contours of the training loss over two random directions",
            "The same over two directions; contours are equal ratios of the loss.",
        ),
        Picture.of(
            reliability(found.calibration),
            "reliability",
            "Accuracy against confidence on the test split",
            "On the dashed line a network is as often right as it says; below it, it is too sure. "
            "The paler a bar, the fewer predictions it stands for.",
        ),
    ]
