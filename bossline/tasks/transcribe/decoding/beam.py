"""Beam search over a decoder's symbols, alone or together with CTC and a model of phones.

Utterances, hypotheses and symbols are dimensions of tensors; the loop goes over places of the
strings. An utterance leaves the batch when nothing better can come.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.core.config import Config
from bossline.models.decoders import Decoder
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ctc_prefix import PrefixScorer, kept_prefixes
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses
from bossline.tasks.transcribe.decoding.ngram import NgramConfig

MARGIN = 10.0  # nats behind the best string that ended; what is further behind is not waited for

_LEAVING = 4  # of the utterances in the batch, 1 / so many are done before the others move up


class BeamConfig(Config):
    """The best strings of a decoder.

    A string y of n symbols, its end included in each probability, has the score
    ((1 - ctc_weight) * log p(y) + ctc_weight * log p_ctc(y) + ngram.weight * log p_ngram(y))
    / ((5 + n) / 6) ** length_penalty (Watanabe et al. 2017; Wu et al. 2016, arXiv 1609.08144).
    """

    kind: Literal["beam"] = "beam"
    beam: int = Field(8, ge=1, le=1000, description="hypotheses kept at each symbol")
    ctc_weight: float = Field(
        0.3, ge=0, lt=1, description="of CTC against the decoder; above 0 the model has both"
    )
    length_penalty: float = Field(
        0.0, ge=0, le=5, description="exponent of the length; above 0 favours longer strings"
    )
    end_threshold: float | None = Field(
        None,
        ge=1,
        description="a string may end only where log p(end) > this * log p(the best symbol) "
        "(Hannun et al. 2019, arXiv 1904.02619, with 1.5); null: anywhere",
    )
    coverage: float = Field(
        0.0,
        ge=0,
        le=10,
        description="what frames cost that no symbol attended to; it orders the n best anew",
    )
    ngram: NgramConfig | None = Field(None, description="a model of phones, of training strings")


@torch.no_grad()
def beam_search(
    decoder: Decoder,
    memory: Padded,
    config: BeamConfig,
    ctc: Tensor | None = None,
    automaton: Automaton | None = None,
) -> Hypotheses:
    """The best strings of each utterance, at most as many as the beam is wide.

    At each place the best `beam` continuations go on; where one of them is the end, the string is
    done, and its room is free. A string has at most as many symbols as there are frames; there its
    end is forced. The search of an utterance is over when no hypothesis that goes on can still
    come among the n best, or within `MARGIN` of the best.

    With a beam of 1, and the decoder alone, this is greedy search.

    Args:
        decoder: gives symbols one after the other; in evaluation mode.
        memory: (B, T, D), the encoder's frames.
        config: the beam and its weights.
        ctc: (B, T, V + 1) log-probabilities, the blank first; where `config.ctc_weight` is above 0.
        automaton: the model of phones, on the device, where `config.ngram` is set.
    """
    if config.ctc_weight and ctc is None:
        raise ValueError("a CTC weight above 0 needs the posteriors of CTC")
    limits = memory.padding.known
    longest = int(limits.max())
    scorer = PrefixScorer.of(ctc, limits) if ctc is not None and config.ctc_weight else None
    search = _Search(memory, config, scorer, automaton if config.ngram else None)
    found = search.ended
    state = decoder.start(memory, config.beam)
    for place in range(longest + 1):
        logits, state = decoder.step(search.tokens.flatten(), state)
        rows = search.advance(place, logits)
        done = search.done()
        count = int(done.sum())
        if config.beam > 1:
            state = state.reordered(rows)
        if count * _LEAVING >= len(done):
            found = found.replaced(search.utterances, search.ended)
            if count == len(done):
                break
            left = (~done).nonzero().squeeze(1)
            state = state.kept(left)
            search.keep(left)
    return found


class _Search:
    """The hypotheses of the A utterances that are not done.

    Attributes:
        utterances: (A,) their places among all.
        tokens: (A, K) int64, the newest symbol of each hypothesis.
        ended: the best strings that are done, of the A utterances.
    """

    def __init__(
        self,
        memory: Padded,
        config: BeamConfig,
        scorer: PrefixScorer | None,
        automaton: Automaton | None,
    ) -> None:
        self._config, self._scorer, self._automaton = config, scorer, automaton
        self._limits = memory.lengths
        device = memory.frames.device
        shape = (len(self._limits), config.beam)
        self.utterances = torch.arange(shape[0], device=device)
        self.tokens = torch.zeros(shape, dtype=torch.int64, device=device)
        strings = self.tokens.new_zeros(*shape, memory.padding.steps)
        nothing = torch.full(shape, -torch.inf, device=device)
        self.ended = Hypotheses(strings, self.tokens, nothing, torch.zeros_like(nothing).bool())
        self._strings = strings.clone()
        # All begin alike, so only the first of them counts.
        self._total = nothing.clone()
        self._total[:, 0] = 0
        self._decoder = self._total.clone()
        self._language = torch.zeros_like(nothing)
        self._contexts = torch.full_like(self.tokens, automaton.start if automaton else 0)
        self._prefixes = scorer.start(config.beam) if scorer else None

    def advance(self, place: int, logits: Tensor) -> Tensor:
        """Choose the symbols at a place.

        Args:
            place: from 0 on, so many symbols each hypothesis has.
            logits: (A * K, V + 1).

        Returns:
            (A * K,) the row of each one's parent.
        """
        utterances, width = self.tokens.shape
        log_probs = logits.float().log_softmax(1).view(utterances, width, -1)
        of_decoder = self._decoder.unsqueeze(2) + log_probs
        total, of_language = self._totals(of_decoder)
        at_limit = (self._limits == place).unsqueeze(1)
        if (threshold := self._config.end_threshold) is not None:
            early = log_probs[:, :, 0] <= threshold * log_probs[:, :, 1:].amax(2)
            total[:, :, 0].masked_fill_(early & ~at_limit, -torch.inf)
        total[:, :, 1:].masked_fill_(at_limit.unsqueeze(2), -torch.inf)
        score, chosen = total.flatten(1).topk(width, dim=1)
        parents = chosen.div(log_probs.shape[2], rounding_mode="floor")
        symbols = chosen - parents * log_probs.shape[2]
        ends = symbols == 0
        past = self._strings[:, :, :place]
        past.copy_(past.gather(1, parents.unsqueeze(2).expand_as(past)))
        self._end(place, score.masked_fill(~ends, -torch.inf), ~at_limit)
        if place < self._strings.shape[2]:
            self._strings[:, :, place] = symbols
        self._total = score.masked_fill(ends, -torch.inf)
        of_decoder = of_decoder.flatten(1).gather(1, chosen)
        self._decoder = of_decoder.masked_fill(ends, -torch.inf)
        if self._automaton is not None:
            self._language = of_language.flatten(1).gather(1, chosen)
            contexts = self._contexts.gather(1, parents)
            self._contexts = self._automaton.following[contexts, symbols]
        if self._scorer is not None and self._prefixes is not None:
            self._prefixes = self._scorer.advanced(self._prefixes, parents, symbols)
        self.tokens = symbols
        first = torch.arange(utterances, device=parents.device).unsqueeze(1) * width
        return (first + parents).flatten()

    def _totals(self, of_decoder: Tensor) -> tuple[Tensor, Tensor]:
        """(A, K, V + 1) scores of what continues or, column 0, ends; and the n-gram's part."""
        config, of_language = self._config, self._language.unsqueeze(2)
        total = (1 - config.ctc_weight) * of_decoder
        if self._scorer is not None and self._prefixes is not None:
            total += config.ctc_weight * self._scorer.scores(self._prefixes)
        if self._automaton is not None and config.ngram is not None:
            of_language = of_language + self._automaton.log_probs[self._contexts]
            total += config.ngram.weight * of_language
        return total, of_language

    def _end(self, place: int, score: Tensor, by_themselves: Tensor) -> None:
        """Keep the best of the strings that ended before and at this place.

        Args:
            place: their symbols.
            score: (A, K) -inf of those that go on.
            by_themselves: (A, 1) bool, whether no limit forced their ends.
        """
        newest = Hypotheses(
            self._strings,
            torch.full_like(self.tokens, place),
            score / self._penalty(place),
            by_themselves.expand_as(score),
        )
        self.ended = self.ended.joined(newest)

    def _penalty(self, symbols: int | Tensor) -> float | Tensor:
        """What a score is divided by."""
        divisor: float | Tensor = ((5 + symbols) / 6) ** self._config.length_penalty
        return divisor

    def done(self) -> Tensor:
        """(A,) bool, whether what goes on can no longer matter.

        Scores only fall, so none is better than what it is now, over the largest divisor.
        """
        best = self._total.amax(1) / self._penalty(self._limits)
        scores = self.ended.scores
        return best <= torch.maximum(scores[:, -1], scores[:, 0] - MARGIN)

    def keep(self, left: Tensor) -> None:
        """Go on with these of the A utterances only."""
        self.utterances, self.tokens = self.utterances[left], self.tokens[left]
        self._limits, self._strings = self._limits[left], self._strings[left]
        self._total, self._decoder = self._total[left], self._decoder[left]
        self._language, self._contexts = self._language[left], self._contexts[left]
        self.ended = self.ended.of(left)
        if self._scorer is not None and self._prefixes is not None:
            self._scorer = self._scorer.kept(left)
            self._prefixes = kept_prefixes(self._prefixes, left)
