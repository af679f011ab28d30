"""Strings from the frame posteriors of CTC (Graves et al. 2006): the best path, and prefix beams.

A path has a symbol or the blank (0) at each frame; its string is what is left when repeats are
merged and blanks dropped. The probability of a string is the sum of its paths'.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from bossline.core.config import Config
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses


class GreedyConfig(Config):
    """The best path's string, or the best symbol after each other of a decoder."""

    kind: Literal["greedy"] = "greedy"


def real_frames(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) bool, True before the lengths.

    Args:
        log_probs: (B, T, V + 1).
        lengths: (B,) int64 on the CPU.
    """
    steps = torch.arange(log_probs.shape[1], device=log_probs.device)
    return steps < lengths.to(log_probs.device, non_blocking=True).unsqueeze(1)


def best_paths(log_probs: Tensor, lengths: Tensor) -> Hypotheses:
    """The string of the best path of each utterance; its score is that path's alone.

    Args:
        log_probs: (B, T, V + 1), the blank first.
        lengths: (B,) int64 on the CPU, frames, at most T.
    """
    real = real_frames(log_probs, lengths)
    scores, path = log_probs.max(2)
    path = path.masked_fill(~real, 0)
    kept = path > 0
    kept[:, 1:] &= path[:, 1:] != path[:, :-1]
    place = torch.where(kept, kept.cumsum(1) - 1, path.shape[1])
    symbols = path.new_zeros(path.shape[0], path.shape[1] + 1).scatter_(1, place, path)
    total = scores.masked_fill(~real, 0).sum(1, keepdim=True)
    return Hypotheses(
        symbols=symbols[:, None, :-1],
        lengths=kept.sum(1, keepdim=True),
        scores=total.float(),
        ended=torch.ones_like(total, dtype=torch.bool),
    )
