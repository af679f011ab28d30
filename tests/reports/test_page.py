from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.evaluation.comparison import paired_difference
from bossline.recipes.loading import load_recipe
from bossline.reports.page import write_report
from bossline.reports.wording import repeat_command, signed, spread
from tests.conftest import classified
from tests.reports.report_fakes import FakeRun, fake_run, three_rungs, unfinished_run

FEW = ("SIL", "IY", "S", "T")
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags balance while it collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        return [value for name, value in self.attributes if name == attribute]


class Stacked(HTMLParser):
    """Of tables whose rows stand as lists on a phone: what each cell is called, and its column."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.called: list[tuple[str, str]] = []
        self._heads: list[str] = []
        self._cell, self._inside, self._in_head = 0, False, False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._inside, self._heads = ("class", "stacks") in attrs, []
        self._in_head = tag == "th" and ("scope", "col") in attrs
        if self._in_head:
            self._heads.append("")
        elif tag == "tr":
            self._cell = 0
        elif tag == "td" and self._inside:
            self._cell += 1
            self.called.append((dict(attrs)["data-label"] or "", self._heads[self._cell]))

    def handle_data(self, data: str) -> None:
        if self._in_head:
            self._heads[-1] += data.strip()


@pytest.fixture(scope="module")
def ladder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(three_rungs(), tmp_path_factory.mktemp("report") / "ladder.html")


@pytest.fixture(scope="module")
def ladder_page(ladder_file: Path) -> Page:
    return Page(ladder_file.read_text(encoding="utf-8"))


def small(run: FakeRun, path: Path) -> Page:
    return Page(write_report([run], path / "report.html").read_text(encoding="utf-8"))


def test_cells_are_called_as_their_columns(ladder_file: Path) -> None:
    """On a phone a cell stands after its column's heading."""
    called = Stacked(ladder_file.read_text(encoding="utf-8")).called
    assert len(called) > 20
    assert all(name == column for name, column in called), called


def test_nothing_is_fetched(ladder_file: Path, ladder_page: Page) -> None:
    for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
        assert all(value.startswith(("#", "data:")) for value in ladder_page.values(name)), name
    text = ladder_file.read_text(encoding="utf-8")
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text
    assert ladder_page.tags["script"] == ladder_page.tags["link"] == 0
    outside = re.findall(r'([\w:]+)="https?://', text)
    assert set(outside) <= {"xmlns", "xmlns:xlink"}
    assert ladder_file.stat().st_size < 3_000_000


def test_ids_are_unique_and_references_resolve(ladder_page: Page) -> None:
    ids = Counter(ladder_page.values("id"))
    assert max(ids.values()) == 1
    values = [value for _, value in ladder_page.attributes]
    wanted = {
        reference
        for value in values
        for reference in re.findall(r"url\(#([^)]*)\)", value) + re.findall(r"^#(\S+)$", value)
        if not re.fullmatch(r"[0-9a-f]{6}", reference)  # a colour
    }
    labelled = set(ladder_page.values("aria-labelledby"))
    assert wanted
    assert wanted | labelled <= set(ids)


def test_numbers_are_the_scores(ladder_page: Page) -> None:
    strong, simple, medium = three_rungs()
    for run in (strong, simple, medium):
        test, validation = run.scores["test"], run.scores["validation"]
        assert f"{test.score.value:.4f}" in ladder_page.text
        assert spread(test.score) in ladder_page.text
        assert f"{classified(test).macro_f1:.4f}" in ladder_page.text
        assert f"{validation.score.value:.4f}" in ladder_page.text
        assert f"{test.count:,} test frames" in ladder_page.text
    for above, below in ((medium, simple), (strong, medium)):
        found = paired_difference(above.scores["test"], below.scores["test"]).difference
        assert signed(found.value) in ladder_page.text
        assert f"{signed(found.low)} to {signed(found.high)}" in ladder_page.text


def test_rungs_rise_whatever_the_order_given(ladder_page: Page) -> None:
    body = ladder_page.text.partition("Results")[2]
    places = [body.index(f"phoneme/{rung}") for rung in ("simple", "medium", "strong")]
    assert places == sorted(places)
    assert "phoneme/medium phoneme/simple" in ladder_page.text  # a row of the comparison


