"""Costs of runs against sums over their own training utterances."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from bossline import api
from bossline.corpora.packed import Corpus
from bossline.corpora.splits import split_corpus
from bossline.errors import UserError
from bossline.studies.costs import costs_of
from bossline.training.run import Run

QUIET = Console(quiet=True)


def lengths_of(run: Run, corpus: Corpus) -> np.ndarray:
    """Of the training utterances."""
    splits = split_corpus(corpus, run.recipe.split, corpus.labelled)
    return corpus.lengths[splits["train"]]


def test_of_windows(toy: Corpus) -> None:
    small = ("epochs=3", "model.width=8", "batches.size=64")
    run = api.train("phoneme/simple", "toy", small, device="cpu", threads=1, console=QUIET)
    costs = costs_of(run)
    assert costs.per_frame == 3 * 6 * 8 + 8 * 8 + 8 * 5
    assert costs.training == 3 * 3 * lengths_of(run, toy).sum() * costs.per_frame


def test_of_utterances_with_attention(toy: Corpus) -> None:
    small = (
        "epochs=2",
        "batches.size=200",
        "model.encoder={kind: transformer, depth: 1, width: 8, heads: 1, feed_forward: 1}",
    )
    run = api.train("phoneme/boss-small", "toy", small, device="cpu", threads=1, console=QUIET)
    lengths = lengths_of(run, toy)
    linear = 6 * 8 + 4 * 8 * 8 + 2 * 8 * 8 + 8 * 5
    every_utterance = (linear * lengths + 2 * 8 * lengths**2).sum()
    costs = costs_of(run)
    assert costs.per_frame == pytest.approx(every_utterance / lengths.sum(), rel=0.01)
    assert costs.training == pytest.approx(3 * 2 * every_utterance, rel=0.01)


def test_of_segments(speaker_run: Run) -> None:
    costs = costs_of(speaker_run)
    recurrence = 4 * 12 * (5 + 12) + 4 * 12 * (5 + 12)
    once = 2 * 24 * 8 + 8 * 4  # means and deviations to the embedding, and to the speakers
    assert costs.per_frame == pytest.approx(recurrence + once / 12)
    assert costs.training == pytest.approx(3 * 3 * 30 * 16 * 12 * costs.per_frame)


def test_a_fitted_model_takes_no_training_steps(voices: Corpus) -> None:
    run = api.train("speaker/floor", "voices", device="cpu", threads=1, console=QUIET)
    costs = costs_of(run)
    assert costs.training is None
    assert costs.per_frame > 0


def test_without_the_corpus(speaker_run: Run) -> None:
    speaker_run.update(corpus="gone")
    with pytest.raises(UserError, match="no corpus 'gone'"):
        costs_of(speaker_run)
