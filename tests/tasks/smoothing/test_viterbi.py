"""The search against all paths there are, and what every path must keep to."""

from __future__ import annotations

import math
from itertools import groupby, pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.smoothing.viterbi import ViterbiConfig, ViterbiSmoother

Labels = npt.NDArray[np.int64]
Posteriors = npt.NDArray[np.float32]
Pieces = list[Labels]


def draw_labels(seed: int, classes: int, shortest: int = 1) -> Pieces:
    rng = np.random.default_rng(seed)
    return [
        np.repeat(rng.integers(0, classes, 9), rng.integers(shortest, shortest + 4, 9))
        for _ in range(4)
    ]


def draw_posteriors(seed: int, frames: int, classes: int) -> Posteriors:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), frames).astype(np.float32)


def runs(path: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(phone, len(list(group))) for phone, group in groupby(path)]


def score(
    smoother: ViterbiSmoother, config: ViterbiConfig, posteriors: Posteriors, path: tuple[int, ...]
) -> float:
    """The objective, term by term, from the tables."""
    tables = smoother.tables()
    prior, bigram, durations, stay = (
        tables[name].tolist() for name in ("prior", "bigram", "durations", "stay")
    )

    def exactly(phone: int, d: int) -> float:
        if d <= config.longest:
            return float(durations[phone][d - 1])
        beyond = stay[phone] ** (d - config.longest - 1) * (1 - stay[phone])
        return float(durations[phone][-1] * beyond)

    def log(p: float) -> float:
        return math.log(p) if p > 0 else -math.inf

    if not all(prior[phone] for phone in path):
        return -math.inf
    pairs = zip(path, posteriors.tolist(), strict=True)
    network = sum(log(frame[phone]) - config.prior * log(prior[phone]) for phone, frame in pairs)
    segments = runs(path)
    phones = [-1, *(phone for phone, _ in segments), -1]
    model = sum(log(bigram[a][b]) for a, b in pairwise(phones))
    for place, (phone, d) in enumerate(segments):
        if place in (0, len(segments) - 1):
            model += log(1 - sum(exactly(phone, k) for k in range(1, d)))
        else:
            model += log(exactly(phone, d))
    return network + config.weight * model


@pytest.mark.parametrize(("classes", "frames"), [(1, 4), (2, 3), (2, 10), (3, 1), (3, 7)])
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    weight=st.sampled_from([0.1, 1.0, 3.0]),
    prior=st.sampled_from([0.0, 0.5, 1.0]),
    longest=st.integers(2, 4),
    shortest=st.integers(1, 3),
    seen=st.integers(1, 3),
    sharpness=st.sampled_from([0.1, 1.0, 5.0]),
)
def test_no_path_is_better(
    classes: int,
    frames: int,
    seed: int,
    weight: float,
    prior: float,
    longest: int,
    shortest: int,
    seen: int,
    sharpness: float,
) -> None:
    config = ViterbiConfig(weight=weight, prior=prior, longest=longest)
    smoother = config.fit(draw_labels(seed, min(seen, classes), shortest), classes)
    posteriors = draw_posteriors(seed + 1, frames, classes) ** sharpness  # or the model decides
    found = tuple(smoother.path(posteriors, np.array([frames])).tolist())
    every = [
        score(smoother, config, posteriors, path) for path in product(range(classes), repeat=frames)
    ]
    assert math.isfinite(max(every))
    assert score(smoother, config, posteriors, found) == pytest.approx(max(every), abs=1e-6)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    seed=st.integers(0, 2**31),
    prior=st.sampled_from([0.0, 1.0]),
)
def test_next_to_no_weight_leaves_the_best_class_of_each_frame(
    lengths: list[int], seed: int, prior: float
) -> None:
    labels = draw_labels(seed, 3)
    smoother = ViterbiConfig(weight=1e-9, prior=prior, longest=4).fit(labels, 3)
    assume(smoother.tables()["durations"][:, 0].all())  # every phone may last one frame
    posteriors = draw_posteriors(seed, sum(lengths), 3)
    shares = np.bincount(np.concatenate(labels), minlength=3) / sum(map(len, labels))
    path = smoother.path(posteriors, np.array(lengths))
    np.testing.assert_array_equal(path, (posteriors / shares**prior).argmax(1))
    assert path.dtype == np.int64


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    seed=st.integers(0, 2**31),
    shortest=st.integers(2, 5),
    weight=st.floats(1e-6, 2),
)
def test_inside_an_utterance_no_phone_is_shorter_than_ever_seen(
    lengths: list[int], seed: int, shortest: int, weight: float
) -> None:
    smoother = ViterbiConfig(weight=weight, longest=8).fit(draw_labels(seed, 4, shortest), 5)
    posteriors = draw_posteriors(seed, sum(lengths), 5)
    path = smoother.path(posteriors, np.array(lengths))
    assert 4 not in path  # the posteriors know it, the labels do not
    for piece in np.split(path, np.cumsum(lengths)[:-1]):
        assert all(d >= shortest for _, d in runs(tuple(piece.tolist()))[1:-1])


