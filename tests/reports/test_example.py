from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bossline.data.features.spec import FeatureSpec
from bossline.data.phones import LIBRIPHONE, phonetic_order
from bossline.tasks.phoneme.pictures import (
    LEAST,
    MOST_ROWS,
    Example,
    classes_that_matter,
    draw_posteriors,
    example,
)
from tests.reports.report_fakes import fake_run


def picture(*, smoothed: bool) -> Example:
    found = fake_run(utterances=2, smoothed=smoothed).picture
    assert found is not None
    return found


def of(true: list[int], predicted: list[int], posteriors: list[list[float]]) -> Example:
    return Example(
        id="few",
        features=np.zeros((len(true), 2), np.float32),
        true=np.array(true),
        posteriors=np.array(posteriors, np.float32),
        predicted=np.array(predicted),
        smoothed=False,
        spec=FeatureSpec(kind="mfcc", dim=2),
    )


def edge(frame: int) -> float:
    """Seconds at which a frame begins: 10 ms each, centred in windows of 25 ms."""
    return 0.01 * frame + 0.0075 if frame else 0


def middle(frame: int) -> float:
    return 0.01 * frame + 0.0125


def names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def spans(axes: Axes) -> list[tuple[float, float]]:
    """Left and right of each coloured segment, in seconds."""
    boxes = [path.get_extents() for patches in axes.collections for path in patches.get_paths()]
    return [(round(box.x0, 6), round(box.x1, 6)) for box in boxes]


def said(row: list[int]) -> list[tuple[float, float]]:
    """When each segment begins and ends."""
    lengths = [len(list(same)) for _, same in groupby(row)]
    ends = np.cumsum(lengths).tolist()
    edges = [round(edge(frame), 6) for frame in [0, *ends]]
    return list(pairwise(edges))


def followed(figure: Figure) -> list[str]:
    """The class that the path goes through in the middle of each frame."""
    axes = figure.axes[1]
    path = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    x, y = (np.asarray(data, float) for data in path.get_data())
    rows = [int(y[x <= middle(t)][-1]) for t in range(round(x[-1] * 100 - 0.75))]
    return [names(axes)[row] for row in rows]


@given(st.integers(0, 2**32 - 1))
def test_rows_are_the_classes_that_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = len(LIBRIPHONE)
    true, predicted = generator.integers(0, count, (2, 5)).tolist()
    posteriors = generator.dirichlet(np.full(count, 0.1), 5).astype(np.float32).tolist()
    rows = classes_that_matter(of(true, predicted, posteriors), LIBRIPHONE)
    for k in range(count):
        probable = any(row[k] >= LEAST for row in posteriors)
        assert (k in rows) == (k in true or k in predicted or probable)
    assert rows == [k for k in phonetic_order(LIBRIPHONE) if k in rows]


def test_rows_stay_readable() -> None:
    classes = tuple(f"state {k}" for k in range(60))
    true = np.repeat(np.arange(60), np.arange(1, 61)).tolist()
    posteriors = np.full((len(true), 60), 1 / 60).tolist()
    rows = classes_that_matter(of(true, true, posteriors), classes)
    assert rows == list(range(60 - MOST_ROWS, 60))


@pytest.mark.parametrize("smoothed", [False, True])
def test_path_goes_through_the_chosen_classes(smoothed: bool) -> None:
    found = picture(smoothed=smoothed)
    shown = [LIBRIPHONE[k] for k in found.predicted[:400]]
    assert followed(example(found, LIBRIPHONE)) == shown


def test_boxes_frame_the_true_phones() -> None:
    found = picture(smoothed=True)
    axes = example(found, LIBRIPHONE).axes[1]
    boxes = [path.get_extents() for path in axes.collections[0].get_paths()]
    for t, k in enumerate(found.true[:400]):
        row = names(axes).index(LIBRIPHONE[k])
        assert [b.contains(middle(t), row) for b in boxes].count(True) == 1
    assert sum(box.width for box in boxes) == pytest.approx(edge(400))


