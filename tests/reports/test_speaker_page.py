from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bossline.figures.classes import per_class
from bossline.figures.confusion import confusion
from bossline.reports.page import write_report
from tests.conftest import classified
from tests.reports.report_fakes import FakeRun, fake_run, fake_speaker_run
from tests.reports.test_page import Page, small


@pytest.fixture(scope="module")
def run() -> FakeRun:
    return fake_speaker_run()


@pytest.fixture(scope="module")
def page(run: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return small(run, tmp_path_factory.mktemp("report"))


def test_speaks_of_speakers_and_utterances(run: FakeRun, page: Page) -> None:
    test = run.scores["test"]
    said = f"Names the right one of 240 speakers for {test.score.value:.1%} of {test.count:,}"
    assert f"{said} test utterances" in page.text
    results = page.text.partition("The run")[0]  # the recipe follows, which names frames
    assert "frames" not in results
    assert "predicted as utterances" in page.text


def test_many_speakers_have_no_matrix_but_their_hardest(run: FakeRun, page: Page) -> None:
    # The ladder, verification, two of training, recall, length, voices.
    assert page.tags["figure"] == 7
    assert "Confusion matrix" not in " ".join(page.values("aria-label"))
    matrix = np.array(classified(run.scores["test"]).confusion)
    hits, occurs = np.diag(matrix), matrix.sum(1)
    never = (hits == 0).sum()
    assert f"{never} are never recognised, {(hits == occurs).sum()} always" in page.text
    worst = max(occurs[hits == 0])  # of those never found, it has the most utterances
    assert f"0 of {worst} 0.0%" in page.text


def test_few_speakers_have_a_matrix(tmp_path: Path) -> None:
    run = fake_speaker_run(speakers=30)
    page = small(run, tmp_path)
    assert page.tags["figure"] == 8  # matrix and classes in place of recall
    assert "Hardest" not in page.text
    assert "utterances of one true class" in page.text
    scores, classes = classified(run.scores["test"]), run.info.classes
    shown = [text.get_text() for text in per_class(scores, classes).axes[0].texts]
    assert shown[-1] == "utterances"
    assert sum(map(int, shown[:-1])) == scores.count
    # The names of phonetic classes are not for speakers.
    written = [text.get_text() for text in confusion(scores, classes).axes[0].texts]
    assert not any(sign.isalpha() for text in written for sign in text)  # percent alone


@pytest.mark.parametrize(("embedded", "distance"), [(False, 2.0), (True, None)])
def test_what_is_not_there_is_left_out(
    embedded: bool, distance: float | None, tmp_path: Path
) -> None:
    run = fake_speaker_run(speakers=70, embedded=embedded, distance=distance)
    page = small(run, tmp_path)
    assert page.tags["figure"] == 6
    assert ("Voices" in page.text) == embedded
    assert ("EER" in page.text) == (distance is not None)
    run.speaking = None  # as without the corpus
    assert "Accuracy by length" not in small(run, tmp_path).text


def test_few_utterances_are_not_cut_by_length(tmp_path: Path) -> None:
    assert "Accuracy by length" not in small(fake_speaker_run(speakers=12), tmp_path).text


def test_systems_meet_in_one_det_picture(tmp_path: Path) -> None:
    runs = [fake_speaker_run("simple", 0.5, distance=2), fake_speaker_run(distance=3)]
    page = Page(write_report(runs, tmp_path / "r.html").read_text(encoding="utf-8"))
    for rung in ("simple", "medium"):
        assert page.text.count(f"speaker/{rung}: EER") == 1


def test_tasks_may_share_a_page(tmp_path: Path) -> None:
    runs = [fake_speaker_run(speakers=70), fake_run(utterances=4)]
    text = Page(write_report(runs, tmp_path / "r.html").read_text(encoding="utf-8")).text
    assert "frames of one utterance are not independent" in text
    assert "Names the right one of 70 speakers" in text
    assert "Labels" in text
