"""From the moments at which symbols are heard to when each begins and ends, by labels of frames."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_THE_MIDDLE = 1e-4  # of a logarithm a frame: where labels do not tell two symbols apart


@torch.no_grad()
def extents(
    labels: Tensor, lengths: Tensor, symbols: Tensor, symbol_lengths: Tensor, moments: Tensor
) -> tuple[Tensor, Tensor]:
    """First frame of each symbol, and the one behind its last.

    Between the moments of two neighbours the first goes on up to some frame, then there may be
    silence, and then the second goes on: the best such cut is found for all gaps side by side, by a
    running maximum. A search through whole utterances takes a step a frame and ten times as long.

    Args:
        labels: (B, T, V + 1) log-probabilities, silence first.
        lengths: (B,) int64 frames, at most T.
        symbols: (B, L) 1..V; what is beyond a string's end does not matter.
        symbol_lengths: (B,) int64, at most L.
        moments: (B, L) frames in which symbols are said; they are moved where two share one.

    Returns:
        (B, L) int64 each; 0 beyond a string's end, and where there are fewer frames than symbols.
    """
    device = labels.device
    lengths, symbol_lengths = lengths.to(device), symbol_lengths.to(device)
    count = symbols.shape[1]
    places = torch.arange(count, device=device)
    inside = (places < symbol_lengths.unsqueeze(1)) & (symbol_lengths <= lengths).unsqueeze(1)
    if not inside.any():
        nothing = torch.zeros_like(symbols)
        return nothing, nothing.clone()
    moments = _apart(moments.to(device).long(), lengths, symbol_lengths)
    rows, order = inside.nonzero(as_tuple=True)
    is_last = order == symbol_lengths[rows] - 1
    here, said = moments[rows, order], symbols[rows, order].to(device)
    # The gap in front of the first symbol has none before it, and that behind the last none after.
    first = order == 0
    begins = torch.cat([torch.zeros_like(here[first]), here])
    after = torch.where(is_last, lengths[rows], here.roll(-1))
    stops = torch.cat([here[first], after])
    of = torch.cat([rows[first], rows])
    before = torch.cat([torch.zeros_like(said[first]), said])
    behind = torch.cat([said[first], torch.where(is_last, 0, said.roll(-1))])
    leaves, comes = _cuts(labels, of, begins, stops, before, behind)
    starts, ends = torch.zeros_like(symbols), torch.zeros_like(symbols)
    leading = int(first.sum())
    ends[rows, order] = leaves[leading:]
    starts[rows[first], 0] = comes[:leading]
    follows = ~is_last
    starts[rows[follows], order[follows] + 1] = comes[leading:][follows]
    return starts, ends


def _apart(moments: Tensor, lengths: Tensor, symbol_lengths: Tensor) -> Tensor:
    """Rising moments within each utterance."""
    places = torch.arange(moments.shape[1], device=moments.device)
    latest = (lengths - symbol_lengths).unsqueeze(1)
    return (moments - places).clamp_min(0).cummax(1).values.minimum(latest) + places


def _cuts(
    labels: Tensor, of: Tensor, begins: Tensor, stops: Tensor, before: Tensor, behind: Tensor
) -> tuple[Tensor, Tensor]:
    """Of each gap (G,): the frame in which the symbol before is no more, and that in which the one
    behind is there.

    Args:
        of: (G,) its utterance.
        begins, stops: (G,) its frames; the first is of the symbol before, where there is one.
        before, behind: (G,) symbols; 0: none.
    """
    steps = torch.arange(int((stops - begins).max()) + 1, device=labels.device)
    frames = (begins.unsqueeze(1) + steps[:-1]).clamp_max(labels.shape[1] - 1)
    within = steps[:-1] < (stops - begins).unsqueeze(1)

    def summed(symbols: Tensor) -> Tensor:
        """(G, S + 1) of the first 0..S frames of each gap."""
        said = labels[of.unsqueeze(1), frames, symbols.unsqueeze(1)].float()
        return torch.nn.functional.pad(said.masked_fill(~within, 0).cumsum(1), (1, 0))

    silent = summed(torch.zeros_like(before))
    leaving = summed(before) - silent
    leaving[:, 0].masked_fill_(before > 0, -torch.inf)
    left, where = leaving.cummax(1)
    middle = ((stops - begins) / 2).unsqueeze(1)
    total = left + silent - summed(behind) - _TO_THE_MIDDLE * (steps - middle).abs()
    total.masked_fill_(steps > (stops - begins).unsqueeze(1), -torch.inf)
    come = total.argmax(1)
    return begins + where.gather(1, come.unsqueeze(1)).squeeze(1), begins + come
