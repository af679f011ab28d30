"""The n best strings in another order: by what a decoder thinks of each, or by the frames that it
attended to for none of its symbols."""

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
    repeated = _for_each(memory, found)
    strings, lengths = found.symbols.flatten(0, 1), found.lengths.flatten()
    weights = decoder.attention(functional.pad(strings, (1, 0)), repeated).float().mean(1)
    rows = torch.arange(weights.shape[1], device=weights.device)
    said = (rows <= lengths.unsqueeze(1)).unsqueeze(2)
    got = weights.masked_fill(~said, 0).sum(1).clamp(_LEAST, 1)
    missed = got.log().masked_fill(~repeated.mask, 0).sum(1).view_as(found.scores)
    return _ordered(found, found.scores + weight * missed)


@torch.no_grad()
def rescored(decoder: Decoder, memory: Padded, found: Hypotheses, weight: float) -> Hypotheses:
    """The n best with a decoder's opinion: score + weight * log p(string and its end).

    As the second pass of WeNet (Zhang et al. 2021, arXiv 2102.01547): what has been found frame by
    frame is judged as a whole.

    Args:
        decoder: in evaluation mode.
        memory: (B, T, D), the encoder's frames.
        found: n-best lists of B utterances.
        weight: of the decoder, above 0.
    """
    strings, lengths = found.symbols.flatten(0, 1), found.lengths.flatten()
    logits = decoder(functional.pad(strings, (1, 0)), _for_each(memory, found))
    told = functional.pad(strings, (0, 1)).unsqueeze(2)  # zeros behind a string: its end
    log_probs = logits.float().log_softmax(2).gather(2, told).squeeze(2)
    places = torch.arange(log_probs.shape[1], device=log_probs.device)
    opinion = log_probs.masked_fill(places > lengths.unsqueeze(1), 0).sum(1)
    return _ordered(found, found.scores + weight * opinion.view_as(found.scores))


def _for_each(memory: Padded, found: Hypotheses) -> Padded:
    """(B * N, T, D) an utterance's frames for each of its strings."""
    several = found.symbols.shape[1]
    return Padded.of(
        memory.frames.repeat_interleave(several, 0),
        memory.padding.known.repeat_interleave(several),
    )


def _ordered(found: Hypotheses, scores: Tensor) -> Hypotheses:
    falling, order = scores.sort(dim=1, descending=True, stable=True)
    return replace(
        found,
        symbols=found.symbols.gather(1, order.unsqueeze(2).expand_as(found.symbols)),
        lengths=found.lengths.gather(1, order),
        scores=falling,
        ended=found.ended.gather(1, order),
    )
