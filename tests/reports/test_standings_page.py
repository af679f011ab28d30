"""Recipes against a reference: on the page, in the pictures, in the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from rich.console import Console

from bossline.cli.tables.studies import standings_table, study_table
from bossline.evaluation.comparison import Comparison
from bossline.evaluation.intervals import Interval
from bossline.reports.differences import differences
from bossline.reports.efficiency import efficiency
from bossline.reports.standings import (
    costs_table,
    keys_table,
    result_table,
    verdict_of,
    write_ablation,
    write_comparison,
)
from bossline.reports.wording import signed
from bossline.studies.compare import Compared
from bossline.studies.costs import Costs
from bossline.studies.standings import Entry, Standings
from tests.reports.report_fakes import fake_run
from tests.reports.test_page import FEW, Page


def entry(name: str, *accuracies: float) -> Entry:
    runs = []
    for seed, accuracy in enumerate(accuracies, 1):
        run = fake_run(name, accuracy, classes=FEW, utterances=12)
        run.recipe = run.recipe.model_copy(update={"seed": seed, "name": name})
        run.path = Path("runs") / f"{name}-{seed}"
        run.info = run.info.model_copy(update={"seconds": 60.0 * seed})
        runs.append(run)
    return Entry(name, tuple(runs), tuple(run.scores["test"] for run in runs))


@pytest.fixture(scope="module")
def compared() -> Compared:
    first = entry("plain_$x$", 0.7, 0.71)
    standings = Standings.of(first, [entry("wide", 0.9), entry("like", 0.7), entry("worse", 0.4)])
    costs = (Costs(2.5e6, 3e13), Costs(4e6, None), None, Costs(552.0, 1e9))
    return Compared(standings, costs, {"model.width": ("64", "512", "64", "2")})


def test_the_verdict_names_every_entry_once(compared: Compared) -> None:
    standings = compared.standings
    text = verdict_of(standings)
    for other, comparison in zip(standings.others, standings.comparisons, strict=True):
        said = f"{other.name} ({signed(comparison.difference.value)})"
        start = comparison.verdict[0].upper() + comparison.verdict[1:]
        (sentence,) = (part for part in text.split(". ") if said in part)
        assert sentence.startswith(start)
    assert "all 3 together (Holm)" in text
    alone = Standings.of(standings.others[0], standings.others[1:2])
    assert "Holm" not in verdict_of(alone)
    assert "what another seed would change" in verdict_of(alone)


def test_tables(compared: Compared) -> None:
    results = result_table(compared.standings)
    assert [row[1] for row in results.rows] == ["1, 2", "1", "1", "1"]
    assert results.rows[0][5:] == ("", "reference")
    assert results.columns[2:4] == ("training", "validation")
    costs = costs_table(compared)
    assert costs.rows[0][2:6] == ("2.5 M", "512,345", "1 min 30 s", "30.0 T")
    assert [row[5] for row in costs.rows] == ["30.0 T", "–", "–", "1.0 G"]
    assert keys_table(compared).rows == [("model.width", "64", "512", "64", "2")]
    one_seed = Standings.of(compared.standings.others[0], compared.standings.others[1:])
    assert "seeds" not in result_table(one_seed).columns


def test_tables_fit_a_terminal(compared: Compared) -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(standings_table(compared.standings))
    console.print(study_table(costs_table(compared)))
    text = console.export_text()
    assert "…" not in text
    assert all(str(e.score) in text for e in compared.standings.entries)
    assert "worse" in text
    assert "512,345" in text


def test_differences_are_drawn_where_they_are(compared: Compared) -> None:
    axes = differences(compared.standings).axes[0]
    drawn = [line for line in axes.lines if line.get_marker() == "o"]
    for place, comparison in enumerate(compared.standings.comparisons):
        at = np.asarray(drawn[place].get_xydata()).tolist()
        assert at == [[comparison.difference.value, place]]
    colours = {line.get_color() for line in drawn}
    assert len(colours) == len({c.verdict for c in compared.standings.comparisons})
    assert [text.get_text() for text in axes.get_yticklabels()] == ["wide", "like", "worse"]


def error_bars(axes: Axes) -> list[ErrorbarContainer]:
    return [c for c in axes.containers if isinstance(c, ErrorbarContainer)]


def places(bar: ErrorbarContainer) -> np.ndarray:
    return np.asarray(bar.lines[0].get_xdata())


def test_scores_are_drawn_over_their_costs(compared: Compared) -> None:
    per_frame, training = efficiency(compared).axes
    for axes, expected in ((per_frame, [2.5e6, 4e6, 552.0]), (training, [3e13, 1e9])):
        assert [at.item() for at in map(places, error_bars(axes))] == expected
        low, high = axes.get_xlim()
        ticks = axes.xaxis.get_majorticklocs()
        assert np.any((ticks >= low) & (ticks <= high))
    first = compared.standings.reference.score
    (stem,) = error_bars(per_frame)[0].lines[2]
    assert np.asarray(stem.get_segments()[0])[:, 1] == pytest.approx([first.low, first.high])


@pytest.mark.parametrize("cost", [1.0, 1.3e5, 9.99e6, 4e14])
def test_one_cost_alone_still_has_a_tick(cost: float, compared: Compared) -> None:
    pair = Standings.of(compared.standings.reference, compared.standings.others[:1])
    found = Compared(pair, (Costs(cost, None), Costs(cost, None)), {})
    per_frame, training = efficiency(found).axes
    low, high = per_frame.get_xlim()
    ticks = per_frame.xaxis.get_majorticklocs()
    assert np.any((ticks >= low) & (ticks <= high))
    assert not training.get_visible()


def test_the_pages(compared: Compared, tmp_path: Path) -> None:
    path = write_comparison(tmp_path / "a.html", compared, command="bossline compare a b")
    page = Page(path.read_text(encoding="utf-8"))
    for e in compared.standings.entries:
        assert e.name in page.text
        assert str(e.score) in page.text
    assert "bossline compare a b" in page.text
    assert (
        path.read_bytes()
        == write_comparison(
            tmp_path / "b.html", compared, command="bossline compare a b"
        ).read_bytes()
    )
    path = write_ablation(
        tmp_path / "c.html", compared.standings, added=False, command="bossline ablate x"
    )
    assert "with one part less" in Page(path.read_text(encoding="utf-8")).text


def test_what_is_not_evidence_is_no_verdict() -> None:
    unsure = Comparison(
        difference=Interval(value=0.01, low=-0.01, high=0.03),
        p=0.3,
        verdict="no evidence of a difference",
    )
    first, other = entry("a", 0.7), entry("b", 0.7)
    text = verdict_of(Standings(first, (other,), (unsure,)))
    assert text.startswith("No evidence of a difference from a: b (+0.0100).")
