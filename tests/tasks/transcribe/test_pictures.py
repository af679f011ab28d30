from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.phones import ARPABET
from bossline.recipes import load_recipe
from bossline.reports.page import write_report
from bossline.runs.kept import misfit
from bossline.tasks.base import Answers, Arrays, Scored
from bossline.tasks.transcribe.failures import Failures, times_in_a_row
from bossline.tasks.transcribe.pictures.attention import maps_shown, mean_map
from bossline.tasks.transcribe.pictures.confidence import confidence_pictures
from bossline.tasks.transcribe.pictures.errors import most_confused, rates, within_groups
from bossline.tasks.transcribe.pictures.heard import Example, Heard, heard_of
from bossline.tasks.transcribe.pictures.lengths import rates_by_length
from bossline.tasks.transcribe.pictures.utterance import (
    KINDS,
    alignment,
    error_counts,
    phones_that_matter,
    utterance,
)
from bossline.tasks.transcribe.scores import StringScores
from bossline.tasks.transcribe.task import TranscribeTask
from bossline.tasks.transcribe.transcripts import Transcript, answers_of
from tests.lessons import lesson, small
from tests.reports.report_fakes import FakeRun, fake_run

PHONES = ("IY", "IH", "T", "D", "S")


def told_of(strings: Sequence[Sequence[int]], ended: Sequence[bool] = ()) -> Answers:
    """Best strings, each phone two frames long from the first frame on, 80 % sure."""
    found = [
        [
            Transcript(
                np.array(string, np.int64),
                np.full(len(string), 0.8),
                np.arange(0, 2 * len(string), 2).astype(np.float64),
                np.arange(2, 2 * len(string) + 2, 2).astype(np.float64),
                score=0.0,
                ended=ended[u] if ended else True,
            )
        ]
        for u, string in enumerate(strings)
    ]
    return answers_of(found)


def said_of(strings: Sequence[Sequence[int]]) -> Answers:
    lengths = np.array([len(string) for string in strings])
    return Answers.of(np.concatenate([np.array(s, np.int64) for s in strings]), lengths)


def scores_of(said: Sequence[Sequence[int]], told: Sequence[Sequence[int]]) -> StringScores:
    ids = tuple(f"u{k}" for k in range(len(said)))
    return StringScores.of(ids, told_of(told), said_of(said), len(PHONES))


def heard(said: Sequence[Sequence[int]], told: Sequence[Sequence[int]]) -> Heard:
    rows = [rows[rows[:, 1] > 0] for rows in told_of(told).each()]
    return Heard([np.array(s, np.int64) for s in said], rows)


# Failed searches.


@pytest.mark.parametrize(
    ("string", "times"),
    [
        ([], 1),
        ([1, 2, 3], 1),
        ([1, 2, 3, 1, 2, 3], 2),
        ([5, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2], 3),
        ([1, 2] * 4, 2),  # a phrase of four, twice
        ([1] * 9, 3),
        ([1, 2, 3, 4] * 5, 5),
        ([1, 2, 3, 1, 2, 4, 1, 2, 3], 1),
    ],
)
def test_phrases_in_a_row(string: list[int], times: int) -> None:
    assert times_in_a_row(np.array(string, np.int64)) == times


@given(st.lists(st.integers(1, 2), max_size=30))
def test_phrases_in_a_row_by_trying_all(string: list[int]) -> None:
    def times(start: int, length: int) -> int:
        phrase, count = string[start : start + length], 0
        while string[start + count * length :][:length] == phrase:
            count += 1
        return count

    tried = [
        times(start, length)
        for length in range(3, len(string) + 1)
        for start in range(len(string) - length + 1)
    ]
    assert times_in_a_row(np.array(string, np.int64)) == max(tried, default=1)


