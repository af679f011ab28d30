"""Changes from day to day, against a table written out by hand and linear regression."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from bossline.models.tabular.base import Standardised, changed, next_days
from bossline.models.tabular.columns import AllConfig, NamedConfig
from bossline.models.tabular.ridge import RidgeConfig

NAMES = ("AL", "v1.5", "cli", "ili", "cli.1", "ili.1", "cli.2", "tested", "tested.1", "cli.9")


def test_a_day_later_is_the_next_number() -> None:
    expected = (0, 1, 4, 5, 6, 5, 6, 8, 8, 9)  # v1.5 and cli.9 have neither a day before nor after
    assert next_days(NAMES).tolist() == list(expected)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_changes_are_differences_of_days(questions: int, days: int, seed: int) -> None:
    answers = torch.from_numpy(np.random.default_rng(seed).normal(size=(7, days, questions)))
    names = [f"q{q}" + (f".{day}" if day else "") for day in range(days) for q in range(questions)]
    expected = torch.cat([answers.diff(dim=1), answers[:, -1:]], 1)
    found = changed(answers.flatten(1), next_days(names))
    torch.testing.assert_close(found, expected.flatten(1))


def test_least_squares_of_changes_is_that_of_answers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, len(NAMES))).astype(np.float32)
    y = rng.normal(size=60)
    model = RidgeConfig(changes=True).build(len(NAMES), 1)
    model.names = NAMES
    model.fit([(torch.from_numpy(x), torch.from_numpy(y))])
    expected = LinearRegression().fit(x, y).predict(x)
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach(), expected, atol=1e-5)


def test_a_chosen_change_travels_in_the_state_dict() -> None:
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy(rng.normal(size=(20, len(NAMES)))), torch.zeros(20)
    columns = NamedConfig(names=("cli.1", "AL"))
    fitted = Standardised(columns, len(NAMES), changes=True)
    fitted.fit(x, y, NAMES)
    change = x[:, 6] - x[:, 4]
    expected = torch.stack([x[:, 0], change], 1)
    expected = (expected - expected.mean(0)) / expected.std(0, correction=0)
    torch.testing.assert_close(fitted(x), expected)
    loaded = Standardised(columns, len(NAMES), changes=True)
    loaded.load_state_dict(fitted.state_dict())
    assert torch.equal(loaded(x), fitted(x))
    plain = Standardised(AllConfig(), len(NAMES))
    plain.fit(x, y, NAMES)
    assert plain.following.tolist() == list(range(len(NAMES)))
