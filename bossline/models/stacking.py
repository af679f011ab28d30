"""Several frames as one step: what an encoder then does, it does for a fraction of the cost."""

from __future__ import annotations

from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.encoders.base import zero_padding


def stacked(batch: Padded, count: int) -> Padded:
    """(B, T, D) -> (B, ceil(T / count), count * D): neighbouring frames side by side.

    A last step that lacks frames is filled with zeros.
    """
    if count == 1:
        return batch
    frames = zero_padding(batch.frames, batch.mask)
    frames = functional.pad(frames, (0, 0, 0, -frames.shape[1] % count))
    steps = frames.reshape(len(frames), -1, count * frames.shape[2])
    return Padded(steps, -(-batch.lengths // count))
