"""A diagnosis as a page, and its key landscape."""

from __future__ import annotations

from pathlib import Path

from bossline.core.counting import counted
from bossline.core.language import term, tr
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
        tr("training loss"): tr("{loss:.4f} nats", loss=slope.loss),
        tr("gradient norm"): tr(
            "{norm:.4g}, by chance about {noise:.4g}", norm=slope.norm, noise=slope.noise
        ),
        tr("best step along it"): tr(
            "saves {gain:.3g} nats", gain=step_gain(slope, found.curvature_ahead)
        ),
        tr("greatest eigenvalue"): _end(spectrum, -1, spectrum.top_is_exact),
        tr("least eigenvalue"): _end(spectrum, 0, spectrum.bottom_is_exact),
        tr("directions that curve down"): tr("at least {count}", count=spectrum.negative),
        tr("Hessian-vector products"): str(len(spectrum.values)),
    }
    worst = max(found.checks, key=lambda check: check.error)
    measured[tr("gradient against differences")] = tr(
        "relative error {error:.2g} in {layer}", error=worst.error, layer=worst.layer
    )
    for binning, bins in found.calibration.items():
        measured[tr("ECE, {binning} bins", binning=term(binning))] = tr(
            "{error:.4f}, by chance about {chance:.4f}",
            error=expected_calibration_error(bins),
            chance=chance_error(bins),
        )
    return measured


def _end(spectrum: Spectrum, place: int, exact: bool) -> str:
    found = tr(
        "{value:.4g}, residual {residual:.2g}",
        value=spectrum.values[place],
        residual=spectrum.residuals[place],
    )
    return found if exact else tr("{value}: not exact yet, more --products make it so", value=found)


def write_diagnosis(found: Diagnosis, path: Path) -> Path:
    """Write the page; the same diagnosis gives the same bytes.

    Raises:
        UserError: the file cannot be written.
    """
    run = found.run
    return write_study(
        path,
        title=tr(
            "Diagnosis of {run} on {corpus}", run=run.label, corpus=Path(run.info.corpus).name
        ),
        stands_on=stands_on([run]),
        about=tr(
            "Where training ended: how steep the training loss is at the best weights, how it "
            "curves and what it looks like around them, which units do nothing, whether the "
            "network is as often right as it says, and whether its gradients are those of the loss."
        ),
        facts={
            tr("run"): str(run.path),
            tr("model"): tr(
                "{parameters:,} parameters, the weights of epoch {epoch} of {epochs}",
                parameters=run.info.parameters,
                epoch=run.info.best_epoch or tr("last"),
                epochs=run.recipe.epochs,
            ),
            tr("training loss"): tr(
                "over the same {count:,} training {units} throughout",
                count=found.items,
                units=term(found.unit),
            ),
            tr("derivatives"): tr("; ").join(map(term, found.kernels)),
            tr("against finite differences"): tr(
                "in float64 over a small batch, along {count} random directions in each layer; a "
                "relative error of 0.01 or more says that a backward is wrong",
                count=DIRECTIONS,
            ),
            tr("calibration"): tr(
                "over {count:,} test {units}", count=_predictions(found), units=term(found.unit)
            ),
        },
        verdict=verdict(found),
        tables=_tables(found),
        pictures=_pictures(found),
    )


def _predictions(found: Diagnosis) -> int:
    return sum(one.count for one in found.calibration["equal-width"])


def _tables(found: Diagnosis) -> list[StudyTable]:
    tables = [
        StudyTable(tr("Figures"), (tr("measure"), tr("value")), list(key_figures(found).items())),
        StudyTable(
            tr("Layers"),
            (
                tr("layer"),
                tr("activation"),
                tr("gradient"),
                tr("weights"),
                tr("gradient / weights"),
            ),
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
        columns = (tr("activation"), tr("units"), tr("dead"), tr("share"))
        tables.append(StudyTable(tr("Dead units"), columns, rows))
    checks = [
        (check.layer, f"{check.backward:.5e}", f"{check.differences:.5e}", f"{check.error:.1e}")
        for check in found.checks
    ]
    columns = (tr("layer"), tr("slope by backward"), tr("by differences"), tr("relative error"))
    tables.append(StudyTable(tr("Gradients against finite differences"), columns, checks))
    return tables


def _pictures(found: Diagnosis) -> list[Picture]:
    spectrum = found.spectrum
    return [
        Picture.of(
            landscape.spectrum(spectrum),
            "spectrum",
            tr(
                "Ritz values of the Hessian from {low:.3g} to {high:.3g}",
                low=spectrum.bottom,
                high=spectrum.top,
            ),
            tr(
                "What Lanczos saw of the Hessian's eigenvalues, and about which share of them lies "
                "around each. The axis is linear next to zero and logarithmic beyond."
            ),
        ),
        Picture.of(
            landscape.scales(found.layers),
            "scales",
            tr("Activation and gradient of {layers}", layers=counted(len(found.layers), "layer")),
            tr(
                "Root mean squares of what comes out of each layer and of its gradient, relative "
                "to its weights."
            ),
        ),
        Picture.of(
            landscape.slice_line(found.line),
            "line",
            tr("Training loss along a random direction"),
            tr(
                "Loss along a random direction in which every filter is as long as the model's (Li "
                "et al. 2018); biases and norms stay. The ring is the trained network."
            ),
        ),
        Picture.of(
            landscape.slice_plane(found.plane),
            "plane",
            tr("Contours of the training loss over two random directions"),
            tr("The same over two directions; contours are equal ratios of the loss."),
        ),
        Picture.of(
            reliability(found.calibration),
            "reliability",
            tr("Accuracy against confidence on the test split"),
            tr(
                "On the dashed line a network is as often right as it says; below it, it is too "
                "sure. The paler a bar, the fewer predictions it stands for."
            ),
        ),
    ]
