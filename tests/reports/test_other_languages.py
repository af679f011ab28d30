"""A page in another language has no English sentence left, on the page or in its pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bossline.cli.tables.scores import folds_table, per_class_table, runs_table, scores_table
from bossline.cli.tables.studies import standings_table, sweep_table
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import VARIABLE, speaking, spoken
from bossline.core.progress import duration
from bossline.data.features.spec import ImageSpec
from bossline.evaluation.calibration import Binning, CalibrationBin
from bossline.recipes.loading import load_recipe
from bossline.reports.diagnosis import write_diagnosis
from bossline.reports.lr_range import write_lr_range
from bossline.reports.page import write_report
from bossline.reports.standings import write_ablation, write_comparison
from bossline.reports.sweep import write_sweep_report
from bossline.reports.tuning import write_tuning_report
from bossline.studies.compare import Compared
from bossline.studies.costs import Costs
from bossline.studies.diagnosis.layers import Layer
from bossline.studies.diagnosis.objective import MODE, NO_CUDNN, NOT_FUSED
from bossline.studies.standings import Standings
from bossline.tasks.food.pictures import SeenImages
from tests.conftest import classified
from tests.reports.report_fakes import (
    FakeRun,
    fake_regression_run,
    fake_run,
    fake_speaker_run,
    unfinished_run,
)
from tests.reports.test_folds_page import fake_folds
from tests.reports.test_image_pictures import fake_images
from tests.reports.test_page import FEW
from tests.reports.test_standings_page import entry
from tests.reports.test_sweep_page import PLANE, WIDTHS, fake_sweep
from tests.studies.diagnosis.test_diagnose import made_up
from tests.studies.test_lr_range import of as fake_range
from tests.tasks.transcribe.test_pictures import string_run

UNREAD = {"style", "code", "pre", "title"}  # commands and recipes stay as one types them
SENTENCE = re.compile(r"[A-Za-z][A-Za-z'’-]*(?:[ ,;:]+[A-Za-z][A-Za-z'’-]*){2,}")
NAMES = ("Listen, Attend and Spell", "Li et al")  # of what has no Chinese one


class Told(HTMLParser):
    """What a reader sees or hears: text, and the labels of pictures and tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.inside.append(tag)
        self.texts += [value or "" for name, value in attrs if name == "aria-label"]

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.texts.append(" ".join(data.split()))


def english(texts: list[str]) -> list[str]:
    """What looks like a sentence of it."""
    for name in NAMES:
        texts = [text.replace(name, "") for text in texts]
    return [found for text in texts for found in SENTENCE.findall(text)]


def food_run() -> FakeRun:
    run = fake_run(classes=("bread", "egg", "soup"))
    run.recipe = load_recipe("food/strong")
    scores = {split: classified(found) for split, found in run.scores.items()}
    run.scores = {k: found.model_copy(update={"unit": "images"}) for k, found in scores.items()}
    run.scores["test, one view"] = run.scores["test"]
    run.info = run.info.model_copy(update={"features": ImageSpec(), "edition": ""})
    return run


RUNS: dict[str, Callable[[], list[FakeRun]]] = {
    "phoneme": lambda: [fake_run(classes=FEW, smoothed=True)],
    "ladder": lambda: [fake_run(r, s, classes=FEW) for r, s in (("floor", 0.5), ("strong", 0.8))],
    "unfinished": lambda: [unfinished_run(), unfinished_run(2)],
    "speaker": lambda: [fake_speaker_run(), fake_speaker_run("simple", speakers=5)],
    "covid": lambda: [fake_regression_run()],
    "food": lambda: [food_run()],
    "transcribe": lambda: [string_run("a", 1, attention=False), string_run("b", 2, attention=True)],
}


