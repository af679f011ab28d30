"""The best path through a graph of phones: as trying all finds it, whatever is not looked at."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bossline.data.features.spec import FeatureSpec
from bossline.tasks.alignment.bands import possible, within_beam
from bossline.tasks.alignment.edges import edge_times, in_order
from bossline.tasks.alignment.graph import NOTHING, Graph, graph_of
from bossline.tasks.alignment.search import Durations, Path, Windows, best_path
from bossline.tasks.smoothing.arrays import Floats

SEEDS = st.integers(0, 1 << 30)
SKIP = -0.3


def drawn(
    seed: int, units: int, frames: int, longest: int, words: int
) -> tuple[Graph, Floats, Durations]:
    """A graph, frame scores (V, T) and durations, with some that cannot be."""
    rng = np.random.default_rng(seed)
    ways = [
        [rng.integers(0, units, rng.integers(1, 3)).tolist() for _ in range(rng.integers(1, 3))]
        for _ in range(words)
    ]
    graph = graph_of(ways, 0 if rng.random() < 0.7 else None)
    table = rng.normal(size=(units, longest))
    table[rng.random((units, longest)) < 0.3] = -np.inf
    durations = Durations(table, rng.normal(size=units), -rng.random(units))
    return graph, rng.normal(size=(units, frames)), durations


def summed(scores: Floats) -> Floats:
    return np.concatenate([np.zeros((len(scores), 1)), scores.cumsum(1)], axis=1)


def cost(durations: Durations, unit: int, frames: int) -> float:
    longest = durations.table.shape[1]
    if frames <= longest:
        return float(durations.table[unit, frames - 1])
    return float(durations.beyond[unit] + durations.stay[unit] * (frames - longest - 1))


def best_of_all(graph: Graph, scores: Floats, durations: Durations) -> float:
    """By going through every path; -inf where there is none."""
    frames = scores.shape[1]

    def on(node: int, moment: int) -> float:
        if node == graph.nodes - 1:
            return 0.0 if moment == frames else -np.inf
        found = -np.inf
        for arc in np.flatnonzero(graph.source == node):
            unit, target = int(graph.unit[arc]), int(graph.target[arc])
            if unit == NOTHING:
                found = max(found, SKIP + on(target, moment))
                continue
            for end in range(moment + 1, frames + 1):
                said = cost(durations, unit, end - moment) + float(scores[unit, moment:end].sum())
                found = max(found, said + on(target, end))
        return found

    return on(0, 0)


def worth(graph: Graph, scores: Floats, durations: Durations, path: Path) -> float:
    """What a path scores, arc by arc; the silences it leaves out are those of no arc on it."""
    total = 0.0
    nodes = {int(graph.source[path.arcs[0]])} if len(path.arcs) else set()
    assert nodes
    assert path.starts[0] == 0
    assert path.starts[-1] == scores.shape[1]
    at = 0
    for arc, start, end in zip(path.arcs, path.starts[:-1], path.starts[1:], strict=True):
        while at != graph.source[arc]:  # over silence
            over = np.flatnonzero((graph.source == at) & (graph.unit == NOTHING))
            total, at = total + SKIP, int(graph.target[over[0]])
        unit = int(graph.unit[arc])
        total += cost(durations, unit, int(end - start)) + float(scores[unit, start:end].sum())
        at = int(graph.target[arc])
    return total + SKIP * (at != graph.nodes - 1)


@given(seed=SEEDS, frames=st.integers(1, 8), longest=st.integers(1, 3), words=st.integers(1, 2))
def test_no_path_is_better(seed: int, frames: int, longest: int, words: int) -> None:
    graph, scores, durations = drawn(seed, 4, frames, longest, words)
    best = best_of_all(graph, scores, durations)
    found = best_path(graph, summed(scores), durations, Windows.whole(graph.nodes, frames), SKIP)
    anywhere = possible(graph, durations, frames)
    if found is None:
        assert best == -np.inf
        return
    assert np.isclose(found.score, best)
    assert np.isclose(worth(graph, scores, durations, found), best)
    assert anywhere is not None
    within = best_path(graph, summed(scores), durations, anywhere, SKIP)
    assert within is not None
    assert np.isclose(within.score, best)


def said(seed: int, words: int = 12, units: int = 20) -> tuple[Graph, Floats, Durations, Path]:
    """Scores that follow a path, as a network's do: the graph, (V, T), durations, that path."""
    rng = np.random.default_rng(seed)
    ways = [
        [rng.integers(1, units, 3).tolist() for _ in range(rng.integers(1, 3))]
        for _ in range(words)
    ]
    graph = graph_of(ways, 0)
    taken = [
        arc
        for arc in range(len(graph))
        if graph.way[arc] == 0 and (graph.unit[arc] > 0 or (graph.unit[arc] == 0 and arc % 3 == 0))
    ]
    lengths = rng.integers(2, 12, len(taken))
    starts = np.concatenate([[0], lengths.cumsum()])
    right = np.repeat(graph.unit[taken], lengths)
    posteriors = rng.dirichlet(np.full(units, 0.2), len(right))
    posteriors[np.arange(len(right)), right] += 2
    scores = np.log(posteriors / posteriors.sum(1, keepdims=True) + 1e-5).T
    durations = Durations(np.zeros((units, 10)), np.zeros(units), np.full(units, -0.1))
    return graph, scores, durations, Path(np.array(taken), starts, 0.0)


