"""CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873), a batch of utterances at a time.

A beam holds prefixes, not paths: paths of one string add up. The loop goes over frames; utterances,
prefixes and symbols are dimensions of tensors. Nothing waits for the device before the strings are
read off. No frame is skipped, and no symbol left out.

With a beam as large as there are prefixes, scores are the strings' exact probabilities. A smaller
beam loses paths: a score is then at most the exact one.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bossline.core.config import Config
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ctc import real_frames
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses, written
from bossline.tasks.transcribe.decoding.ngram import NgramConfig

_NO_PARENT = -1


class PrefixBeamConfig(Config):
    """The most probable strings of CTC, where wanted weighed by a model of phones.

    A string y has the score log p(y | x) + weight * log p(y) + bonus * symbols of y.
    """

    kind: Literal["prefix-beam"] = "prefix-beam"
    beam: int = Field(8, ge=1, le=1000, description="prefixes kept at each frame")
    ngram: NgramConfig | None = Field(None, description="a model of phones, of training strings")
    bonus: float = Field(
        0.0, ge=-10, le=10, description="for each symbol; outweighs that an n-gram prefers few"
    )
    rescore: float = Field(
        0.0,
        ge=0,
        le=10,
        description="of the decoder's log-probability of each of the n best, which orders them "
        "anew; above 0 the model has a decoder",
    )


@torch.no_grad()
def prefix_beam_search(
    log_probs: Tensor,
    lengths: Tensor,
    config: PrefixBeamConfig,
    automaton: Automaton | None = None,
) -> Hypotheses:
    """The best strings of each utterance, as many as the beam is wide.

    Args:
        log_probs: (B, T, V + 1), the blank first.
        lengths: (B,) int64 on the CPU, frames, at least 1, at most T.
        config: the beam and its weights.
        automaton: the model of phones, on the device, where `config.ngram` is set.
    """
    frames = _blanks_behind(log_probs.float(), lengths)
    beam = _Beam(frames, config, automaton if config.ngram else None)
    for t in range(frames.shape[1]):
        beam.step(t, frames[:, t])
    return beam.hypotheses()


def _blanks_behind(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """Certain blanks beyond the lengths, which change no score."""
    blank = log_probs.new_full((log_probs.shape[2],), -torch.inf)
    blank[0] = 0
    return torch.where(real_frames(log_probs, lengths).unsqueeze(2), log_probs, blank)


class _Beam:
    """The prefixes of all utterances, each a node of its utterance's tree; K = beam.

    A tree's table of children gives a prefix that was lost and comes back the node it had, so that
    two prefixes are equal exactly where their nodes are. Frame t may make nodes 1 + t * K and on;
    the root is 0.

    Attributes, (B, K) each:
        blank: log-probability of the prefix's paths that end in a blank; `label` of the others.
        node, parent, last, length: of the prefix in the tree, and its last symbol (0: none).
    """

    def __init__(self, frames: Tensor, config: PrefixBeamConfig, automaton: Automaton | None):
        utterances, steps, columns = frames.shape
        self._width, self._columns = config.beam, columns
        self._config, self._automaton = config, automaton
        shape = (utterances, config.beam)
        self._lost = steps * config.beam + 1  # the node of what has no probability
        self._children = torch.zeros(
            utterances, (self._lost + 1) * columns, dtype=torch.int32, device=frames.device
        )
        self._slots = torch.arange(config.beam, device=frames.device)
        root = self._slots == 0
        self.blank = torch.where(root, 0.0, -torch.inf).to(frames).expand(shape)
        self.label = frames.new_full(shape, -torch.inf)
        self.node = torch.where(root, 0, self._lost).expand(shape)
        self.parent = torch.full_like(self.node, _NO_PARENT)
        self.last = torch.zeros_like(self.node)
        self.length = torch.zeros_like(self.node)
        self.state = torch.full_like(self.node, automaton.start if automaton else 0)
        self.language = frames.new_zeros(shape)  # weighted score of the prefix, bonus included
        self._parents = [torch.zeros_like(self.node[:, :1])]
        self._symbols = [torch.zeros_like(self.node[:, :1])]

    def step(self, t: int, frame: Tensor) -> None:
        """Read frame t, (B, V + 1)."""
        total = torch.logaddexp(self.blank, self.label)
        of_last = frame.gather(1, self.last)
        # Column 0 of a prefix is the prefix itself, the others what continues it.
        grown = total.unsqueeze(2) + frame.unsqueeze(1)  # (B, K, V + 1)
        stay_blank = grown[:, :, 0].clone()
        # A symbol repeats only behind a blank. Of the root, this writes column 0, and so for all.
        grown.scatter_(2, self.last.unsqueeze(2), (self.blank + of_last).unsqueeze(2))
        grown[:, :, 0] = -torch.inf
        flat = grown.view(len(frame), -1)
        # What continues a prefix of the beam to another one of it adds to that one's paths.
        kin = self.node.unsqueeze(2) == self.parent.unsqueeze(1)  # (B, K parents, K)
        has_parent, of = kin.max(1)
        source = torch.where(has_parent, of * self._columns + self.last, self._own)
        stay_label = torch.logaddexp(self.label + of_last, flat.gather(1, source))
        flat.scatter_(1, source, -torch.inf)
        grown[:, :, 0] = torch.logaddexp(stay_blank, stay_label)
        self._select(t, flat, stay_blank, stay_label)

    @property
    def _own(self) -> Tensor:
        """(K,) column 0 of each prefix among all K * (V + 1)."""
        return self._slots * self._columns

    def _select(self, t: int, flat: Tensor, stay_blank: Tensor, stay_label: Tensor) -> None:
        """Keep the best of (B, K * (V + 1))."""
        ranked, continued = flat, None
        if self._automaton is not None or self._config.bonus:
            continued = self._continued()
            ranked = flat + continued.flatten(1)
        score, chosen = ranked.topk(self._width, dim=1)
        of = chosen.div(self._columns, rounding_mode="floor")
        symbol = chosen - of * self._columns
        stays, lost = symbol == 0, score == -torch.inf
        if continued is not None:
            self.language = continued.flatten(1).gather(1, chosen)
        if self._automaton is not None:
            following = self._automaton.following[self.state.gather(1, of), symbol]
            self.state = following
        self.blank = torch.where(stays, stay_blank.gather(1, of), -torch.inf)
        self.label = torch.where(stays, stay_label.gather(1, of), flat.gather(1, chosen))
        self._name(t, of, symbol, stays, lost)

    def _continued(self) -> Tensor:
        """(B, K, V + 1) language scores of prefixes, column 0, and of what continues them."""
        continued = self.language.unsqueeze(2) + self._config.bonus
        if self._automaton is not None and self._config.ngram is not None:
            weight = self._config.ngram.weight
            continued = continued + weight * self._automaton.log_probs[self.state]
        else:
            continued = continued.repeat(1, 1, self._columns)
        continued[:, :, 0] = self.language
        return continued

    def _name(self, t: int, of: Tensor, symbol: Tensor, stays: Tensor, lost: Tensor) -> None:
        """Give the prefixes chosen their nodes."""
        node = self.node.gather(1, of)
        slot = node * self._columns + symbol
        known = self._children.gather(1, slot)
        fresh = torch.where(known > 0, known.long(), 1 + t * self._width + self._slots)
        new = torch.where(stays, node, fresh)
        self._children.scatter_(1, slot, new.int())
        self._parents.append(node)
        self._symbols.append(symbol)
        parent = torch.where(stays, self.parent.gather(1, of), node)
        self.last = torch.where(stays, self.last.gather(1, of), symbol)
        self.length = self.length.gather(1, of) + ~stays
        # Twins of a prefix could come of what has no probability: it is nobody's child.
        self.node = new.masked_fill(lost, self._lost)
        self.parent = parent.masked_fill(lost, _NO_PARENT)

    def hypotheses(self) -> Hypotheses:
        """The strings of the beam, with the score of their end."""
        scores = torch.logaddexp(self.blank, self.label) + self.language
        if self._automaton is not None and self._config.ngram is not None:
            ends = self._automaton.log_probs[self.state, 0]
            scores = scores + self._config.ngram.weight * ends
        scores, order = scores.sort(dim=1, descending=True, stable=True)
        # A lost prefix may stand at any node; it has no string.
        found = scores > -torch.inf
        lengths = self.length.gather(1, order) * found
        nodes = self.node.gather(1, order) * found
        parents, symbols = torch.cat(self._parents, 1), torch.cat(self._symbols, 1)
        return Hypotheses(
            symbols=written(parents, symbols, nodes, lengths),
            lengths=lengths,
            scores=scores,
            ended=found,
        )
