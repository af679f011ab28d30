"""The page of a study, and what a sweep puts on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from bossline.figures.picture import Picture
from bossline.figures.style import new_figure
from bossline.reports.grid import compared_curves, compared_rates, dots, heat_map, lines
from bossline.reports.study import StudyTable, write_study
from bossline.reports.sweep import verdict, write_sweep_report
from bossline.studies.standings import Entry
from bossline.studies.study import open_study
from bossline.studies.sweep import Sweep
from tests.reports.report_fakes import FakeRun, fake_run
from tests.reports.test_page import Page, Stacked

WIDTHS = ("phoneme/simple", "model.width=8,16,512")
PLANE = ("phoneme/simple", "model.width=8,512", "model.activation=relu,tanh,silu")
FEW = ("SIL", "IY", "S", "T")


def fake_sweep(
    name: str, *arguments: str, gain: float = 0.1, seeds: int = 2, failed: tuple[int, ...] = ()
) -> Sweep:
    """A cell is better than the one before it by `gain`."""
    study = open_study(name, arguments, seeds=seeds)
    entries = {}
    for place, cell in enumerate(study.cells):
        accuracy = [0.5 + gain * place + 0.002 * seed for seed in range(seeds)]
        runs = tuple(fake_run(accuracy=value, classes=FEW, epochs=3) for value in accuracy)
        if place not in failed:
            entries[place] = Entry(cell.name, runs, tuple(run.scores["test"] for run in runs))
    return Sweep(study, "libriphone", entries, {study.cells[k].name: "diverged" for k in failed})


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def write(path: Path, **changes: object) -> Path:
    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1], [0, 1])
    content: dict[str, object] = {
        "title": "A <study>",
        "stands_on": ["toy", "trained 2026-01-01"],
        "about": "What is & what is not?",
        "facts": {"split": "by utterance", "command": "bossline sweep <x>"},
        "verdict": "Nothing differs.",
        "tables": [
            StudyTable("Cells", ("cell", "score"), (("a", "0.5"), ("b", "0.6"))),
            StudyTable("Words", ("cell", "verdict"), (("a", ""), ("b", "better"))),
        ],
        "pictures": [Picture.of(figure, "line", "a line", "It rises.")],
    }
    return write_study(path, **(content | changes))  # type: ignore[arg-type]


def test_a_study_page_stands_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.html")
    assert path.read_bytes() == write(tmp_path / "b.html").read_bytes()
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    for said in ("A <study>", "What is & what is not?", "by utterance", "bossline sweep <x>",
                 "Nothing differs.", "It rises.", "better"):  # fmt: skip
        assert said in page.text
    assert "A &lt;study&gt;" in html
    assert page.tags["table"] == 2
    assert page.values("class").count("chip better") == 1
    assert page.values("class").count("n") == 3  # the head and the two cells of the scores
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 560px" in html
    assert all(value.startswith("#") for value in page.values("href") + page.values("src"))
    assert len(set(page.values("id"))) == len(page.values("id"))


def test_a_study_page_does_without_pictures(tmp_path: Path) -> None:
    page = Page(write(tmp_path / "a.html", pictures=[], tables=[]).read_text(encoding="utf-8"))
    assert page.tags["figure"] == page.tags["table"] == 0


@pytest.mark.parametrize("asked", [WIDTHS, PLANE, ("studies/schedulers",)])
def test_the_page_of_a_sweep(
    asked: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = fake_sweep(*asked, gain=0.02)
    first = write_sweep_report(found, "bossline sweep it").read_bytes()
    path = write_sweep_report(found, "bossline sweep it")
    assert path.read_bytes() == first
    page = Page(first.decode())
    for place, entry in found.entries.items():
        assert entry.name in page.text
        assert f"{entry.score.value:.4f}" in page.text
        assert f"{found.validation(place):.4f}" in page.text
    assert verdict(found) in page.text
    assert all(name == column for name, column in Stacked(first.decode()).called)
    assert "bossline sweep it" in page.text
    assert page.tags["figure"] == (4 if asked == PLANE else 3)


def test_the_verdict_is_made_from_the_figures() -> None:
    found = fake_sweep(*WIDTHS)
    said = verdict(found)
    assert "Of 3 cells, width=512 has the highest validation accuracy" in said
    assert f"its test accuracy is {found.entries[2].score.value:.4f}" in said
    assert "against width=8 (better)" in said
    assert "better: 2 of 2, worse: 0, no evidence of a difference: 0" in said
    assert "One seed" not in said

    same = verdict(fake_sweep(*WIDTHS, gain=0, seeds=1))
    assert "no evidence of a difference: 2" in same
    assert "may be chance" in same
    assert "One seed a cell" in same


def test_a_failed_cell_is_left_out_and_named() -> None:
    found = fake_sweep(*WIDTHS, failed=(1,))
    assert set(found.comparisons) == {2}
    assert "Without a result: width=16." in verdict(found)
    without = fake_sweep(*WIDTHS, failed=(0,))
    assert without.comparisons == {}
    assert "Held against" not in verdict(without)
    (line,) = [line for line in lines(found).axes[0].lines if line.get_marker() == "o"]
    assert np.asarray(line.get_xdata()).tolist() == [8, 512]
    plane = fake_sweep(*PLANE, failed=(1, 4))
    assert sum(text.startswith("0.") and len(text) == 6 for text in texts(heat_map(plane))) == 2 * 4


def test_lines_stand_at_the_values() -> None:
    found = fake_sweep(*WIDTHS)
    (axes,) = lines(found).axes
    assert axes.get_xscale() == "log"  # 512 is 64 times 8
    (line,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert np.asarray(line.get_xdata()).tolist() == [8, 16, 512]
    accuracies = [entry.score.value for entry in found.entries.values()]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx(accuracies)
    (axes,) = lines(fake_sweep("phoneme/simple", "model.width=8,16,32")).axes
    assert axes.get_xscale() == "linear"


def test_the_heat_map_names_every_score() -> None:
    found = fake_sweep(*PLANE)
    validation, test = heat_map(found).axes
    for axes, scores in (
        (validation, [found.validation(place) for place in found.entries]),
        (test, [entry.score.value for entry in found.entries.values()]),
    ):
        assert [text.get_text() for text in axes.texts] == [f"{score:.4f}" for score in scores]
        assert [text.get_text() for text in axes.get_xticklabels()] == ["relu", "tanh", "silu"]


def test_cells_of_one_schedule_share_a_panel() -> None:
    found = fake_sweep(*WIDTHS)
    alone = [axes for axes in compared_rates(found).axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in alone] == ["all cells"]
    other = found.entries[1].runs[0]
    assert isinstance(other, FakeRun)
    other.rows = [row | ({"lr": 1e-4} if row["kind"] == "step" else {}) for row in other.rows]
    panels = [axes for axes in compared_rates(found).axes if axes.get_visible()]
    assert len(panels) == 2
    names = {name for axes in panels for name in axes.get_title(loc="left").split("\n")}
    assert names == {entry.name for entry in found.entries.values()}
    assert {np.asarray(axes.lines[0].get_ydata())[0] for axes in panels} >= {1e-4}
    other.rows = [row | ({"lr": 1e3} if row["kind"] == "step" else {}) for row in other.rows]
    for axes in compared_rates(found).axes:
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] > 1e3  # of one scale, and no curve is cut


def test_what_chose_a_cell_is_drawn_beside_its_test_score() -> None:
    found = fake_sweep(*WIDTHS)
    for figure in (lines(found), dots(found)):
        hollow = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
        along = (
            [np.asarray(line.get_ydata()) for line in hollow]
            if len(hollow) == 1
            else [np.asarray(line.get_xdata()) for line in hollow]
        )
        drawn = np.concatenate(along).tolist()
        assert drawn == pytest.approx([found.validation(place) for place in found.entries])


@pytest.mark.parametrize("draw", [dots, compared_curves])
def test_every_cell_is_named_and_told_apart(draw: Callable[[Sweep], Figure]) -> None:
    found = fake_sweep("studies/schedulers", gain=0.02)
    figure = draw(found)
    assert {entry.name for entry in found.entries.values()} <= set(texts(figure))
    if draw is compared_curves:
        looks = [(to_rgba(line.get_color()), line.get_linestyle(), line._dash_pattern)  # type: ignore[attr-defined]
                 for line in figure.axes[0].lines]  # fmt: skip
        assert len({repr(look) for look in looks}) == len(found.entries) == len(looks)
