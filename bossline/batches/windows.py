"""Context windows over packed frames, never materialised.

The chosen utterances are copied once, end to end, each with its first and last frame repeated at
its edges. A window is then a row of an overlapping strided view of that one array: memory stays
that of one frame a frame whatever the width, and a batch is a single gather.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from bossline.config import Config
from bossline.corpora.packed import Corpus, Ints


class WindowConfig(Config):
    """What one batch of windows is."""

    frames: int = Field(11, ge=1, description="frames in a window, odd")
    size: int = Field(512, ge=1, description="windows in a batch")

    @field_validator("frames")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames % 2 == 0:
            raise ValueError(
                f"a window has a centre frame, so an odd number of frames: {frames - 1} or "
                f"{frames + 1}, not {frames}"
            )
        return frames


def pad_edges(pieces: list[np.ndarray], reach: int) -> np.ndarray:
    """Join (T, D) pieces end to end, each with its edge frames repeated `reach` times."""
    dtype = np.result_type(*(piece.dtype for piece in pieces))
    rows = sum(len(piece) + 2 * reach for piece in pieces)
    padded = np.empty((rows, pieces[0].shape[1]), dtype)
    row = 0
    for piece in pieces:
        first, end = row + reach, row + reach + len(piece)
        padded[row:first] = piece[0]
        padded[first:end] = piece
        padded[end : end + reach] = piece[-1]
        row = end + reach
    return padded


class Windows:
    """Windows around every frame of the given features.

    Attributes:
        lengths: (U,) frames of each utterance; windows are numbered utterances end to end.
    """

    def __init__(self, pieces: list[np.ndarray], width: int, device: torch.device) -> None:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            width: frames in a window, odd.
            device: where batches are computed; the frames are kept there.
        """
        reach = width // 2
        self.lengths = np.array([len(piece) for piece in pieces], np.int64)
        frames = torch.from_numpy(pad_edges(pieces, reach)).to(device)
        rows, dim = frames.shape
        self._view = frames.as_strided((rows - 2 * reach, width * dim), (dim, 1))
        # Window k of utterance u begins at row k of the padded frames plus the padding before u.
        shift = np.repeat(np.arange(len(pieces)) * 2 * reach, self.lengths)
        starts = np.arange(int(self.lengths.sum())) + shift
        self._starts = torch.from_numpy(starts).to(device)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def inputs(self) -> int:
        """Numbers in a window."""
        return self._view.shape[1]

    def gather(self, numbers: Tensor | slice) -> Tensor:
        """(B, width * D) float32: the windows of these numbers, frames in order of time."""
        return self._view.index_select(0, self._starts[numbers]).float()


class LabelledWindows(Windows):
    """Windows of a corpus' utterances with the label of each centre frame."""

    def __init__(self, corpus: Corpus, utterances: Ints, width: int, device: torch.device) -> None:
        super().__init__([corpus.frames(int(u)) for u in utterances], width, device)
        self.utterances = utterances
        labels = np.concatenate([corpus.frame_labels(int(u)) for u in utterances])
        self.labels = torch.from_numpy(labels).to(device)