@pytest.mark.parametrize("what", RUNS)
def test_a_page_of_runs(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def images(run: object) -> SeenImages:
        return fake_images(30)

    monkeypatch.setattr("bossline.tasks.food.pictures.images_of", images)
    path = write_report(RUNS[what](), tmp_path / "page.html", lang="zh")
    page = path.read_text(encoding="utf-8")
    assert '<html lang="zh-Hant">' in page
    assert english(Told(page).texts) == []


def test_a_page_of_folds(tmp_path: Path) -> None:
    rungs = [fake_folds("boss", 0.82, 0.83), fake_folds("strong", 0.7, 0.74944)]
    page = write_report(rungs, tmp_path / "page.html", lang="zh").read_text(encoding="utf-8")
    assert english(Told(page).texts) == []


def test_pages_of_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reference = entry("plain", 0.7, 0.71)
    standings = Standings.of(reference, [entry("wide", 0.9), entry("like", 0.7), entry("bad", 0.4)])
    costs = (Costs(2.5e6, 3e13), Costs(4e6, None), None, Costs(552.0, 1e9))
    with speaking("zh"):
        pages = [
            write_comparison(Path("a.html"), Compared(standings, costs, {}), command="compare"),
            write_ablation(Path("b.html"), standings, added=True, command="ablate"),
            write_ablation(Path("c.html"), standings, added=False, command="ablate"),
            write_lr_range(fake_range([5, 5, 4, 3, 4]), Path("d.html"), "tune"),
        ]
        for name in (WIDTHS, PLANE, ("studies/optimisers",)):
            sweep = fake_sweep(*name, failed=(1,))
            pages.append(write_sweep_report(sweep, "sweep").rename(f"{name[-1][-3:]}.html"))
    for page in pages:
        assert english(Told(page.read_text(encoding="utf-8")).texts) == []


def test_the_page_of_a_diagnosis(tmp_path: Path) -> None:
    directions = np.linspace(-1, 1, 5)
    sides = (
        made_up([-2.0, -1.0, 0.0, 40.0], norm=0.1, noise=0.5, dead=0, sure=0.81),
        made_up([0.1, 40.0], norm=0.01, noise=0.001, dead=20, sure=0.9),
        made_up([-1e-6, 1e-6], norm=1.0, noise=0.1, dead=0, sure=0.7),
    )
    for found in sides:
        shown = replace(
            found,
            run=fake_run(classes=FEW, utterances=2),
            line=1 + directions**2,
            plane=1 + directions[:, None] ** 2 + directions**2,
            layers=[Layer("hidden", 0.5, 0.1, 2.0), Layer("output", 2.0, 0.3, 3.0)],
            calibration={
                binning: [CalibrationBin(0.6, 1.0, 100, 0.8, 0.7)] for binning in get_args(Binning)
            },
            kernels=(MODE, NOT_FUSED, NO_CUDNN),
        )
        with speaking("zh"):
            page = write_diagnosis(shown, tmp_path / "page.html").read_text(encoding="utf-8")
        assert english(Told(page).texts) == []


def test_the_page_of_a_search(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    from tests.studies.tuning.test_tuned import found_in

    with speaking("zh"):
        path = write_tuning_report(found_in(tmp_path, 15, pruned=3, failed=2), "bossline tune")
    assert english(Told(path.read_text(encoding="utf-8")).texts) == []


def test_tables_of_scores() -> None:
    def cells(table: object) -> list[str]:
        columns = table.columns  # type: ignore[attr-defined]
        caption = str(table.caption or "")  # type: ignore[attr-defined]
        return [str(column.header) for column in columns] + caption.split("\n")

    run = fake_run(classes=FEW)
    standings = Standings.of(entry("plain", 0.7, 0.71), [entry("wide", 0.9)])
    smoothed = {
        **run.scores,
        "test, unsmoothed": fake_run(accuracy=0.7, classes=FEW).scores["test"],
    }
    with speaking("zh"):
        tables = [
            runs_table([run]),
            runs_table([fake_regression_run()]),
            folds_table([fake_folds("strong", 0.7, 0.74944), fake_folds("boss", 0.82, 0.83)]),
            scores_table(smoothed),
            per_class_table(classified(run.scores["test"]), FEW),
            standings_table(standings),
            sweep_table(fake_sweep(*WIDTHS)),
        ]
    for table in tables:
        assert english(cells(table)) == []


# Which language is spoken.


def test_the_argument_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(lang: str | None) -> bytes:
        return write_report([fake_regression_run()], tmp_path / "page.html", lang=lang).read_bytes()

    plain = page(None)
    assert b'<html lang="en">' in plain
    chinese = page("zh")
    monkeypatch.setenv(VARIABLE, "zh")
    assert page(None) == chinese
    assert page("en") == plain


def test_a_language_that_nobody_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(UserError, match="fr: expected a language, en or zh"):
        write_report([fake_regression_run()], path, lang="fr")
    monkeypatch.setenv(VARIABLE, "tw")
    with pytest.raises(UserError, match="BOSSLINE_LANG=tw: expected"):
        write_report([fake_regression_run()], path)
    assert not path.exists()


def test_a_language_is_spoken_in_its_block_only() -> None:
    with speaking("zh"):
        assert (counted(2, "trial"), duration(372)) == ("2 次試驗", "6 分 12 秒")
        with speaking():  # as around it
            assert spoken() == "zh"
        with speaking("en"):
            assert counted(2, "trial") == "2 trials"
    assert (spoken(), duration(372)) == ("en", "6 min 12 s")


def test_figures_drawn_outside_of_pages_are_english() -> None:
    """A notebook shows them as bitmaps, for which Chinese wants a font that may not be there."""
    from bossline.reports.curves import learning_curves

    figure = learning_curves([fake_run(classes=FEW)])
    assert isinstance(figure, Figure)
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert "epoch" in texts
    assert all(text.isascii() for text in texts if re.search("[A-Za-z]", text))
