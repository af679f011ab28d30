"""Frames that no symbol of a string attended to cost it something, and the n best change places."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses

_LEAST = 1e-4  # of what a frame got: one that got nothing must not decide alone


@torch.no_grad()
def covered(decoder: Decoder, memory: Padded, found: Hypotheses, weight: float) -> Hypotheses:
    """The n best with a penalty of uncovered frames (Wu et al. 2016, arXiv 1609.08144, section 7).

    score + weight * sum over frames of log(min(attention that the frame got, 1)), the attention
    summed over a string's symbols and its end, the mean over heads. One pass over the finished
    strings tells it.

    Args:
        decoder: that found them; in evaluation mode.
        memory: (B, T, D), the encoder's frames.
        found: n-best lists of B utterances.
        weight: of the penalty, above 0.
    """
    several = found.symbols.shape[1]
    repeated = Padded.of(
        memory.frames.repeat_interleave(several, 0),
        memory.padding.known.repeat_interleave(several),
    )
    strings, lengths = found.symbols.flatten(0, 1), found.lengths.flatten()
    weights = decoder.attention(functional.pad(strings, (1, 0)), repeated).float().mean(1)
    rows = torch.arange(weights.shape[1], device=weights.device)
    said = (rows <= lengths.unsqueeze(1)).unsqueeze(2)
    got = weights.masked_fill(~said, 0).sum(1).clamp(_LEAST, 1)
    missed = got.log().masked_fill(~repeated.mask, 0).sum(1).view_as(found.scores)
    return _ordered(found, found.scores + weight * missed)


def _ordered(found: Hypotheses, scores: Tensor) -> Hypotheses:
    falling, order = scores.sort(dim=1, descending=True, stable=True)
    return replace(
        found,
        symbols=found.symbols.gather(1, order.unsqueeze(2).expand_as(found.symbols)),
        lengths=found.lengths.gather(1, order),
        scores=falling,
        ended=found.ended.gather(1, order),
    )