def test_failures_are_counted_by_what_is_wrong() -> None:
    said = [[1, 2, 3] * 2, [1, 2, 3] * 3, [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]
    told = [[1, 2, 3] * 3, [1, 2, 3] * 3, [1], [1, 2], [1, 2, 3, 4, 5, 1, 2]]
    found = Failures.of(told_of(told, [True, True, True, False, True]), said_of(said))
    # The second says what was said; the fourth is exactly half as long.
    assert found == Failures(unended=1, loops=1, short=1, long=1)


def test_failures_are_told_where_there_are_any() -> None:
    clean = scores_of([[1, 2, 3]], [[1, 2, 3]])
    assert list(clean.others) == ["sub", "del", "ins"]
    short = scores_of([[1, 2, 3]], [[1]])
    assert short.others["short"] == "1"
    both = StringScores.pooled([clean, short.model_copy(update={"ids": ("other",)})])
    assert both.failures == Failures(short=1)


def test_more_failures_than_utterances_are_a_misfit() -> None:
    scores = scores_of([[1, 2, 3]], [[1]])
    assert scores.misfit(len(PHONES)) is None
    wrong = scores.model_copy(update={"failures": Failures(loops=2)})
    assert "failures" in str(wrong.misfit(len(PHONES)))


# Errors, phone by phone and pair by pair.


def test_rates_of_known_errors() -> None:
    # IY, said twice, is once taken for IH; T is left out; S, said twice, is put in twice.
    scores = scores_of([[1, 5, 1, 4, 3], [4, 5]], [[2, 5, 1, 4], [5, 4, 5, 5]])
    said, kinds = rates(scores)
    assert said.tolist() == [2, 0, 1, 2, 2]
    assert kinds["substitution"].tolist() == [0.5, 0, 0, 0, 0]
    assert kinds["deletion"].tolist() == [0, 0, 1, 0, 0]
    assert kinds["insertion"].tolist() == [0, 0, 0, 0, 1]


def test_the_most_frequent_substitutions_come_first() -> None:
    scores = scores_of([[1, 1, 3, 4, 1, 5]], [[2, 2, 4, 4, 1, 3]])
    found = [(s.said, s.told, s.count, s.share, s.alike) for s in most_confused(scores, PHONES)]
    assert found == [
        ("IY", "IH", 2, 2 / 3, True),
        ("T", "D", 1, 1.0, True),
        ("S", "T", 1, 1.0, False),
    ]
    assert len(most_confused(scores, PHONES, 1)) == 1
    share, _ = within_groups(scores, PHONES)
    assert share == 3 / 4


def test_what_does_not_depend_on_what_is_said_stays_within_groups_by_chance() -> None:
    generator = np.random.default_rng(0)
    table = np.zeros((6, 6), int)
    for row, column in generator.integers(1, 6, (200_000, 2)):
        table[row, column] += 1
    scores = scores_of([[1]], [[1]]).model_copy(update={"confusions": tuple(map(tuple, table))})
    share, chance = within_groups(scores, PHONES)
    assert share == pytest.approx(chance, abs=0.01)
    # IY has one other vowel among four other phones, so have IH, T and D; S is alone.
    assert chance == pytest.approx(4 / 5 * 1 / 4, abs=0.01)


def test_no_substitutions_are_none_within_groups() -> None:
    assert within_groups(scores_of([[1, 2]], [[1]]), PHONES) == (0, 0)


# By length.


def test_rates_by_length_add_up_to_the_rate_of_all() -> None:
    generator = np.random.default_rng(1)
    said = [generator.integers(1, 6, n).tolist() for n in generator.integers(3, 40, 200)]
    told = [[k if generator.random() < 0.8 else 1 + k % 5 for k in string] for string in said]
    scores = scores_of(said, told)
    bins = rates_by_length(scores)
    assert len(bins) == 5
    assert sum(b.count for b in bins) == 200
    phones = [b.mean * b.count for b in bins]
    errors = [b.rate.value * n for b, n in zip(bins, phones, strict=True)]
    assert sum(errors) / sum(phones) == pytest.approx(scores.score.value)
    for b in bins:
        inside = [k for k, n in enumerate(scores.lengths) if b.shortest <= n <= b.longest]
        assert len(inside) == b.count
        wrong = sum(scores.sums[k] for k in inside)
        assert b.rate.value == wrong / sum(scores.lengths[k] for k in inside)
        assert b.rate.low <= b.rate.value <= b.rate.high


# Confidence.


def test_what_is_right_lies_beside_its_confidence() -> None:
    found = heard([[1, 2, 3], [4]], [[1, 3, 3, 5], []])
    assert found.right.tolist() == [True, False, True, False]
    assert found.confidence.tolist() == [0.8] * 4
    (picture,) = confidence_pictures(found, "x")
    # Half of what is 80 % sure is right: an error of 0.3.
    assert "50.0%" in picture.caption
    assert "0.3000" in picture.caption


def test_nothing_told_has_no_confidence() -> None:
    assert confidence_pictures(heard([[1, 2]], [[]]), "x") == []


# One utterance.


def example(told: Sequence[int] = (1, 3, 4), *, steps: int | None = 4) -> Example:
    """IY T S, two frames each with silence at the end, by a model of two frames a step."""
    posteriors = None
    if steps is not None:
        posteriors = np.full((steps, 6), 0.02, np.float32)
        posteriors[:, 0] = 0.7
        posteriors[1, 2] = 0.2  # IH is neither true nor told
    return Example(
        id="few",
        features=np.zeros((8, 3), np.float32),
        true=np.array([1, 1, 3, 3, 5, 5, 0, 0]),
        heard=heard([[1, 3, 5]], [told]),
        posteriors=posteriors,
        attention=None,
        frames_per_step=2,
        nothing="blank",
        spec=FeatureSpec(kind="mfcc", dim=3),
    )


def test_rows_are_true_told_or_probable() -> None:
    assert phones_that_matter(example(), PHONES) == [1, 2, 3, 4, 5]
    assert phones_that_matter(example([1, 3]), PHONES) == [1, 2, 3, 5]
    assert phones_that_matter(example([1, 3], steps=None), PHONES) == [1, 3, 5]


def test_a_decoder_alone_has_no_posteriors() -> None:
    titles = [axes.get_title(loc="left") for axes in utterance(example(steps=None), PHONES).axes]
    assert "posteriors" not in titles
    with_them = [axes.get_title(loc="left") for axes in utterance(example(), PHONES).axes]
    assert "posteriors" in with_them


def test_told_phones_stand_at_their_times() -> None:
    seen = example()
    told = next(a for a in utterance(seen, PHONES).axes if names(a) == ["told"])
    edges = seen.spec.frame_edges(8)
    at = {text.get_text(): text.get_position()[0] for text in told.texts}
    assert at["IY"] == pytest.approx((edges[0] + edges[2]) / 2)
    bars = [path.get_extents() for found in told.collections for path in found.get_paths()]
    assert [bar.x0 for bar in bars] == pytest.approx(edges[[0, 2, 4]])
    assert [bar.x1 for bar in bars] == pytest.approx(edges[[2, 4, 6]])


def names(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


strings = st.lists(st.integers(1, 5), min_size=1, max_size=60)


@settings(max_examples=25)
@given(strings, st.lists(st.integers(1, 5), max_size=60))
def test_the_alignment_shows_both_strings_and_every_error(said: list[int], told: list[int]) -> None:
    aligned = heard([said], [told]).alignment
    counts = error_counts(aligned)
    axes = alignment(aligned, PHONES).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert [t for t in texts[::2] if t != "–"] == [PHONES[k - 1] for k in said]
    assert [t for t in texts[1::2] if t != "–"] == [PHONES[k - 1] for k in told]
    boxes = Counter(to_hex(box.get_facecolor()) for box in axes.patches)
    # A substitution has a box above and one below.
    expected = {kind: n * (1 + (kind == "substitution")) for kind, n in counts.items() if n}
    assert boxes == {KINDS[kind]: n for kind, n in expected.items()}


def test_letters_stand_out_from_every_box() -> None:
    def luminance(colour: Any) -> float:
        channels = np.array([int(to_hex(colour)[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        low, high = channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        return float(np.where(channels <= 0.03928, low, high) @ [0.2126, 0.7152, 0.0722])

    seen = 0
    for told in ([2, 2, 3, 4], [3]):
        axes = alignment(heard([[1, 2, 3]], [told]).alignment, PHONES).axes[0]
        for box in axes.patches:
            assert isinstance(box, Rectangle)
            middle = (box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2)
            away = [np.hypot(*np.subtract(text.get_position(), middle)) for text in axes.texts]
            text = axes.texts[int(np.argmin(away))]
            light = sorted([luminance(text.get_color()), luminance(box.get_facecolor())])
            assert (light[1] + 0.05) / (light[0] + 0.05) >= 4.5
            seen += 1
    assert seen


# Attention.


def test_at_most_twelve_heads_the_uppermost() -> None:
    assert maps_shown(4, 2) == {
        0: "layer 1, head 1", 1: "layer 1, head 2", 2: "layer 2, head 1", 3: "layer 2, head 2",
    }  # fmt: skip
    many = maps_shown(24, 4)
    assert list(many) == list(range(12, 24))
    assert many[12] == "layer 4, head 1"


def test_the_map_is_the_mean_over_heads() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(7), (4, 3)).astype(np.float32)
    axes = mean_map(weights, ["IY", "T", "S"], (0.0, 0.7)).axes[0]
    mean = weights.mean(0)
    shown = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shown, mean / mean.max(), rtol=1e-6)
    assert names(axes) == ["IY", "T", "S"]


# What a run keeps, and the page.

ATTENDING = ("model.encoder={kind: conformer, width: 8, depth: 2, heads: 2}",)
SMALL_MODEL = (
    "model.encoder={kind: rnn, cell: lstm, depth: 1, width: 8}",
    "model.frames=false",
    "objective={ctc: 0.5}",
)


def kept_of(name: str, *overrides: str) -> tuple[Any, Arrays]:
    """A lesson, and what is kept of a model that has learnt nothing."""
    opened = lesson(small(name, *overrides))
    model = opened.build_model().eval()
    items = opened.splits["test"]
    with torch.inference_mode():
        answers = opened.task.answer(
            model,
            opened.task.open(opened.recipe, opened.pieces("test"), opened.runtime),
            opened.recipe,
            opened.runtime,
        )
    decided = opened.task.decide(answers)
    scores = opened.task.score(opened.ids("test"), decided, opened.truth("test"), opened.classes)
    return opened, opened.kept(model, Scored(scores, answers, decided, items))


@pytest.mark.parametrize(
    ("name", "overrides", "has"),
    [
        ("transcribe/simple", (), {"example_posteriors"}),
        ("transcribe/floor", (), {"example_posteriors"}),
        (
            "transcribe/boss",
            SMALL_MODEL,
            {"example_posteriors", "example_attention"},
        ),
        ("transcribe/simple", ATTENDING, {"example_posteriors", "example_encoder"}),
    ],
)
def test_a_run_keeps_what_its_model_has(
    name: str, overrides: tuple[str, ...], has: set[str]
) -> None:
    opened, arrays = kept_of(name, *overrides)
    task, classes = opened.task, len(opened.classes)
    assert arrays.keys() == {"utterances", "predicted", "whose", "example", *has}
    assert misfit(arrays, task.keeps, {"C": classes, "corpus": len(opened.corpus)}) is None
    posteriors = arrays["example_posteriors"].astype(np.float64)
    np.testing.assert_allclose(posteriors.sum(1), 1, atol=0.01)
    frames = opened.corpus.lengths[arrays["example"][0]]
    expected = frames if name == "transcribe/floor" else opened.recipe.model.steps(frames)
    assert posteriors.shape == (expected, classes + 1)
    if "example_encoder" in has:
        layers = arrays["example_encoder"].astype(np.float64)
        assert layers.shape == (opened.recipe.model.encoder.depth, expected, expected)
        np.testing.assert_allclose(layers.sum(2), 1, atol=0.02)
    if "example_attention" in has:
        attention = arrays["example_attention"].astype(np.float64)
        place = int(np.flatnonzero(arrays["utterances"] == arrays["example"][0])[0])
        rows = arrays["predicted"][arrays["whose"] == place]
        assert attention.shape == (4, int((rows[:, 1] > 0).sum()), expected)
        np.testing.assert_allclose(attention.sum(2), 1, atol=0.01)


def test_an_utterance_that_is_cut_is_not_shown() -> None:
    _, arrays = kept_of("transcribe/simple", "batches.longest=20")
    assert arrays.keys() == {"utterances", "predicted", "whose"}


class StringRun(FakeRun):
    """A run of the transcribe task in memory."""

    kept: Arrays
    found: Any

    def at_hand(self, *wanted: str) -> tuple[Arrays, Any] | None:
        return (self.kept, self.found) if self.kept.keys() >= set(wanted) else None


def string_run(name: str, seed: int, *, attention: bool) -> StringRun:
    """60 utterances of the same phones for all runs, and other mistakes; one with attention has no
    string that loops."""
    words, mistakes = np.random.default_rng(0), np.random.default_rng(seed)
    classes = tuple(phone for phone in ARPABET if phone != "SIL")[:12]
    said = [words.integers(1, len(classes) + 1, n) for n in words.integers(5, 30, 60)]
    told = [
        [int(k) if mistakes.random() < 0.8 else 1 + int(k) % len(classes) for k in string]
        for string in said
    ]
    if not attention:
        told[7] = [1, 2, 3] * 20
    decided, truth = told_of(told), said_of([s.tolist() for s in said])
    ids = tuple(f"u{k:02d}" for k in range(60))
    test = StringScores.of(ids, decided, truth, len(classes))
    base = fake_run(utterances=2)
    options = ("model.decoder={kind: transformer, width: 8, heads: 2, depth: 3}",)
    run = StringRun(
        name,
        load_recipe("transcribe/simple", options if attention else ()).model_copy(
            update={"name": f"transcribe/{name}"}
        ),
        base.info.model_copy(update={"classes": classes}),
        {"validation": test, "test": test},
        [],
        None,
    )
    labels = [s.repeat(8) for s in said]
    steps = -(-len(labels[3]) // 4)
    run.kept = {
        "utterances": np.arange(60),
        "predicted": decided.array,
        "whose": np.repeat(np.arange(60), decided.lengths),
        "example": np.array([3]),
        "example_posteriors": mistakes.dirichlet(np.ones(13), steps).astype(np.float16),
    }
    if attention:
        weights = mistakes.dirichlet(np.ones(steps), (6, len(told[3])))
        layers = mistakes.dirichlet(np.ones(steps), (5, steps))
        run.kept["example_encoder"] = layers.astype(np.float16)
        run.kept["example_attention"] = weights.astype(np.float16)
    run.found = SimpleNamespace(
        ids=ids,
        lengths=np.array([len(row) for row in labels]),
        frames=lambda u: mistakes.normal(size=(len(labels[u]), 39)),
        frame_labels=lambda u: labels[u] - 1,
        header=SimpleNamespace(classes=classes, vocabulary=()),
        speech=FeatureSpec(kind="mfcc", dim=39),
    )
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder: Path = tmp_path_factory.mktemp("pages")
    plain, joint = (string_run(*a, attention=b) for a, b in ((("a", 1), False), (("b", 2), True)))
    write_report([plain], folder / "one.html")
    write_report([plain, joint], folder / "two.html")
    return (folder / "one.html").read_text(), (folder / "two.html").read_text()


def test_a_page_has_a_heading_for_each_view(pages: tuple[str, str]) -> None:
    one, two = pages
    for heading in ("An utterance", "Errors by phone", "Errors by length", "Confidence"):
        assert f"<h4>{heading}</h4>" in one
    assert "<h4>Attention</h4>" not in one
    assert two.count("<h4>Attention</h4>") == 1
    assert "Errors by length</h2>" in two
    assert "Errors by length</h2>" not in one


def test_a_page_tells_the_result_and_what_failed(pages: tuple[str, str]) -> None:
    one, _ = pages
    assert "Writes the phones of 60 test utterances with a phone error rate of" in one
    assert "of its errors" in one
    assert "1 looping" in one
    assert '<th scope="col" class="n">loops</th>' in one


def test_headings_that_one_run_lacks_stay_empty_for_it(pages: tuple[str, str]) -> None:
    _, two = pages
    assert two.count('<th scope="col" class="n">loops</th>') == 1
    cells = two[two.index("<tbody>") : two.index("</tbody>")].split("<tr>")[1:]
    assert [row.count(">1</td>") for row in cells] == [2, 0]  # it loops, and is too long


def test_before_scoring_nothing_is_shown() -> None:
    run = string_run("a", 1, attention=False)
    run.kept, run.scores = {}, {}
    assert TranscribeTask().show(run, "x") == {}


@pytest.mark.parametrize(
    ("name", "place", "value", "word"),
    [
        ("predicted", (0, 1), 99, "symbol"),
        ("predicted", (0, 3), 1.5, "confidence"),
        ("whose", 0, 59, "order"),
        ("example", 0, 77, "example"),
    ],
)
def test_damaged_rows_are_named(name: str, place: Any, value: float, word: str) -> None:
    run = string_run("a", 1, attention=False)
    run.kept[name] = run.kept[name].copy()
    run.kept[name][place] = value
    with pytest.raises(UserError, match=word):
        heard_of(run)


def test_no_errors_are_of_no_kind() -> None:
    told = TranscribeTask().sentence(
        scores_of([[1, 2, 3]], [[1, 2, 3]]), FeatureSpec(kind="mfcc", dim=39), PHONES
    )
    assert told.startswith("Writes the phones of 1 test utterance with a phone error rate of 0.0%")
    assert "of its errors" not in told
