"""Strings from a model that labels frames: the path of its posteriors, merged."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bossline.batches.utterances import Utterances
from bossline.core.runtime import Runtime
from bossline.tasks.base import Answers, Smoother
from bossline.tasks.transcribe.recipe import TranscribeRecipe
from bossline.tasks.transcribe.transcripts import Transcript, answers_of


class Posteriors(Answers):
    """(N, V + 1) probabilities of the symbols of frames; 0: silence."""


def posteriors(
    model: nn.Module, opened: Utterances, recipe: TranscribeRecipe, runtime: Runtime
) -> Posteriors:
    """Of all frames of some utterances."""
    answers = torch.empty(0, device=runtime.device)
    for inputs, where, rows in opened.in_order():
        with runtime.autocast(recipe.precision):
            logits: Tensor = model(inputs)
        if not len(answers):
            answers = answers.new_empty(len(opened), logits.shape[2])
        own = logits.flatten(0, 1).index_select(0, rows)
        answers.index_copy_(0, where, own.float().softmax(1))
    return Posteriors(answers, opened.utterance_lengths)


def merged(answers: Posteriors, smoother: Smoother | None) -> Answers:
    """Stretches of equal symbols, silence left out; confidence is their mean probability."""
    array = answers.array
    path = array.argmax(1) if smoother is None else smoother.path(array, answers.lengths)
    taken = np.take_along_axis(array, path[:, None], axis=1)[:, 0].astype(np.float64)
    ends = np.cumsum(answers.lengths)
    found = [
        [_transcript(path[end - length : end], taken[end - length : end])]
        for end, length in zip(ends, answers.lengths, strict=True)
    ]
    return answers_of(found)


def _transcript(path: np.ndarray, taken: np.ndarray) -> Transcript:
    starts = np.flatnonzero(np.append(True, np.diff(path) != 0))
    ends = np.append(starts[1:], len(path))
    means = np.add.reduceat(taken, starts) / (ends - starts)
    real = path[starts] > 0
    score = float(np.log(np.maximum(taken, 1e-30)).sum())
    return Transcript(
        path[starts][real],
        means[real],
        starts[real].astype(np.float64),
        ends[real].astype(np.float64),
        score,
    )
