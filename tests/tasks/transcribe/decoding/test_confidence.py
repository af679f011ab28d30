"""Confidences of phones: by hand, against scikit-learn, and on networks that are too sure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.isotonic import IsotonicRegression
from torch.nn import functional

from bossline.core.errors import UserError
from bossline.evaluation.calibration import calibration_bins, expected_calibration_error
from bossline.tasks.transcribe.decoding.confidence import Calibration, Floats, agreement
from bossline.tasks.transcribe.decoding.edits import align
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig, prefix_beam_search


def test_agreement_by_hand() -> None:
    found = Hypotheses(
        symbols=torch.tensor([[[1, 2, 3], [1, 3, 0], [4, 2, 3]], [[2, 0, 0]] + [[0, 0, 0]] * 2]),
        lengths=torch.tensor([[3, 2, 3], [1, 0, 0]]),
        scores=torch.tensor([[0.5, 0.3, 0.2], [0.9, 0, 0]]).log(),
        ended=torch.tensor([[True] * 3, [True, False, False]]),
    )
    first, second = agreement(found)
    assert first == pytest.approx([0.8, 0.7, 1.0])
    assert second == pytest.approx([1.0])
    # Scores of half the weight: square roots of the posteriors.
    root = np.sqrt([0.5, 0.3, 0.2])
    assert agreement(found, 2.0)[0][0] == pytest.approx(root[:2].sum() / root.sum())


def test_where_nothing_was_found() -> None:
    nothing = Hypotheses(
        torch.zeros(1, 2, 4, dtype=torch.int64),
        torch.zeros(1, 2, dtype=torch.int64),
        torch.full((1, 2), -torch.inf),
        torch.zeros(1, 2, dtype=torch.bool),
    )
    assert agreement(nothing)[0].shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1).map(lambda x: round(x, 2)), st.booleans()), min_size=1))
def test_isotonic_regression_is_scikit_learn_s(pairs: list[tuple[float, bool]]) -> None:
    sure, right = np.array([x for x, _ in pairs]), np.array([y for _, y in pairs], np.float64)
    expected = IsotonicRegression(out_of_bounds="clip").fit(sure, right)
    asked = np.linspace(0, 1, 101)
    found = Calibration.fit(sure, right)
    assert found(asked) == pytest.approx(expected.predict(asked), abs=1e-6)
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def too_sure(seed: int) -> tuple[Floats, Floats]:
    """Confidences of phones, and whether they are right, of a network that doubles its logits."""
    draws = torch.Generator().manual_seed(seed)
    said = torch.randint(1, 9, (60, 12), generator=draws)
    path = functional.pad(said.unsqueeze(2), (0, 1)).flatten(1)  # blanks between phones
    logits = torch.randn(60, 24, 9, generator=draws) + 2.5 * functional.one_hot(path, 9)
    log_probs = (2 * logits).log_softmax(2)
    lengths = torch.full((60,), 24)
    found = prefix_beam_search(log_probs, lengths, PrefixBeamConfig(beam=16))
    right = align(said.tolist(), found.best()).right
    return np.concatenate(agreement(found)), right.astype(np.float64)


def error(confidences: Floats, right: Floats) -> float:
    return expected_calibration_error(calibration_bins(confidences, right))


def test_calibration_helps_where_it_was_not_fitted() -> None:
    calibration = Calibration.fit(*too_sure(0))
    sure, right = too_sure(1)
    before, after = error(sure, right), error(calibration(sure), right)
    assert before > 0.08
    assert after < before / 2
    # Sure ones are more often right, so there was something to learn.
    assert right[sure > 0.9].mean() > right[sure < 0.5].mean() + 0.2


def test_nothing_to_calibrate_on() -> None:
    with pytest.raises(UserError, match="there are none"):
        Calibration.fit([], [])


@pytest.mark.parametrize(
    ("confidences", "shares"),
    [((0.1, 0.1), (0.2, 0.3)), ((0.1, 0.2), (0.4, 0.3)), ((0.1,), (0.1, 0.2)), ((0.1,), (1.1,))],
)
def test_what_is_no_curve(confidences: tuple[float, ...], shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="should"):
        Calibration(confidences=confidences, shares=shares)
