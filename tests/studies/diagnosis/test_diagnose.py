"""A diagnosis from a run to its page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from bossline import api, cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.calibration import CalibrationBin
from bossline.reports.diagnosis import key_figures, write_diagnosis
from bossline.runs.run import Run
from bossline.studies.diagnosis.diagnose import Diagnosis, diagnose
from bossline.studies.diagnosis.gradients import Check
from bossline.studies.diagnosis.hessian import Spectrum
from bossline.studies.diagnosis.layers import Layer
from bossline.studies.diagnosis.objective import Slope
from bossline.studies.diagnosis.units import Rectified
from bossline.studies.diagnosis.verdict import verdict
from tests.conftest import over, train_on_voices

QUIET = Console(quiet=True)
SMALL = ("epochs=2", "precision=float32")


def train(recipe: str, *overrides: str) -> Run:
    return api.train(
        recipe, "toy", over(SMALL, *overrides), device="cpu", threads=1, console=QUIET
    )  # fmt: skip


def test_a_run_of_frames(toy: Corpus) -> None:
    run = train("phoneme/simple", "batches.size=64", "model.width=8", "optimiser.lr=1e-2")
    found = diagnose(run, products=20, device="cpu")
    assert found.unit == "frames"
    assert found.items <= 30 * 8 * 5
    assert 0 < found.slope.loss < 2
    assert found.line[len(found.line) // 2] == pytest.approx(found.slope.loss, rel=1e-5)
    middle = len(found.plane) // 2
    assert found.plane[middle, middle] == pytest.approx(found.slope.loss, rel=1e-5)
    assert [layer.name for layer in found.layers] == ["layers.0", "layers.2", "layers.4"]
    assert [one.units for one in found.rectified] == [8, 8]
    again = diagnose(run, products=20, device="cpu")
    assert again.spectrum.values.tolist() == found.spectrum.values.tolist()
    assert again.plane.tolist() == found.plane.tolist()
    assert [check.layer for check in found.checks] == ["layers.0", "layers.2", "layers.4"]
    assert max(check.error for check in found.checks) < 1e-4
    test = run.scores["test"]
    bins = found.calibration["equal-mass"]
    right = sum(one.count * one.accuracy for one in bins)
    assert right / test.count == pytest.approx(test.score.value)

    path = write_diagnosis(found, run.path / "diagnosis.html")
    page = path.read_text(encoding="utf-8")
    assert page.count("<figure") == 5
    assert all(value.split(",")[0] in page for value in key_figures(found).values())
    assert write_diagnosis(again, Path("again.html")).read_text(encoding="utf-8") == page

    verb = ["diagnose", str(run.path), "--products", "20", "--device", "cpu", "-o", "verb.html"]
    out = CliRunner().invoke(cli.app, verb)
    assert out.exit_code == 0
    assert verdict(found).split()[:9] == out.output.split()[:9]
    assert f"Hessian-vector products: {len(found.spectrum.values)}" in out.output
    assert Path("verb.html").read_text(encoding="utf-8") == page


def test_a_run_of_utterances_with_attention(toy: Corpus) -> None:
    run = train(
        "phoneme/boss-small",
        "batches={kind: utterances, size: 100}",
        "model.encoder={kind: transformer, depth: 1, width: 8, heads: 2}",
    )
    found = diagnose(run, products=5, device="cpu")
    assert "no second derivative" in "; ".join(found.kernels)
    assert found.unit == "frames"
    assert found.spectrum.scale > 0


def test_a_run_of_speakers_has_its_margin_in_full(voices: Corpus) -> None:
    head = "model.head={kind: aam-softmax, margin: 0.3, warmup: 1.0}"
    masks = "augment.frequency_masks.share=1.0"  # heavy: the margin is not learnt away
    run = train_on_voices(head, masks)
    found = diagnose(run, products=5, device="cpu")
    assert found.unit == "utterances"
    without = "model.head={kind: aam-softmax, margin: 0.0, warmup: 1.0}"
    easier = train_on_voices(without, masks, run="runs/b")
    easier.write("best.safetensors", run.best_weights.read_bytes())
    assert found.slope.loss > 10 * diagnose(easier, products=2, device="cpu").slope.loss
    margin = next(layer for layer in found.layers if layer.name == "head")
    assert margin.activation is not None


def test_what_is_fitted_is_refused(toy: Corpus) -> None:
    run = api.train(
        "phoneme/simple", "toy", [
            "model.kind=lda", "optimiser=null", "schedule={kind: constant}", "epochs=1"
        ], device="cpu", console=QUIET,
    )  # fmt: skip
    with pytest.raises(UserError, match="kind lda is fitted, not trained"):
        diagnose(run)


def made_up(
    values: list[float], *, norm: float, noise: float, dead: int, sure: float, error: float = 0.0
) -> Diagnosis:
    ritz = np.array(values)
    return Diagnosis(
        run=None,  # type: ignore[arg-type]
        items=100,
        unit="frames",
        slope=Slope(2.0, torch.tensor([norm]), noise),
        curvature_ahead=1.0,
        spectrum=Spectrum(ritz, np.zeros(len(ritz)), np.full(len(ritz), 1 / len(ritz))),
        line=np.zeros(3),
        plane=np.zeros((3, 3)),
        layers=[Layer("a", 1.0, 1.0, None)],
        rectified=[Rectified("a", 100, dead), Rectified("b", 100, 0)],
        calibration={"equal-width": [CalibrationBin(0.6, 1.0, 10_000, sure, 0.8)]},
        checks=[Check("a", 1.0, 1.0, 1e-9), Check("b", 1.0, 1.0 + 2 * error, error)],
        kernels=(),
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            made_up([-2.0, -1.0, 0.0, 40.0], norm=0.1, noise=0.5, dead=0, sure=0.81),
            "a saddle: at least 2 directions.*by -2, 5.0%.*no larger than chance.*"
            "None of 200.*as often right.*agree in all 2 layers, to 1e-09",
        ),
        (
            made_up([0.1, 40.0], norm=0.01, noise=0.001, dead=20, sure=0.9, error=0.4),
            "a minimum: no direction.*about a standstill.*20 of 200.*most in a \\(20.0%\\).*"
            "too sure.*not those of the loss in 1 of 2 layers, the most in b \\(relative error 0.4",
        ),
        (
            made_up([-1e-6, 1e-6], norm=1.0, noise=0.1, dead=0, sure=0.7, error=2e-3),
            "flat.*no standstill.*save 24.8%.*not sure enough.*about those.*within 0.002 in b",
        ),
    ],
)
def test_the_verdict_says_what_the_figures_say(found: Diagnosis, said: str) -> None:
    assert re.search(said, verdict(found))
