"""What a report shows of predicted values."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from scipy.stats import norm

from bossline.tasks.covid.pictures import (
    MOST_COLUMNS,
    draw_importances,
    draw_weights,
    error_histogram,
    predicted_against_true,
    share_of_the_worst,
)
from bossline.tasks.covid.scores import RegressionScores

RNG = np.random.default_rng(0)


def scores_of(errors: np.ndarray) -> RegressionScores:
    true = RNG.normal(size=len(errors)) * 5 + 20
    return RegressionScores.of(tuple(map(str, range(len(errors)))), true, true + errors)


def bars(axes: Axes) -> dict[str, float]:
    """Their widths by the names of their rows, from the top."""
    (container,) = (c for c in axes.containers if isinstance(c, BarContainer))
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, (bar.get_width() for bar in container), strict=True))


def test_every_row_is_a_point_and_the_line_is_the_diagonal() -> None:
    scores = scores_of(RNG.normal(size=50))
    axes = predicted_against_true(scores, "cases").axes[0]
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xdata(), scores.true)
    np.testing.assert_array_equal(points.get_ydata(), scores.predicted)
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    (left, below), (right, above) = axes.transData.inverted().transform(
        axes.lines[0].get_transform().transform([(0, 0), (1, 1)])
    )
    assert (left, right) == pytest.approx((below, above))
    assert axes.get_xlabel() == "true cases"


def test_the_histogram_counts_every_row_beside_its_normal() -> None:
    errors = RNG.normal(0.3, 2, size=400)
    axes = error_histogram(scores_of(errors), "cases").axes[0]
    (container,) = (c for c in axes.containers if isinstance(c, BarContainer))
    boxes = list(container)
    assert sum(box.get_height() for box in boxes) == 400
    curve = next(line for line in axes.lines if len(np.asarray(line.get_xdata())) > 2)
    x, y = (np.asarray(data, float) for data in curve.get_data())
    density = norm(errors.mean(), errors.std()).pdf(x)
    np.testing.assert_allclose(y, 400 * boxes[0].get_width() * density, rtol=1e-6)


@pytest.mark.parametrize("errors", [[0.0, 0, 0], [1.0], [*[0.0, 1e-9, 2e-9, 3e-9] * 9, 1e9]])
def test_odd_errors_are_drawn(errors: list[float]) -> None:
    axes = error_histogram(scores_of(np.array(errors)), "cases").axes[0]
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]


def test_share_of_the_worst() -> None:
    scores = scores_of(np.array([3.0, *[1.0] * 19]))
    assert share_of_the_worst(scores, 0.05) == pytest.approx(9 / 28)
    assert share_of_the_worst(scores_of(np.zeros(4)), 0.05) == 0
    # Of normal errors, as the report says.
    many = scores_of(norm.ppf((np.arange(200_000) + 0.5) / 200_000))
    assert share_of_the_worst(many, 0.05) == pytest.approx(0.28, abs=0.005)


def test_the_largest_weights_come_first_whatever_their_sign() -> None:
    weights = RNG.normal(size=50)
    names = [f"${k}_x" for k in range(50)]
    shown = bars(draw_weights(weights, names).axes[0])
    order = sorted(range(50), key=lambda k: -abs(weights[k]))[:MOST_COLUMNS]
    assert shown == {names[k]: pytest.approx(weights[k]) for k in order}
    assert list(shown) == [names[k] for k in order]


def test_importances_are_means_with_their_span() -> None:
    importances = RNG.normal(1, 1, (5, 7))
    names = list("abcdefg")
    axes = draw_importances(importances, names).axes[0]
    shown = bars(axes)
    means = dict(zip(names, importances.mean(0), strict=True))
    assert list(shown) == sorted(names, key=lambda name: -means[name])
    assert shown == {name: pytest.approx(mean) for name, mean in means.items()}
    for name, path in zip(shown, axes.collections[0].get_paths(), strict=True):
        column = importances[:, names.index(name)]
        span = np.asarray(path.vertices)[:, 0]
        np.testing.assert_allclose(span, [column.min(), column.max()])
