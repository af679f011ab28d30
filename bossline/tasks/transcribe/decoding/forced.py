"""When each symbol of a known string is said: the best CTC path of that string."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bossline.tasks.transcribe.decoding.ctc import real_frames


@dataclass(frozen=True, eq=False)
class Spans:
    """Where symbols lie among frames, and how sure that is.

    Attributes:
        starts: (B, L) int64, the first frame of each symbol; 0 beyond a string's end.
        ends: (B, L) int64, one past its last frame; 0 beyond a string's end.
        posteriors: (B, L) float32, the symbol's mean probability on its frames; 0 beyond the end.
        scores: (B,) float32, log-probability of the path; -inf where there is none.
        feasible: (B,) bool, whether the frames suffice for the string: as many as it has symbols
            and one more for each that repeats the one before. Elsewhere starts and ends are 0.
    """

    starts: Tensor
    ends: Tensor
    posteriors: Tensor
    scores: Tensor
    feasible: Tensor


@torch.no_grad()
def forced_spans(
    log_probs: Tensor, lengths: Tensor, symbols: Tensor, symbol_lengths: Tensor
) -> Spans:
    """Viterbi's path through each string with optional blanks between its symbols.

    Of equally good paths the one is taken that moves on as late as possible, seen from the end.

    Args:
        log_probs: (B, T, V + 1), the blank first.
        lengths: (B,) int64 on the CPU, frames, at least 1, at most T.
        symbols: (B, L) int64, 1..V; what is beyond a string's end does not matter.
        symbol_lengths: (B,) int64 on the CPU, at most L, may be 0.
    """
    device = log_probs.device
    symbols, ends = symbols.to(device), symbol_lengths.to(device).unsqueeze(1)
    inside = torch.arange(symbols.shape[1], device=device) < ends
    symbols = symbols.masked_fill(~inside, 0)
    # States: blank, first symbol, blank, ..., last symbol, blank.
    states = symbols.new_zeros(len(symbols), 2 * symbols.shape[1] + 1)
    states[:, 1::2] = symbols
    real = real_frames(log_probs, lengths)
    scores, path = _best_path(log_probs.float(), real, states, 2 * ends)
    place = 2 * torch.arange(symbols.shape[1], device=device).expand_as(symbols) + 1
    place = place.contiguous()
    first = torch.searchsorted(path, place)
    beyond = torch.searchsorted(path, place, right=True)
    beyond = beyond.minimum(lengths.to(device).unsqueeze(1))  # the path rests behind the end
    feasible = scores > -torch.inf
    shown = inside & feasible.unsqueeze(1)
    first, beyond = first.masked_fill(~shown, 0), beyond.masked_fill(~shown, 0)
    # Sums up to each frame, so that a symbol's mean is a difference of two.
    steps = log_probs.shape[1]
    said = log_probs.double().exp().gather(2, symbols.unsqueeze(1).expand(-1, steps, -1))
    sums = torch.cat([torch.zeros_like(said[:, :1]), said.cumsum(1)], dim=1)
    total = sums.gather(1, beyond.unsqueeze(1)) - sums.gather(1, first.unsqueeze(1))
    means = total.squeeze(1) / (beyond - first).clamp_min(1)
    return Spans(first, beyond, means.float(), scores, feasible)


def _best_path(
    log_probs: Tensor, real: Tensor, states: Tensor, last: Tensor
) -> tuple[Tensor, Tensor]:
    """Scores (B,), and paths (B, T) of states that rise; beyond the lengths they rest.

    Args:
        log_probs: (B, T, V + 1).
        real: (B, T) bool.
        states: (B, S) symbols, 0 for the blank.
        last: (B, 1) the last state that a path may end in; the one before is the other.
    """
    utterances, steps, _ = log_probs.shape
    emitted = log_probs.gather(2, states.unsqueeze(1).expand(-1, steps, -1))
    # From two states before, over a blank that need not be said.
    leaps = torch.zeros_like(states, dtype=torch.bool)
    leaps[:, 2:] = (states[:, 2:] > 0) & (states[:, 2:] != states[:, :-2])
    arrivals = log_probs.new_full((3, *states.shape), -torch.inf)
    moves = torch.zeros(steps, *states.shape, dtype=torch.uint8, device=states.device)
    best = log_probs.new_full(states.shape, -torch.inf)
    best[:, :2] = emitted[:, 0, :2]
    for t in range(1, steps):
        arrivals[0] = best
        arrivals[1, :, 1:] = best[:, :-1]
        arrivals[2, :, 2:] = best[:, :-2].masked_fill(~leaps[:, 2:], -torch.inf)
        found, move = arrivals.max(0)
        now = real[:, t : t + 1]
        best = torch.where(now, found + emitted[:, t], best)
        moves[t] = move * now
    # Without symbols there is no state before the last one.
    tails = torch.cat([(last - 1).clamp_min(0), last], dim=1)
    score, which = best.gather(1, tails).max(1, keepdim=True)
    state = tails.gather(1, which)
    path = state.new_empty(utterances, steps)
    for t in reversed(range(steps)):
        path[:, t : t + 1] = state
        state = state - moves[t].gather(1, state)
    return score.squeeze(1), path
