"""How probable CTC finds each way to continue a string: its part in joint decoding.

The probability of a prefix is the sum over all strings that begin with it (Watanabe et al. 2017,
"Hybrid CTC/attention architecture"; Hori et al. 2017, arXiv 1706.02737), over all utterances,
prefixes and symbols at once. All symbols are scored by one product of matrices over frames; only
for prefixes that are kept is the recursion over frames run.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bossline.tasks.transcribe.decoding.ctc import real_frames

_BLOCK = 16  # frames; about the root of how many there are needs the fewest operations


@dataclass(frozen=True, eq=False)
class PrefixState:
    """Paths of the prefixes of a beam, by the frames they take.

    Probabilities of the first t frames, over that of their best path. In float64 a prefix counts as
    impossible there when it is about e^700 times less probable than that path.

    Attributes:
        labels: (T + 1, B, K) of the paths that end in the prefix's last symbol, t = 0..T.
        blanks: the same of those that end in a blank.
        last: (B, K) int64, the last symbol; 0 of an empty prefix.
    """

    labels: Tensor
    blanks: Tensor
    last: Tensor


@dataclass(frozen=True, eq=False)
class PrefixScorer:
    """The posteriors of a batch of utterances, as prefixes are scored by them.

    Attributes:
        ratios: (B, T, V + 1) float64, probabilities over the greatest of their frame; 0 beyond the
            lengths, where no path goes on.
        best: (B, T) float64, log-probability of the best path of the first 1..T frames.
        ends: (B,) int64, the lengths.
    """

    ratios: Tensor
    best: Tensor
    ends: Tensor

    @classmethod
    def of(cls, log_probs: Tensor, lengths: Tensor) -> PrefixScorer:
        """
        Args:
            log_probs: (B, T, V + 1), the blank first; on a device that has float64.
            lengths: (B,) int64 on the CPU, frames, at least 1, at most T.
        """
        real = real_frames(log_probs, lengths)
        best = log_probs.double().amax(2)
        ratios = (log_probs - best.unsqueeze(2)).exp()
        return cls(
            ratios=ratios.masked_fill(~real.unsqueeze(2), 0),
            best=best.masked_fill(~real, 0).cumsum(1),
            ends=lengths.to(log_probs.device),
        )

    def start(self, beam: int) -> PrefixState:
        """Empty prefixes, `beam` to each utterance."""
        blanks = self.ratios[:, :, 0].cumprod(1)
        blanks = torch.cat([torch.ones_like(blanks[:, :1]), blanks], dim=1)
        blanks = blanks.T.unsqueeze(2).repeat(1, 1, beam)
        last = torch.zeros(blanks.shape[1:], dtype=torch.int64, device=blanks.device)
        return PrefixState(torch.zeros_like(blanks), blanks, last)

    def scores(self, state: PrefixState) -> Tensor:
        """(B, K, V + 1) float32 log-probabilities of the prefix continued by each symbol.

        Column 0: of the prefix as the whole string.
        """
        # Times t - 1, before the frame of the symbol, and utterances first: (B, K, T).
        before = (state.labels[:-1] + state.blanks[:-1]).permute(1, 2, 0)
        weights = before.log() + self.best.unsqueeze(1)
        shift = weights.amax(2, keepdim=True).clamp_min(torch.finfo(torch.float64).min)
        found = (weights - shift).exp() @ self.ratios
        # A symbol repeats only behind a blank.
        repeated = state.blanks[:-1].permute(1, 2, 0).log() + self.best.unsqueeze(1) - shift
        of_last = self._columns(state.last).permute(1, 2, 0)
        again = (repeated.exp() * of_last).sum(2, keepdim=True)
        found.scatter_(2, state.last.unsqueeze(2), again)
        logs = found.log() + shift
        logs[:, :, 0] = self._whole(state)
        return logs.float()

    def _whole(self, state: PrefixState) -> Tensor:
        """(B, K) log-probability of each prefix over all frames."""
        ends = self.ends.unsqueeze(1).expand_as(state.last).unsqueeze(0)
        paths = (state.labels + state.blanks).gather(0, ends).squeeze(0)
        return paths.log() + self.best[:, -1:]

    def _columns(self, symbols: Tensor) -> Tensor:
        """(T, B, K) what each frame has for the symbols, (B, K), over its best."""
        utterances, steps, _ = self.ratios.shape
        index = symbols.unsqueeze(1).expand(utterances, steps, -1)
        return self.ratios.gather(2, index).transpose(0, 1)

    def advanced(self, state: PrefixState, parents: Tensor, symbols: Tensor) -> PrefixState:
        """Prefixes continued.

        Args:
            state: of the prefixes before.
            parents: (B, K') which of its utterance's prefixes each one continues.
            symbols: (B, K') 1..V.
        """
        index = parents.expand(len(state.labels) - 1, *parents.shape)
        blanks = state.blanks[:-1].gather(2, index)
        repeats = symbols == state.last.gather(1, parents)
        before = blanks + state.labels[:-1].gather(2, index).masked_fill(repeats, 0)
        of_symbol = self._columns(symbols)
        labels = _scan(of_symbol, of_symbol * before)
        of_blank = self.ratios[:, :, :1].transpose(0, 1)
        ended = _scan(of_blank.expand_as(of_symbol).contiguous(), of_blank * labels[:-1])
        return PrefixState(labels, ended, symbols)

    def kept(self, utterances: Tensor) -> PrefixScorer:
        """Only these utterances, (B',)."""
        return PrefixScorer(
            self.ratios.index_select(0, utterances),
            self.best.index_select(0, utterances),
            self.ends.index_select(0, utterances),
        )


def kept_prefixes(state: PrefixState, utterances: Tensor) -> PrefixState:
    """Only the prefixes of these utterances, (B',)."""
    return PrefixState(
        state.labels.index_select(1, utterances),
        state.blanks.index_select(1, utterances),
        state.last.index_select(0, utterances),
    )


def _scan(factors: Tensor, added: Tensor) -> Tensor:
    """x[t] = factors[t - 1] * x[t - 1] + added[t - 1], x[0] = 0.

    Args:
        factors: (T, ...).
        added: (T, ...).

    Returns:
        (T + 1, ...).
    """
    steps, shape = len(factors), factors.shape[1:]
    blocks = -(-steps // _BLOCK)
    found = added.new_zeros(blocks * _BLOCK + 1, *shape)
    found[1 : steps + 1] = added
    products = torch.zeros_like(found[1:])
    products[:steps] = factors
    rows, products = (x.view(blocks, _BLOCK, *shape) for x in (found[1:], products))
    # All blocks at once, as if each began with 0; then what the one before it ends with.
    for place in range(1, _BLOCK):
        rows[:, place].addcmul_(products[:, place], rows[:, place - 1])
        products[:, place] *= products[:, place - 1]
    for block in range(1, blocks):
        rows[block].addcmul_(products[block], rows[block - 1, -1])
    return found[: steps + 1]
