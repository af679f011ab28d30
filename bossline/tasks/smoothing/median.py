"""The median over time of each class's posterior, then the best class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, field_validator

from bossline.core.config import Config
from bossline.tasks.smoothing.arrays import Floats, Ints, Tables


class MedianConfig(Config):
    """A running median: what lasts less than half the window disappears."""

    kind: Literal["median"] = "median"
    frames: int = Field(5, ge=3, description="frames that the median is taken over, odd")

    @field_validator("frames")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames % 2 == 0:
            raise ValueError(
                f"a median has a frame in the middle, so an odd number of frames: {frames - 1} or "
                f"{frames + 1}, not {frames}"
            )
        return frames

    def fit(self, labels: Sequence[npt.NDArray[Any]], classes: int) -> MedianSmoother:
        """The smoother; labels teach it nothing."""
        return MedianSmoother(self.frames)

    def restore(self, tables: Tables) -> MedianSmoother:
        """The smoother; it needs no tables."""
        return MedianSmoother(self.frames)


class MedianSmoother:
    """A running median whose edges repeat the edge frame (a Smoother)."""

    def __init__(self, frames: int) -> None:
        """
        Args:
            frames: odd.
        """
        self._reach = frames // 2

    def path(self, probabilities: npt.NDArray[np.float32], lengths: Ints) -> Ints:
        """See Smoother.path. Of equal medians the lowest class wins."""
        utterances = np.split(probabilities, np.cumsum(lengths)[:-1])
        return np.concatenate([self._medians(piece).argmax(1) for piece in utterances])

    def _medians(self, utterance: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(T, C) -> (T, C)."""
        padded = np.pad(utterance, ((self._reach, self._reach), (0, 0)), mode="edge")
        windows = sliding_window_view(padded, 2 * self._reach + 1, axis=0)
        return np.partition(windows, self._reach, axis=-1)[..., self._reach]

    def tables(self) -> dict[str, Floats]:
        """Nothing."""
        return {}
