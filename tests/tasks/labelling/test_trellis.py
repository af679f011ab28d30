"""Forward, backward and best paths, held against all paths one by one."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.labelling.chains import STATES, Chain, ChainBatch, check_room
from bossline.tasks.labelling.trellis import best_states, occupied

Floats = npt.NDArray[np.float64]


def every_path(chain: Chain, frames: int) -> list[tuple[list[int], float]]:
    """Places of states at each frame with the probability of the path, stays left out: of units
    those that are said, each state of them for at least a frame."""
    optional = [k for k, said in enumerate(chain.said) if said < 1]
    found = []
    for gone in itertools.product((False, True), repeat=len(optional)):
        left_out = {k for k, out in zip(optional, gone, strict=True) if out}
        chance = 1.0
        for k in optional:
            chance *= 1 - chain.said[k] if k in left_out else chain.said[k]
        states = [
            k * STATES + s for k in range(len(chain.said)) if k not in left_out for s in range(3)
        ]
        for cuts in itertools.combinations(range(1, frames), len(states) - 1):
            lengths = np.diff([0, *cuts, frames])
            found.append((np.repeat(states, lengths).tolist(), chance))
    return found


def by_hand(chain: Chain, scores: Floats, stay: Floats) -> tuple[list[list[int]], Floats]:
    """All paths and their log-probabilities."""
    paths, logs = [], []
    for path, chance in every_path(chain, len(scores)):
        log = np.log(chance) + sum(scores[t, s] for t, s in enumerate(path))
        for t, s in enumerate(path):
            stays = t + 1 < len(path) and path[t + 1] == s
            log += np.log(stay[s] if stays else 1 - stay[s])
        paths.append(path)
        logs.append(log)
    return paths, np.array(logs)


CHAINS = {
    "two units": Chain.of([1, 0]),
    "one word": Chain.with_pauses([[1]], 0, 0.3),
    "two words": Chain.with_pauses([[1], [2]], 0, 0.3),
}


@pytest.mark.parametrize("name", CHAINS)
@given(seed=st.integers(0, 10_000), further=st.integers(0, 3))
def test_as_all_paths_one_by_one(name: str, seed: int, further: int) -> None:
    chain = CHAINS[name]
    rng = np.random.default_rng(seed)
    # Beside a shorter one, to see that rows do not disturb each other.
    lengths = [chain.shortest + further + 1, chain.shortest + further]
    batch = ChainBatch.of([chain, chain])
    width = batch.states.shape[1]
    stay = rng.uniform(0.2, 0.8, width)
    scores = rng.normal(scale=3, size=(lengths[0], 2, width))
    args = batch, torch.tensor(scores), torch.tensor(np.stack([stay, stay])), lengths
    found, best = occupied(*args), best_states(*args)
    for row, length in enumerate(lengths):
        paths, logs = by_hand(chain, scores[:length, row], stay)
        assert float(found.log_likelihood[row]) == pytest.approx(np.logaddexp.reduce(logs))
        share = np.exp(logs - np.logaddexp.reduce(logs))
        likely = np.zeros((length, width))
        left = np.zeros(width)
        for path, weight in zip(paths, share, strict=True):
            likely[np.arange(length), path] += weight
            left[np.unique(path)] += weight
        np.testing.assert_allclose(found.likely[:length, row], likely, atol=1e-9)
        assert not found.likely[length:, row].any()
        np.testing.assert_allclose(found.left[row], left, atol=1e-9)
        way = best[row]
        assert way is not None
        assert logs[paths.index(way.tolist())] == pytest.approx(logs.max())


def test_frames_that_nothing_explains_have_a_best_path_but_teach_nothing() -> None:
    chain = Chain.of([0, 1])
    scores = torch.full((8, 1, 6), -1e4)
    scores[:, 0, 0] = 0  # every frame is of the first state, which cannot be
    stay = torch.full((1, 6), 0.5)
    found = occupied(ChainBatch.of([chain]), scores, stay, [8])
    assert found.log_likelihood.tolist() == [-np.inf]
    assert not found.likely.any()
    assert not found.left.any()
    (path,) = best_states(ChainBatch.of([chain]), scores, stay, [8])
    assert path is not None
    assert path.tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


@given(depth=st.floats(200, 400))
def test_numbers_near_the_least_there_are_make_no_nan(depth: float) -> None:
    """Frames that want the first state while the chain goes on: what is left of the path becomes as
    small as numbers can be, and smaller."""
    scores = torch.full((12, 1, 6), -depth)
    scores[:, 0, 0] = 0
    found = occupied(ChainBatch.of([Chain.of([0, 1])]), scores, torch.full((1, 6), 0.5), [12])
    assert found.likely.isfinite().all()
    assert found.left.isfinite().all()
    sums = found.likely.sum(2)
    through = bool(found.log_likelihood.isfinite())
    torch.testing.assert_close(sums, torch.full_like(sums, float(through)))


def test_what_has_no_room_is_no_path() -> None:
    chain = Chain.of([0, 1])
    batch, stay = ChainBatch.of([chain]), torch.full((1, 6), 0.5)
    assert best_states(batch, torch.zeros(5, 1, 6), stay, [5]) == [None]
    assert occupied(batch, torch.zeros(5, 1, 6), stay, [5]).log_likelihood.tolist() == [-np.inf]
    check_room(chain, 6)
    with pytest.raises(UserError, match="6 frames at least, and it has 5"):
        check_room(chain, 5)


def test_neighbours_cannot_both_be_left_out() -> None:
    with pytest.raises(ValueError, match="neighbours"):
        Chain(np.array([0, 1, 2]), np.array([1.0, 0.5, 0.5]))
    with pytest.raises(ValueError, match="most frames come first"):
        occupied(
            ChainBatch.of([Chain.of([0])] * 2), torch.zeros(4, 2, 3), torch.zeros(2, 3), [3, 4]
        )
