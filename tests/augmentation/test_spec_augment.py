from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bossline.augmentation.spec_augment import (
    MOST_MASKS,
    FrequencyMasks,
    SpecAugment,
    TimeMasks,
    TimeWarp,
    stretches,
)
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.recipes import load_recipe

Lengths = st.lists(st.integers(1, 60), min_size=1, max_size=5)


def utterances(lengths: list[int], dim: int = 6, padding: float = 1e4) -> Padded:
    frames = torch.full((len(lengths), max(lengths), dim), padding)
    for row, length in zip(frames, lengths, strict=True):
        row[:length] = torch.randn(length, dim) + 3
    return Padded.of(frames, torch.tensor(lengths))


def indices_of(batch: Padded) -> Tensor:
    return torch.arange(int(batch.lengths.sum()))


def changed(after: Padded, before: Padded) -> Tensor:
    """(B, T, D) bool, of real frames."""
    return (after.frames != before.frames) & before.mask.unsqueeze(2)


def runs(row: Tensor) -> list[int]:
    """Lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.numpy().astype(int), [0]])))
    return [int(stop - start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


@given(lengths=Lengths, seed=st.integers(0, 2**31))
def test_time_masks_cover_whole_frames_with_the_mean_of_real_frames(
    lengths: list[int], seed: int
) -> None:
    torch.manual_seed(seed)
    batch = utterances(lengths)
    masks = TimeMasks(density=0.02, width=5, share=0.2)
    after = masks(batch, torch.default_generator)
    assert torch.equal(after.lengths, batch.lengths)
    for b, length in enumerate(lengths):
        rows = changed(after, batch)[b]
        assert torch.equal(rows.any(1), rows.all(1))  # a frame is masked whole or not at all
        count = min(max(round(0.02 * length), 1), MOST_MASKS)
        most = min(5, int(0.2 * length))
        assert int(rows.all(1).sum()) <= count * most
        mean = batch.frames[b, :length].mean(0)
        hidden = after.frames[b][rows.all(1)]
        torch.testing.assert_close(hidden, mean.expand_as(hidden), rtol=1e-4, atol=1e-4)


@given(
    lengths=Lengths,
    seed=st.integers(0, 2**31),
    count=st.integers(1, 3),
    limits=st.sampled_from([(2, 1.0), (5, 0.4), (2, 0.5)]),
)
def test_frequency_masks_cover_the_same_dimensions_of_every_block(
    lengths: list[int], seed: int, count: int, limits: tuple[int, float]
) -> None:
    torch.manual_seed(seed)
    width, share = limits
    batch = utterances([length + 1 for length in lengths], dim=15)
    after = FrequencyMasks(count=count, width=width, share=share)(batch, 3, torch.default_generator)
    for b in range(len(lengths)):
        columns = changed(after, batch)[b, : int(batch.lengths[b])]
        assert torch.equal(columns.any(0), columns.all(0))
        first, *others = columns.all(0).chunk(3)
        assert all(torch.equal(first, other) for other in others)
        assert all(run <= 2 * count for run in runs(first))


def test_widths_and_places_of_a_mask_are_even() -> None:
    torch.manual_seed(0)
    rows, size, most = 40_000, 10, 4
    one, lengths = torch.ones(rows), torch.full((rows,), size)
    covered = stretches(one, torch.full((rows,), most), lengths, size, torch.default_generator)
    widths = covered.sum(1)
    expected = rows / (most + 1)
    for width in range(most + 1):
        assert abs(int((widths == width).sum()) - expected) < 5 * expected**0.5
    # The chance of column t is the mean over widths w of the starts that reach it.
    chance = [
        np.mean([
            sum(start <= t < start + w for start in range(size - w + 1)) / (size - w + 1)
            for w in range(most + 1)
        ])
        for t in range(size)
    ]  # fmt: skip
    np.testing.assert_allclose(covered.float().mean(0), chance, atol=0.01)


def test_longer_utterances_get_more_masks() -> None:
    torch.manual_seed(0)
    batch = utterances([100, 1000] * 50)
    hidden = (
        changed(TimeMasks(density=0.01, width=10)(batch, torch.default_generator), batch)
        .all(2)
        .sum(1)
        .float()
    )
    assert hidden[1::2].mean() > 5 * hidden[::2].mean()
    assert hidden[1::2].mean() == pytest.approx(10 * 5, rel=0.15)  # ten masks of 5 on average


@settings(max_examples=40)
@given(lengths=Lengths, seed=st.integers(0, 2**31), reach=st.integers(1, 80))
def test_warping_keeps_ends_order_and_labels_beside_their_frames(
    lengths: list[int], seed: int, reach: int
) -> None:
    torch.manual_seed(seed)
    batch = utterances(lengths, dim=2)
    # Frames that say their own place: what comes out is the place that it was taken from.
    places = torch.arange(max(lengths)).expand(len(lengths), -1)
    batch = batch.with_frames(places.float().unsqueeze(2))
    after, indices = TimeWarp(frames=reach)(batch, indices_of(batch), torch.default_generator)
    start = 0
    for b, length in enumerate(lengths):
        place = after.frames[b, :length, 0]
        assert place[0] == 0
        assert place[-1] == pytest.approx(length - 1, abs=1e-3)
        assert bool((place.diff() >= 0).all())
        moved = (place - torch.arange(length)).abs().max()
        assert float(moved) <= min(reach, (length - 1) / 4) + 1e-3
        own = indices[start : start + length] - start
        assert float((own - place).abs().max()) <= 0.5 + 1e-3
        start += length


def test_warping_moves_something() -> None:
    torch.manual_seed(0)
    batch = utterances([200] * 20)
    _, indices = TimeWarp(frames=40)(batch, indices_of(batch), torch.default_generator)
    moved = (indices - indices_of(batch)).view(20, 200).abs().max(1).values
    assert int((moved > 5).sum()) > 10


def test_the_same_random_state_gives_the_same_batch() -> None:
    batch = utterances([30, 50])
    config = SpecAugment.model_validate({"time_warp": {}, "frequency_masks": {}, "time_masks": {}})
    results = []
    for seed in (1, 1, 2):
        drawn = torch.Generator().manual_seed(seed)
        results.append(config(batch, indices_of(batch), FeatureSpec(kind="other", dim=6), drawn))
    assert torch.equal(results[0][0].frames, results[1][0].frames)
    assert torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0].frames, results[2][0].frames)


def test_only_whole_utterances_are_augmented() -> None:
    with pytest.raises(UserError, match=r"set batches\.kind=utterances"):
        load_recipe("phoneme/simple", ["augment={kind: spec-augment, time_masks: {width: 3}}"])
