from __future__ import annotations

from unittest.mock import patch

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches import utterances
from bossline.batches.utterances import UtteranceConfig, cut

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


@given(lengths=LENGTHS, size=st.integers(1, 200), seed=st.integers(0, 1000))
def test_a_batch_holds_what_its_indices_say(lengths: list[int], size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(size=(length, 3)).astype(np.float32) for length in lengths]
    everything = torch.from_numpy(np.concatenate(pieces))
    opened = UtteranceConfig(size=size).open(pieces, CPU)
    epoch = [opened.batch(seed, 2, step) for step in range(opened.steps_per_epoch)]
    evaluation = list(opened.in_order())
    for padded, _, rows in evaluation:
        assert torch.equal(rows, padded.padding.rows)  # whole utterances need no context
    for batches in (epoch, [(padded, indices) for padded, indices, _ in evaluation]):
        for padded, indices in batches:
            torch.testing.assert_close(padded.joined(), everything[indices], rtol=0, atol=0)
            assert not padded.frames[~padded.mask].any()
        seen = torch.cat([indices for _, indices in batches])
        assert sorted(seen.tolist()) == list(range(len(everything)))


@given(lengths=LENGTHS, longest=st.integers(1, 70))
def test_cut_pieces_are_short_equal_and_complete(lengths: list[int], longest: int) -> None:
    indices, frames = cut(np.array(lengths), longest)
    for u, length in enumerate(lengths):
        own = frames[indices == u]
        assert own.sum() == length
        assert len(own) == -(-length // longest)
        assert own.max() - own.min() <= 1
    assert list(indices) == sorted(indices)


@given(
    lengths=LENGTHS,
    longest=st.integers(1, 70),
    size=st.integers(1, 200),
    context=st.integers(0, 30),
    seed=st.integers(0, 1000),
)
def test_every_frame_is_answered_once_and_pieces_see_their_neighbours(
    lengths: list[int], longest: int, size: int, context: int, seed: int
) -> None:
    places = [
        np.stack([np.full(length, u), np.arange(length)], axis=1).astype(np.float32)
        for u, length in enumerate(lengths)
    ]
    everything = torch.from_numpy(np.concatenate(places))
    opened = UtteranceConfig(size=size, longest=longest).open(places, CPU)
    epoch = [opened.batch(seed, 0, step) for step in range(opened.steps_per_epoch)]
    assert max(int(padded.lengths.max()) for padded, _ in epoch) <= longest
    with patch.object(utterances, "CONTEXT", context):
        evaluation = list(opened.in_order())
    whole = [(padded, indices, padded.padding.rows) for padded, indices in epoch]
    for batches in (whole, evaluation):
        answered = []
        for padded, indices, rows in batches:
            assert torch.equal(padded.frames.flatten(0, 1)[rows], everything[indices])
            answered += indices.tolist()
        assert sorted(answered) == list(range(len(everything)))
    for padded, _, rows in evaluation:
        answers = torch.zeros(padded.mask.numel(), dtype=torch.bool).index_fill(0, rows, True)
        answered_of = answers.view(padded.mask.shape)
        each = zip(padded.frames, padded.lengths.tolist(), answered_of, strict=True)
        for row, length, whether in each:
            u, place = int(row[0, 0]), row[:length, 1].tolist()
            own = whether.nonzero().flatten().tolist()
            assert {int(v) for v in row[:length, 0]} == {u}  # never a neighbour's frames
            assert place == list(range(int(place[0]), int(place[-1]) + 1))
            assert own[0] == min(context, int(place[own[0]]))
            assert length - 1 - own[-1] == min(context, lengths[u] - 1 - int(place[own[-1]]))


def test_a_training_has_few_shapes_and_says_so() -> None:
    rng = np.random.default_rng(3)
    pieces = [rng.normal(size=(n, 2)).astype(np.float32) for n in rng.integers(5, 300, 400)]
    opened = UtteranceConfig(size=1000, longest=200).open(pieces, CPU)
    trained = [
        opened.batch(0, epoch, step)[0]
        for epoch in range(3)
        for step in range(opened.steps_per_epoch)
    ]
    shapes = {tuple(batch.frames.shape[:2]) for batch in trained}
    assert len(shapes) <= 12
    assert len({tuple(batch.frames.shape[:2]) for batch, _, _ in opened.in_order()}) <= 12
    real, padded = (
        sum(int(batch.mask.sum()) for batch in trained),
        sum(batch.mask.numel() for batch in trained),
    )
    assert opened.description.endswith(f"in {len(shapes)} shapes, {1 - real / padded:.1%} padding")
