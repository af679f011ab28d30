"""Which utterances train, validate and test. Never frames: neighbours would leak."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bossline.config import Config
from bossline.corpora.packed import Corpus, Ints
from bossline.errors import UserError

SPLITS = ("train", "validation", "test")


class SplitConfig(Config):
    """How the labelled utterances are divided."""

    by: Literal["auto", "corpus", "utterance", "speaker"] = Field(
        "auto",
        description="corpus: the corpus' own labelled train, validation and test parts; "
        "speaker: no speaker on two sides; auto: corpus where it has them, else utterance",
    )
    validation: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.1, gt=0, lt=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _leaves_some(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave something to train on")
        return self


def split_corpus(corpus: Corpus, config: SplitConfig) -> dict[str, Ints]:
    """Utterance indices of "train", "validation" and "test", in corpus order.

    Raises:
        UserError: too few labelled utterances or speakers, or the corpus lacks the parts.
    """
    own = _own_parts(corpus)
    if config.by == "corpus" or (config.by == "auto" and own is not None):
        if own is None:
            raise UserError(
                f"split.by=corpus wants labelled parts {', '.join(SPLITS)}; the corpus has "
                f"{', '.join(corpus.header.parts)}: use split.by=utterance"
            )
        return own
    labelled = np.flatnonzero(corpus.labelled)
    if config.by == "speaker":
        speakers = corpus.speakers[labelled]
        if (speakers < 0).any():
            raise UserError("split.by=speaker: the corpus does not say who speaks")
        groups: Ints = np.unique(speakers).astype(np.int64)
    else:
        groups = labelled
    held_out = {name: round(len(groups) * getattr(config, name)) for name in SPLITS[1:]}
    if min(held_out.values()) < 1 or sum(held_out.values()) >= len(groups):
        what = "speakers" if config.by == "speaker" else "labelled utterances"
        raise UserError(f"{len(groups)} {what} are too few to train, validate and test on")
    order = np.random.default_rng(config.seed).permutation(groups)
    chosen = {}
    for name, count in held_out.items():
        chosen[name], order = order[:count], order[count:]
    chosen["train"] = order
    if config.by == "speaker":
        chosen = {name: labelled[np.isin(speakers, members)] for name, members in chosen.items()}
    return {name: np.sort(chosen[name]) for name in SPLITS}


def _own_parts(corpus: Corpus) -> dict[str, Ints] | None:
    if not set(SPLITS) <= set(corpus.header.parts):
        return None
    own = {name: corpus.part(name) for name in SPLITS}
    return own if all(corpus.labelled[members].all() for members in own.values()) else None