def test_map_holds_the_posteriors_of_its_rows() -> None:
    found = picture(smoothed=False)
    axes = example(found, LIBRIPHONE).axes[1]
    shown = axes.images[0].get_array()
    assert shown is not None
    columns = [LIBRIPHONE.index(name) for name in names(axes)]
    np.testing.assert_array_equal(shown, found.posteriors[:400, columns].T)


def test_maps_have_each_frame_in_its_place() -> None:
    for axes in example(picture(smoothed=False), LIBRIPHONE).axes[:2]:
        left, right, _, _ = axes.images[0].get_extent()
        centres = left + (np.arange(400) + 0.5) * (right - left) / 400
        assert centres == pytest.approx([middle(t) for t in range(400)])


def test_what_has_no_row_is_a_gap() -> None:
    axes = Figure().subplots()
    found = of([0, 1, 2], [0, 2, 1], [[0.4, 0.3, 0.3]] * 3)
    draw_posteriors(axes, found, [0, 1], ("a", "b", "c"))
    path = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    np.testing.assert_array_equal(path.get_ydata(), [0, np.nan, 1, 1])
    assert len(axes.collections[0].get_paths()) == 2


@pytest.mark.parametrize("smoothed", [False, True])
def test_a_strip_for_each_row_of_classes(smoothed: bool) -> None:
    found = picture(smoothed=smoothed)
    strips = example(found, LIBRIPHONE).axes[2:-1]
    assert [names(axes) for axes in strips] == [["true"], ["predicted"], ["smoothed"]][
        : 3 if smoothed else 2
    ]
    best = [int(row.argmax()) for row in found.posteriors[:400]]
    rows = [found.true[:400].tolist(), best, found.predicted[:400].tolist()]
    for axes, row in zip(strips, rows, strict=False):
        assert spans(axes) == said(row)


@pytest.mark.parametrize("smoothed", [False, True])
def test_confidence_is_the_posterior_of_the_chosen_class(smoothed: bool) -> None:
    found = picture(smoothed=smoothed)
    axes = example(found, LIBRIPHONE).axes[-1]
    chosen = [found.posteriors[t, k] for t, k in enumerate(found.predicted[:400])]
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == chosen
    assert axes.lines[0].get_xdata() == pytest.approx([middle(t) for t in range(400)])
    wrong = [t for t in range(400) if any(start < middle(t) < end for start, end in spans(axes))]
    assert wrong == np.flatnonzero(found.true[:400] != found.predicted[:400]).tolist()
    assert ("smoothed" in axes.get_title(loc="left")) == smoothed


def test_only_what_is_seen_matters() -> None:
    late = LIBRIPHONE.index("OY")
    found = picture(smoothed=False)
    true, posteriors = found.true.copy(), found.posteriors.copy()
    true[true == late], posteriors[:, late] = 0, 0
    true[400:], posteriors[400:, late] = late, 1
    found = replace(found, true=true, posteriors=posteriors, predicted=posteriors.argmax(1))
    figure = example(found, LIBRIPHONE)
    assert "OY" not in names(figure.axes[1])
    assert {axes.get_xlim() for axes in figure.axes} == {(0, edge(400))}


def test_segments_are_named_where_names_fit() -> None:
    figure = example(picture(smoothed=False), LIBRIPHONE)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert set(texts) <= set(LIBRIPHONE)
    assert len(texts) > 20


def test_example_may_be_shorter_than_the_picture() -> None:
    axes = example(of([1], [0], [[0.9, 0.1]]), ("SIL", "IY")).axes
    assert axes[0].get_xlim() == (0, 0.0175)
    assert names(axes[1]) == ["IY", "SIL"]


def test_nothing_is_shaded_where_all_is_right() -> None:
    axes = example(of([1, 1], [1, 1], [[0.1, 0.9]] * 2), ("SIL", "IY")).axes
    assert spans(axes[-1]) == []
    assert names(axes[1]) == ["IY"]
