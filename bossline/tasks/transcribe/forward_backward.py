"""The loss of CTC by tensors alone, as a CUDA graph can hold it (Graves et al. 2006).

torch's own asks the host how long utterances and strings are, and on a GPU its gradient differs in
the last bits from one time to the next. Here lengths are tensors like all else. The two recursions
run side by side: the one over what is still to come is that over what has been, on utterance and
string read backwards.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bossline.training.buffers import Unfit

_NEVER = float("-inf")


def ctc_losses(log_probs: Tensor, steps: Tensor, symbols: Tensor, lengths: Tensor) -> Tensor:
    """(B,) -log P(string); 0, with no gradient, where a string has no path.

    Args:
        log_probs: (B, T, V + 1) float32, the blank first.
        steps: (B,) int64, real steps of each utterance, at least 1.
        symbols: (B, L) int64, L at least 1, zeros beyond a string's end.
        lengths: (B,) int64 of the strings, which may be empty.

    Raises:
        Unfit: torch.compile is to make kernels of it: there would be thousands, of a few numbers.
    """
    if torch.compiler.is_compiling():
        raise Unfit("CTC goes step by step")
    losses: Tensor = _Losses.apply(log_probs, steps, symbols, lengths)  # type: ignore[no-untyped-call]
    return losses


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, log_probs: Tensor, steps: Tensor, symbols: Tensor, lengths: Tensor
    ) -> Tensor:
        size, times, indices = log_probs.shape
        # States of a string: a blank, a symbol, a blank, a symbol ..., a blank.
        labels = symbols.new_zeros(size, 2 * symbols.shape[1] + 1)
        labels[:, 1::2] = symbols
        last = 2 * lengths
        backwards = _backwards(last, labels.shape[1])
        times_back = _backwards(steps - 1, times).unsqueeze(2)

        emitted = log_probs.gather(2, labels.unsqueeze(1).expand(-1, times, -1))
        back = _turned(emitted, times_back, backwards)
        turned = labels.gather(1, backwards)
        found = _recursion(torch.cat((emitted, back)), torch.cat((labels, turned)))
        before, behind = found[:size], _turned(found[size:, :, 2:], times_back, backwards)

        ends = before.gather(1, (steps - 1).view(-1, 1, 1).expand(-1, -1, before.shape[2]))
        ends = ends.squeeze(1).gather(1, torch.stack((last + 1, last + 2), 1))
        total = ends.logsumexp(1)
        possible = total > _NEVER

        state = torch.arange(labels.shape[1], device=labels.device)
        real = torch.arange(times, device=labels.device) < steps.unsqueeze(1)
        real = (real & possible.unsqueeze(1)).unsqueeze(2) & (state <= last.view(-1, 1, 1))
        share = before[:, :, 2:] + behind - emitted - total.view(-1, 1, 1)
        share = torch.where(real, share.exp(), 0.0).nan_to_num(0.0)
        # Whose symbol a state is, as a product: sums by index would come in any order on a GPU.
        whose = labels.unsqueeze(2) == torch.arange(indices, device=labels.device)
        ctx.save_for_backward(share @ whose.to(share.dtype))
        return torch.where(possible, -total, 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (shares,) = ctx.saved_tensors
        return -gradients[0].view(-1, 1, 1) * shares, None, None, None


def _recursion(emitted: Tensor, labels: Tensor) -> Tensor:
    """(N, T, 2 + S): log-probabilities of having come to each state, behind two that are never.

    Args:
        emitted: (N, T, S), of what each state emits.
        labels: (N, S), the blank is 0.
    """
    size, times, states = emitted.shape
    emitted = emitted.transpose(0, 1).contiguous()
    found = emitted.new_full((times, size, 2 + states), _NEVER)
    found[0, :, 2:4] = emitted[0, :, :2]
    # From a symbol to the next one past the blank, but not where the two are the same.
    skip = emitted.new_full((size, states), _NEVER)
    skip[:, 2:].masked_fill_(labels[:, 2:] != labels[:, :-2], 0.0)
    for time in range(1, times):
        at = found[time - 1]
        come = torch.logaddexp(at[:, 2:], at[:, 1:-1])
        come = torch.logaddexp(come, at[:, :-2] + skip)
        torch.add(come, emitted[time], out=found[time, :, 2:])
    return found.transpose(0, 1)


def _backwards(last: Tensor, size: int) -> Tensor:
    """(B, size): last, last - 1, ..., 0, and 0 from there on."""
    return (last.unsqueeze(1) - torch.arange(size, device=last.device)).clamp_min(0)


def _turned(values: Tensor, times: Tensor, states: Tensor) -> Tensor:
    """(B, T, S), read backwards in both."""
    values = values.gather(1, times.expand_as(values))
    return values.gather(2, states.unsqueeze(1).expand_as(values))
