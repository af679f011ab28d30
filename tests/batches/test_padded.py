"""What a batch knows of its padding, against masks and boolean indices."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches.padded import Padded


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6), beyond=st.integers(0, 3))
def test_what_a_mask_tells_is_known_without_asking_it(lengths: list[int], beyond: int) -> None:
    batch = Padded.of(torch.randn(len(lengths), max(lengths) + beyond, 3), torch.tensor(lengths))
    padding = batch.padding
    for row, length in zip(padding.mask, lengths, strict=True):
        assert row.tolist() == [step < length for step in range(padding.steps)]
    assert padding.full == bool(padding.mask.all())
    assert padding.shortest == min(lengths)
    assert torch.equal(padding.rows, padding.mask.flatten().nonzero().squeeze(1))
    assert torch.equal(batch.joined(), batch.frames[batch.mask])
    thrice = padding.scaled(3)
    assert torch.equal(thrice.mask, padding.mask.repeat_interleave(3, dim=1))
    assert (thrice.full, thrice.lengths.tolist()) == (padding.full, [3 * n for n in lengths])
    assert batch.with_frames(batch.frames * 2).padding is padding
