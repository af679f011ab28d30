"""Costs of runs against sums over their own training utterances."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.runs.run import Run
from bossline.studies.costs import costs_of, item_of

QUIET = Console(quiet=True)


def lengths_of(run: Run, corpus: Corpus) -> np.ndarray:
    """Of the training utterances."""
    splits = split_corpus(corpus, run.recipe.split, corpus.labelled)
    return corpus.lengths[splits["train"]]


def test_of_windows(toy: Corpus) -> None:
    small = ("epochs=3", "model.width=8", "batches.size=64")
    run = api.train("phoneme/simple", "toy", small, device="cpu", threads=1, console=QUIET)
    costs = costs_of(run)
    assert costs.per_item == 3 * 6 * 8 + 8 * 8 + 8 * 5
    assert costs.training == 3 * 3 * lengths_of(run, toy).sum() * costs.per_item


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
    assert costs.per_item == pytest.approx(every_utterance / lengths.sum(), rel=0.01)
    assert costs.training == pytest.approx(3 * 2 * every_utterance, rel=0.01)


def test_of_segments(speaker_run: Run) -> None:
    costs = costs_of(speaker_run)
    recurrence = 4 * 12 * (5 + 12) + 4 * 12 * (5 + 12)
    once = 2 * 24 * 8 + 8 * 4  # means and deviations to the embedding, and to the speakers
    assert costs.per_item == pytest.approx(recurrence + once / 12)
    assert costs.training == pytest.approx(3 * 3 * 30 * 16 * 12 * costs.per_item)


def test_of_rows(survey: Corpus) -> None:
    small = ("epochs=2", "batches.size=16", "model.network.width=8")
    run = api.train("covid/simple", "survey", small, device="cpu", threads=1, console=QUIET)
    costs, train = costs_of(run), len(lengths_of(run, survey))
    assert costs.per_item == 5 * 8 + 8 * 8 + 8
    assert costs.training == 3 * 2 * train * costs.per_item
    assert item_of(run) == "row"
    floor = costs_of(api.train("covid/floor", "survey", device="cpu", threads=1, console=QUIET))
    assert (floor.per_item, floor.training) == (5, None)


def test_of_images(dishes: Corpus) -> None:
    small = ("epochs=1", "batches.side=32", "batches.size=16", "model.width=2", "model.depth=2")
    run = api.train(
        "food/simple",
        "dishes",
        (*small, "model.hidden=[6]"),
        device="cpu",
        threads=1,
        console=QUIET,
    )
    costs, train = costs_of(run), len(lengths_of(run, dishes))
    convolutions = 32 * 32 * 9 * 3 * 2 + 16 * 16 * 9 * 2 * 4
    assert costs.per_item == convolutions + 4 * 4 * 4 * 6 + 6 * 3
    assert costs.training == 3 * train * costs.per_item
    assert item_of(run) == "image"


def test_a_fitted_model_takes_no_training_steps(voices: Corpus) -> None:
    run = api.train("speaker/floor", "voices", device="cpu", threads=1, console=QUIET)
    costs = costs_of(run)
    assert costs.training is None
    assert costs.per_item > 0


def test_without_the_corpus(speaker_run: Run) -> None:
    speaker_run.update(corpus="gone")
    with pytest.raises(UserError, match="no corpus 'gone'"):
        costs_of(speaker_run)
