"""From a transcriber's steps to transcripts: the search that a recipe asks for, and the times and
the confidence of what it finds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder
from bossline.models.transcriber import Transcriber
from bossline.tasks.transcribe.decoding import DecodingConfig
from bossline.tasks.transcribe.decoding.beam import BeamConfig, beam_search
from bossline.tasks.transcribe.decoding.confidence import calibrated
from bossline.tasks.transcribe.decoding.ctc import best_paths
from bossline.tasks.transcribe.decoding.extents import extents
from bossline.tasks.transcribe.decoding.forced import forced_spans
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig, prefix_beam_search
from bossline.tasks.transcribe.decoding.reordering import covered, rescored
from bossline.tasks.transcribe.transcripts import Transcript

Floats = npt.NDArray[np.float64]

_GREEDY = BeamConfig(beam=1, ctc_weight=0)
_LEAST_STEP = 1e-3  # steps of the encoder between the centres of two symbols


def searched(
    model: Transcriber, inputs: Padded, decoding: DecodingConfig
) -> list[list[Transcript]]:
    """The best strings of each utterance, the best first.

    Only the best has times and confidence: by its best CTC path, or where there is no CTC by the
    decoder's attention and its own probabilities. CTC tells a phone in a moment; a model that
    labels frames too tells when it began and ended.
    """
    encoded = model(inputs)
    log_probs = None
    if model.ctc is not None:
        log_probs = model.ctc_logits(encoded).float().log_softmax(2)
    found = _found(model, encoded, log_probs, decoding)
    symbols, lengths = found.symbols[:, 0], found.lengths[:, 0]
    if log_probs is not None:
        known = encoded.padding.known
        spans = forced_spans(log_probs, known, symbols, lengths.cpu())
        placed = spans.starts, spans.ends, spans.posteriors
    else:
        assert model.decoder is not None  # one of the two writes the strings
        placed = attended_spans(model.decoder, encoded, symbols, lengths)
    placed = placed[0] * model.frames_per_step, placed[1] * model.frames_per_step, placed[2]
    if model.frames is not None:
        labels = model.frame_logits(encoded, inputs.padding.steps).float().log_softmax(2)
        moments = (placed[0] + placed[1]) / 2
        starts, ends = extents(labels, inputs.padding.known, symbols, lengths, moments)
        # A string may be longer than there are frames.
        here = (lengths <= inputs.lengths).unsqueeze(1)
        placed = torch.where(here, starts, placed[0]), torch.where(here, ends, placed[1]), placed[2]
    return _transcripts(found, placed, model, inputs.padding.known)


def attended_spans(
    decoder: Decoder, memory: Padded, symbols: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where a decoder looks for each symbol of a string, and how probable it finds it, (B, L) each.

    The centres of the weights, averaged over heads, always go on, if by little; a symbol reaches
    half-way to its neighbours.

    Args:
        memory: the encoder's steps.
        symbols: (B, L) of the strings.
        lengths: (B,) of them, on the device.

    Returns:
        First step and the one after the last, as fractions, and the probability.
    """
    logits, weights = decoder.with_attention(functional.pad(symbols, (1, 0)), memory)
    probabilities = logits[:, :-1].float().softmax(2).gather(2, symbols.unsqueeze(2)).squeeze(2)
    steps = torch.arange(weights.shape[3], device=weights.device) + 0.5
    places = torch.arange(symbols.shape[1], device=symbols.device)
    centres = (weights.float().mean(1)[:, :-1] @ steps).cummax(1).values + _LEAST_STEP * places
    middles = (centres[:, 1:] + centres[:, :-1]) / 2
    starts = functional.pad(middles, (1, 0))
    ends = functional.pad(middles, (0, 1))
    last = places == lengths.unsqueeze(1) - 1
    ends = torch.where(last, memory.lengths.unsqueeze(1).to(ends), ends)
    return starts, ends, probabilities


def _found(
    model: Transcriber, encoded: Padded, log_probs: Tensor | None, decoding: DecodingConfig
) -> Hypotheses:
    lengths = encoded.padding.known
    if isinstance(decoding, PrefixBeamConfig):
        assert log_probs is not None  # the recipe's schema sees to it, here and below
        found = prefix_beam_search(log_probs, lengths, decoding, model.phones)
        if decoding.rescore and model.decoder is not None:
            found = rescored(model.decoder, encoded, found, decoding.rescore)
        return found
    if isinstance(decoding, BeamConfig):
        assert model.decoder is not None
        found = beam_search(model.decoder, encoded, decoding, log_probs, model.phones)
        if decoding.coverage:
            found = covered(model.decoder, encoded, found, decoding.coverage)
        return found
    if log_probs is not None:
        return best_paths(log_probs, lengths)
    assert model.decoder is not None
    return beam_search(model.decoder, encoded, _GREEDY)


def _transcripts(
    found: Hypotheses, placed: tuple[Tensor, Tensor, Tensor], model: Transcriber, frames: Tensor
) -> list[list[Transcript]]:
    """
    Args:
        placed: (B, L) first frame, the one after the last, and confidence, of the best strings.
        frames: (B,) of each utterance, on the CPU.
    """
    starts, ends, confidence = (
        np.asarray(values.double().cpu().numpy(), np.float64) for values in placed
    )
    sure = calibrated(confidence, *model.confidence.tolist())
    lists = []
    for u, strings in enumerate(found.each()):
        scores, ended = found.scores[u].tolist(), found.ended[u].tolist()
        lists.append(
            [
                Transcript(
                    np.array(string, np.int64),
                    _of(string, rank, sure[u]),
                    _of(string, rank, starts[u]),
                    _of(string, rank, ends[u]),
                    score=scores[rank],
                    ended=ended[rank],
                )
                for rank, string in enumerate(strings)
            ]
        )
        best = lists[-1][0]
        np.minimum(best.starts, int(frames[u]), out=best.starts)
        np.minimum(best.ends, int(frames[u]), out=best.ends)
    return lists


def _of(string: list[int], rank: int, values: Floats) -> Floats:
    """(L,) of a best string; zeros of any other."""
    return values[: len(string)].copy() if rank == 0 else np.zeros(len(string))