def test_every_picture_has_a_name(ladder_page: Page) -> None:
    # The ladder, two of training, and for each run two of training, two of confusions, one example.
    assert ladder_page.tags["figure"] == 1 + 2 + 3 * 5
    assert ladder_page.values("role").count("img") == ladder_page.tags["svg"]
    assert all(ladder_page.values("aria-label"))


def test_says_how_to_repeat_it(ladder_page: Page) -> None:
    strong = fake_run(classes=FEW, utterances=2)
    strong.recipe = load_recipe("phoneme/strong")
    assert repeat_command(strong) == "bossline train phoneme/strong --corpus libriphone"
    strong.recipe = load_recipe("phoneme/strong", ["seed=7"])
    assert f"{strong.path}/recipe.yaml --corpus" in repeat_command(strong)
    strong.recipe = strong.recipe.model_copy(update={"name": "mine"})
    assert f"{strong.path}/recipe.yaml --corpus" in repeat_command(strong)
    assert f"seed: {load_recipe('phoneme/strong').seed}" in ladder_page.text


def test_same_runs_same_bytes(tmp_path: Path) -> None:
    first, second = (write_report([fake_run(classes=FEW)], tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_one_run_has_no_comparison(tmp_path: Path) -> None:
    page = small(fake_run(classes=FEW), tmp_path)
    assert "against" not in page.text
    assert page.tags["figure"] == 1 + 5


def test_a_smoothed_run_is_held_against_itself(tmp_path: Path) -> None:
    run, before = fake_run("boss", 0.82), fake_run("boss", 0.80).scores["test"]
    run.scores["test, unsmoothed"] = before
    page = write_report([run], tmp_path / "report.html").read_text(encoding="utf-8")
    found = paired_difference(run.scores["test"], before)
    assert "boss, unsmoothed" in page
    assert f"{found.difference.value:+.4f}".replace("-", "\u2212") in page
    assert found.verdict in page


@pytest.mark.parametrize("smoothed", [False, True])
def test_says_what_smoothing_did_to_the_utterance(smoothed: bool, tmp_path: Path) -> None:
    run = fake_run(classes=FEW, smoothed=smoothed)
    page = small(run, tmp_path)
    assert run.picture is not None
    true = run.picture.true.tolist()
    best = [row.index(max(row)) for row in run.picture.posteriors.tolist()]
    for labels, says in ((run.picture.predicted.tolist(), "labelled correctly"), (best, "before")):
        hits = sum(a == b for a, b in zip(labels, true, strict=True)) / len(true)
        found = re.search(rf"{hits:.1%} (of all its frames are )?{says}", page.text)
        assert bool(found) == (smoothed or says != "before")
    assert "its first 4 seconds are seen" in page.text


@pytest.mark.parametrize(("epochs", "says"), [(0, "No epoch is finished"), (3, "No test score")])
def test_unfinished(epochs: int, says: str, tmp_path: Path) -> None:
    page = small(unfinished_run(epochs), tmp_path)
    assert says in page.text
    assert "training" in page.text
    assert page.tags["figure"] == (2 if epochs else 0)


def test_names_cannot_break_out(tmp_path: Path) -> None:
    names = ("<b>", "a & b", '"quoted"', "$x$ --> </svg><script>alert(1)</script>")
    run = fake_run(classes=names, utterances=5)
    run.name = "<i>run</i>"
    run.info = run.info.model_copy(update={"corpus_note": "<u>note</u>"})
    page = small(run, tmp_path)
    assert not page.tags & Counter(["b", "i", "u", "script"])
    assert all(name in page.text for name in names)
    assert "<u>note</u>" in page.text


def test_other_test_sets_are_not_compared(tmp_path: Path) -> None:
    runs = [fake_run("simple", 0.52, 0.49798, classes=FEW, utterances=5), fake_run(classes=FEW)]
    page = Page(write_report(runs, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "not comparable: other test utterances" in page.text


def test_no_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one run"):
        write_report([], tmp_path / "r.html")
