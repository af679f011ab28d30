"""The range test of learning rates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rich.console import Console

from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.reports.lr_range import verdict, write_lr_range
from bossline.studies.lr_range import LrRange, lr_range

SGD = ("optimiser={kind: sgd, lr: 0.01, momentum: 0}", "batches.size=64")


def range_of(*arguments: str, recipe: str = "phoneme/simple") -> LrRange:
    return lr_range(
        recipe, "toy", arguments, steps=40, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip


def of(losses: list[float]) -> LrRange:
    rates = tuple(10.0 ** (place / 4 - 5) for place in range(len(losses)))
    recipe = load_recipe("phoneme/simple")
    return LrRange(recipe, "toy", rates, tuple(losses), tuple(losses), 4e-3, False)


def test_rates_rise_by_the_same_factor_between_the_ends(toy: Corpus) -> None:
    found = range_of(*SGD, "optimiser.lr=1e-4..1e-1:log")
    assert found.rates[0] == pytest.approx(1e-4)
    assert found.rates[-1] == pytest.approx(1e-1)
    ratios = [b / a for a, b in zip(found.rates, found.rates[1:], strict=False)]
    assert ratios == pytest.approx([1000 ** (1 / 39)] * 39)


def test_around_the_recipes_own_rate_by_default(toy: Corpus) -> None:
    found = range_of(*SGD[1:], "optimiser={kind: sgd, lr: 1e-3}")
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.rates[-1] == pytest.approx(1.0)
    assert found.own == 1e-3


def test_a_rate_that_is_too_high_ends_the_test(toy: Corpus) -> None:
    """A rate beyond all bounds: the loss rises or is no number, and the lowest lies before."""
    found = range_of(*SGD, "optimiser.lr=1e-3..1e9")
    assert found.ended_early
    assert found.lowest < found.rates[-1]
    assert found.suggested == pytest.approx(found.lowest / 10)


def test_the_first_loss_is_that_of_the_fresh_model(toy: Corpus) -> None:
    found = range_of(*SGD)
    uniform = torch.tensor(5.0).log().item()  # of five classes, a fresh model knows nothing
    assert abs(found.losses[0] - uniform) < 0.5


def test_the_three_rates_of_a_curve() -> None:
    found = of([5, 5, 5, 4.9, 4, 3, 2.5, 2.4, 2.3, 2.5, 4])
    assert found.lowest == found.rates[8]
    assert found.steepest in (found.rates[3], found.rates[4], found.rates[5])
    assert f"optimiser.lr={found.lowest / 10:.2g}" in verdict(found)
    assert "give a higher one" in verdict(of([5.0, 4.0, 3.0, 2.0]))


def test_the_page(toy: Corpus) -> None:
    found = range_of(*SGD)
    page = write_lr_range(found, Path("report.html"), "bossline tune ...").read_text()
    assert f"{found.suggested:.2g}" in page
    assert "<svg" in page
    again = write_lr_range(found, Path("again.html"), "bossline tune ...").read_text()
    assert page == again


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        ("phoneme/simple", ["optimiser.lr=1..0.1"], "expected optimiser.lr=LOW..HIGH"),
        ("phoneme/simple", ["optimiser.lr=a..b"], "expected optimiser.lr=LOW..HIGH"),
        ("phoneme/floor", [], "is fitted without gradient steps: it has no rate"),
    ],
)
def test_wrong_ranges_are_one_clear_line(
    toy: Corpus, recipe: str, arguments: list[str], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        range_of(*arguments, recipe=recipe)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