@given(lengths=st.lists(st.integers(1, 50), min_size=2, max_size=8), seed=st.integers(0, 2**31))
def test_every_utterance_gets_the_path_it_would_get_alone(lengths: list[int], seed: int) -> None:
    config = ViterbiConfig(longest=6)
    smoother = config.fit(draw_labels(seed, 4), 4)
    posteriors = draw_posteriors(seed, sum(lengths), 4)
    together = smoother.path(posteriors, np.array(lengths))
    pieces = np.split(posteriors, np.cumsum(lengths)[:-1])
    alone = [smoother.path(piece, np.array([len(piece)])) for piece in pieces]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    restored = config.restore(smoother.tables())
    np.testing.assert_array_equal(restored.path(posteriors, np.array(lengths)), together)


def test_many_batches_are_put_back_in_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 900, 150)  # more frames than one batch holds
    smoother = ViterbiConfig(weight=1e-6, prior=0).fit([np.array([0, 1, 0, 1, 1, 0])], 2)
    labels = np.random.default_rng(1).integers(0, 2, int(lengths.sum()))
    posteriors = np.eye(2, dtype=np.float32)[labels] * 0.8 + 0.1
    np.testing.assert_array_equal(smoother.path(posteriors, lengths), labels)


def test_an_utterance_without_end_is_searched_in_pieces_whose_paths_are_the_whole_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = draw_labels(0, 5, 2)
    smoother = ViterbiConfig(longest=8).fit(labels, 5)
    said = np.random.default_rng(1).integers(0, 5, 300).repeat(4)
    posteriors = draw_posteriors(2, len(said), 5)
    posteriors[np.arange(len(said)), said] += 0.7
    posteriors /= posteriors.sum(1, keepdims=True)
    lengths = np.array([len(said) - 50, 50])
    whole = smoother.path(posteriors, lengths)
    assert 0.8 < (whole == said).mean() < 1
    monkeypatch.setattr("bossline.tasks.smoothing.viterbi._LONGEST", 60)
    monkeypatch.setattr("bossline.tasks.smoothing.viterbi._CONTEXT", 40)
    seen: list[int] = []
    scored = ViterbiSmoother._scores

    def counted(self: ViterbiSmoother, rows: np.ndarray) -> Any:
        seen.append(len(rows))
        return scored(self, rows)

    monkeypatch.setattr(ViterbiSmoother, "_scores", counted)
    np.testing.assert_array_equal(smoother.path(posteriors, lengths), whole)
    assert max(seen) <= 60 + 2 * 40


def test_a_posterior_of_0_forbids_nothing() -> None:
    smoother = ViterbiConfig().fit([np.repeat([0, 1, 0], [5, 5, 5])], 3)
    posteriors = np.tile(np.array([0, 0, 1], np.float32), (9, 1))
    assert set(smoother.path(posteriors, np.array([9])).tolist()) <= {0, 1}


def test_posteriors_of_other_classes_are_refused() -> None:
    smoother = ViterbiConfig().fit([np.array([0, 1, 0])], 2)
    with pytest.raises(UserError, match="knows 2 classes, the posteriors have 3"):
        smoother.path(draw_posteriors(0, 4, 3), np.array([4]))
