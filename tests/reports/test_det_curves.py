from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.tasks.speaker.pictures import TICKS, det, equal_error
from bossline.tasks.speaker.verification.det import det_curve
from bossline.tasks.speaker.verification.error_rates import equal_error_rate, error_rates


def trials(seed: int, distance: float = 1.0) -> tuple[list[float], list[bool]]:
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(300) < 100)
    return (generator.standard_normal(300) + distance * labels).tolist(), labels.tolist()


@given(st.integers(0, 2**32 - 1))
def test_equal_error_is_that_of_the_trials(seed: int) -> None:
    scores, labels = trials(seed)
    expected = equal_error_rate(scores, labels).rate
    assert equal_error(det_curve(scores, labels)) == pytest.approx(expected, abs=1e-9)


def test_separate_scores_have_an_error_below_one_trial() -> None:
    curve = det_curve([0.1, 0.2, 0.3, 0.8, 0.9], [False, False, False, True, True])
    assert equal_error(curve) <= 0.25


def test_points_and_ticks_are_normal_deviates() -> None:
    scores, labels = trials(0)
    axes = det({"cosine": det_curve(scores, labels)}).axes[0]
    curve, ring = (line for line in axes.lines if line.get_color() != axes.lines[0].get_color())
    rates = error_rates(scores, labels)
    edges = 0.5 / 200, 0.5 / 100
    for data, exact, edge in zip(
        curve.get_data(), (rates.false_accepts, rates.false_rejects), edges, strict=True
    ):
        expected = [NormalDist().inv_cdf(min(max(rate, edge), 1 - edge)) for rate in exact.tolist()]
        assert list(np.asarray(data)) == pytest.approx(expected)
    equal = NormalDist().inv_cdf(equal_error_rate(scores, labels).rate)
    assert [float(np.asarray(data)[0]) for data in ring.get_data()] == pytest.approx([equal, equal])
    for axis in (axes.xaxis, axes.yaxis):
        assert list(axis.get_ticklocs()) == pytest.approx([NormalDist().inv_cdf(r) for r in TICKS])
        labelled = [label.get_text() for label in axis.get_ticklabels()]
        assert labelled == ["0.1%", "1%", "5%", "20%", "40%"]
    assert axes.get_xlim() == axes.get_ylim()


def test_each_system_is_named_with_its_error() -> None:
    curves = {name: det_curve(*trials(1, distance)) for name, distance in (("a", 1), ("$b$", 2))}
    figure = det(curves)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    rates = [equal_error_rate(*trials(1, distance)).rate for distance in (1, 2)]
    assert shown == [f"a: EER {rates[0]:.1%}", f"$b$: EER {rates[1]:.1%}"]
