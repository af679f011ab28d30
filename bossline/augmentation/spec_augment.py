"""SpecAugment (Park et al. 2019, arXiv 1904.08779): warp time, mask frequencies, mask times."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from bossline.augmentation.masks import FrequencyMasks, TimeMasks
from bossline.augmentation.time_warp import TimeWarp
from bossline.batches.padded import Padded
from bossline.config import Config


class SpecAugment(Config):
    """Each part works where it is given, in the paper's order."""

    kind: Literal["spec-augment"] = "spec-augment"
    time_warp: TimeWarp | None = None
    frequency_masks: FrequencyMasks | None = None
    time_masks: TimeMasks | None = None

    def __call__(self, batch: Padded, numbers: Tensor, blocks: int) -> tuple[Padded, Tensor]:
        """A disturbed copy of a batch; draws from torch's global random state.

        Args:
            batch: utterances.
            numbers: (sum of lengths,) the frame that each real frame is, in the order of
                `Padded.joined`.
            blocks: equal parts of a frame that frequency masks treat alike: 3 where it holds
                statics, deltas and double deltas.

        Returns:
            The utterances, of the same lengths, and the frames whose labels they now have.
        """
        if self.time_warp is not None:
            batch, numbers = self.time_warp(batch, numbers)
        if self.frequency_masks is not None:
            batch = self.frequency_masks(batch, blocks)
        if self.time_masks is not None:
            batch = self.time_masks(batch)
        return batch, numbers