@given(seed=SEEDS)
def test_a_beam_loses_nothing(seed: int) -> None:
    graph, scores, durations, truth = said(seed)
    frames = scores.shape[1]
    anywhere = possible(graph, durations, frames)
    assert anywhere is not None
    windows = within_beam(graph, scores, anywhere, 100.0)
    assert windows is not None
    assert (windows.last - windows.first).mean() < (anywhere.last - anywhere.first).mean()
    banded = best_path(graph, summed(scores), durations, windows)
    exact = best_path(graph, summed(scores), durations, anywhere)
    assert banded is not None
    assert exact is not None
    np.testing.assert_array_equal(banded.arcs, exact.arcs)
    np.testing.assert_array_equal(banded.starts, exact.starts)
    assert set(truth.starts) & set(exact.starts)


def test_more_text_than_frames_has_no_path() -> None:
    durations = Durations(np.array([[-np.inf, 0.0]]), np.zeros(1), np.zeros(1))
    graph = graph_of([[[0, 0]], [[0]]], None)
    assert possible(graph, durations, 5) is None
    scores = summed(np.zeros((1, 5)))
    assert best_path(graph, scores, durations, Windows.whole(graph.nodes, 5)) is None
    found = possible(graph, durations, 6)
    assert found is not None
    np.testing.assert_array_equal(found.first, found.last)


SPEC = FeatureSpec(kind="mfcc", dim=13)


def test_an_edge_lies_where_one_unit_overtakes_the_other() -> None:
    # The difference falls from 3 to -1 between two centres: it is 0 at three quarters of the way.
    scores = np.array([[0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    edges = edge_times(scores, np.array([0, 1]), np.array([0, 2, 4]), SPEC, 0.0)
    centres = SPEC.frame_centres(4)
    assert edges[1] == centres[1] + 0.75 * (centres[2] - centres[1])
    assert edges[0] == 0
    assert edges[2] == SPEC.frame_edges(4)[-1]
    late = edge_times(scores, np.array([0, 1]), np.array([0, 2, 4]), SPEC, 0.002)
    assert np.isclose(late[1], edges[1] - 0.002)
    even = edge_times(np.zeros((2, 4)), np.array([0, 1]), np.array([0, 2, 4]), SPEC, 0.0)
    assert even[1] == SPEC.frame_edges(4)[2]


@given(st.lists(st.floats(-1, 2), min_size=0, max_size=20))
def test_edges_come_one_behind_the_other(inner: list[float]) -> None:
    edges = in_order(np.array([0.0, *inner, 1.0]))
    assert (np.diff(edges) > 0.0009).all()
    assert edges[0] == 0
    assert edges[-1] == 1
