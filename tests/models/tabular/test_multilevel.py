"""Weights for all and for each state."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from bossline.core.errors import UserError
from bossline.models.tabular.multilevel import Multilevel, MultilevelConfig
from bossline.models.tabular.ridge import RidgeConfig

STATES = 6
NAMES = ("cli", *(f"S{state}" for state in range(STATES - 1)), "cli.1", "tested", "always")


def survey(seed: int, per_state: int) -> tuple[Tensor, Tensor]:
    """States of which the last has no column; what the change of cli means differs among them."""
    rng = np.random.default_rng(seed)
    state = np.arange(STATES * per_state) % STATES
    slope = 2 * np.random.default_rng(0).normal(size=STATES)  # the same for every seed
    cli, change, tested = rng.normal(size=(3, len(state)))
    cli = 20 + cli
    y = 3 * tested + slope[state] * change + 0.3 * rng.normal(size=len(state)) + 50
    x = np.stack([cli, *np.eye(STATES)[state, :-1].T, cli + change, tested, np.ones_like(y)], 1)
    return torch.from_numpy(x).float(), torch.from_numpy(y)


def fitted(x: Tensor, y: Tensor, changes: bool = True) -> Multilevel:
    model = MultilevelConfig(changes=changes).build(x.shape[1], 1)
    model.names = NAMES
    model.fit([(x[:50], y[:50]), (x[50:], y[50:])])
    return model


@torch.no_grad()
def error(model: torch.nn.Module, x: Tensor, y: Tensor) -> float:
    found = model(x)
    assert found.shape == y.shape
    assert found.dtype == torch.float32
    return float((found - y).square().mean())


def test_it_learns_what_is_so_in_one_state_only() -> None:
    train, test = survey(1, 40), survey(2, 40)
    ridge = RidgeConfig().build(len(NAMES), 1)
    ridge.fit([train])
    model = fitted(*train)
    assert error(model, *test) < 0.13  # the noise is 0.09
    assert error(ridge, *test) > 0.5


def test_a_state_of_few_rows_leans_on_the_others() -> None:
    """Least squares of two rows says nothing of four weights; the others' weights do."""
    x, y = survey(1, 40)
    state = torch.arange(len(x)) % STATES
    kept = (state != 2) | (torch.arange(len(x)) < 2 * STATES)
    model = fitted(x[kept], y[kept])
    test_x, test_y = survey(2, 40)
    one = torch.arange(len(test_x)) % STATES == 2
    assert error(model, test_x[one], test_y[one]) < 1.5  # y has a variance of about 10


def test_a_state_that_was_never_seen_gets_the_common_weights() -> None:
    x, y = survey(1, 40)
    state = torch.arange(len(x)) % STATES
    model = fitted(x[state != 5], y[state != 5])
    assert not model.tells[0]
    assert model.tells.tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0]  # what is 1 everywhere tells nothing
    assert error(model, x[state == 5], y[state == 5]) < 4
    never = model.weight[len(NAMES)]
    assert torch.equal(never, model.weight[0])  # no state's row
    assert not torch.equal(never, model.weight[1])


def test_the_state_dict_is_all_that_it_needs() -> None:
    x, y = survey(1, 20)
    model = fitted(x, y)
    loaded = MultilevelConfig(changes=True).build(len(NAMES), 1)
    loaded.load_state_dict(copy.deepcopy(model.state_dict()))
    with torch.no_grad():
        assert torch.equal(loaded(x), model(x))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(loaded(x), model(x))


def test_units_do_not_matter() -> None:
    x, y = survey(1, 20)
    scaled = x * torch.tensor([100.0] + [1.0] * (STATES - 1) + [100.0, 0.01, 1.0])
    one, other = fitted(x, y), fitted(scaled, y * 7 - 3)
    with torch.no_grad():
        torch.testing.assert_close(other(scaled), one(x) * 7 - 3, rtol=1e-3, atol=0.05)


def test_without_states_all_rows_are_one_group() -> None:
    x, y = survey(1, 20)
    model = MultilevelConfig().build(3, 1)
    said = model.fit([(x[:, [0, 6, 7]], 3 * x[:, 7] + y.float() * 0.01)])
    assert said.startswith("1 groups of rows, 3 of 3 columns, mean squared error of these rows ")


def test_a_row_of_two_groups_is_an_error() -> None:
    x, y = survey(1, 20)
    x[0, 1] = x[0, 2] = 1
    with pytest.raises(UserError, match=r"a one in two columns .*: set model\.kind=ridge"):
        fitted(x, y)
