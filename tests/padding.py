"""Utterances of several lengths in one batch, with anything in the padding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bossline.batches.padded import Padded

any_padding = given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    beyond=st.integers(0, 9),
    padding=st.sampled_from([1e3, float("nan"), float("inf")]),
)


def padded(utterances: Sequence[Tensor], beyond: int, padding: float) -> Padded:
    """Utterances (T, D) with so many frames beyond the longest, filled with one number."""
    lengths = [len(utterance) for utterance in utterances]
    frames = torch.full((len(lengths), max(lengths) + beyond, utterances[0].shape[1]), padding)
    for row, utterance in zip(frames, utterances, strict=True):
        row[: len(utterance)] = utterance
    return Padded.of(frames, torch.tensor(lengths))
