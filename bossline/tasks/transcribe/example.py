"""One test utterance as a model sees it, kept for the report."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.models.attention import attention_weights, self_attention
from bossline.models.base import evaluating
from bossline.models.encoders.layers import frame_stacked
from bossline.models.transcriber import Transcriber
from bossline.tasks.base import Arrays, Scored
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.frames import Posteriors
from bossline.tasks.transcribe.recipe import TranscribeRecipe

SECONDS = 4.0  # what fits into one picture


def seen_of_one(
    model: nn.Module, test: Scored, recipe: TranscribeRecipe, corpus: Corpus, runtime: Runtime
) -> Arrays:
    """What the model makes of the utterance whose length is nearest to `SECONDS`.

    Returns:
        `example` (1,), which one, and as far as the model has them `example_posteriors` (S, V + 1)
        of its steps or frames, `example_encoder` (E, K, K), by which each layer of the encoder
        weighs what it reads, the mean over heads, and `example_attention` (A, L, S), by which the
        decoder weighs the steps for each symbol that it told. Nothing where all utterances are so
        long that they are cut.
    """
    lengths = corpus.lengths[test.items]
    away = np.abs(lengths - SECONDS * corpus.speech.frames_per_second)
    shown = int(np.where(lengths <= recipe.batches.longest, away, np.inf).argmin())
    if lengths[shown] > recipe.batches.longest:
        return {}
    found: Arrays = {"example": test.items[shown : shown + 1]}
    if isinstance(test.answers, Posteriors):
        return found | {"example_posteriors": test.answers.each()[shown].astype(np.float16)}
    assert isinstance(model, Transcriber)
    frames = torch.from_numpy(np.array(corpus.frames(int(test.items[shown])))).float()
    inputs = Padded.of(frames.unsqueeze(0).to(runtime.device), torch.tensor([len(frames)]))
    told = torch.from_numpy(transcripts.strings(test.decided)[shown]).to(runtime.device)
    with evaluating(model), torch.inference_mode(), runtime.autocast(recipe.precision):
        found |= _seen(model, inputs, told)
    return found


def _seen(model: Transcriber, inputs: Padded, told: Tensor) -> Arrays:
    """
    Args:
        inputs: one utterance.
        told: (L,) its symbols.
    """
    encoded, found = model(inputs), dict[str, Tensor]()
    if model.ctc is not None:
        found["example_posteriors"] = model.ctc_logits(encoded)[0].float().softmax(1)
    if self_attention(model.encoder):
        read = frame_stacked(inputs, model.frame_stack)
        weights = attention_weights(model.encoder, read)[0]
        by_layer = weights.chunk(len(self_attention(model.encoder)))
        found["example_encoder"] = torch.stack([layer.float().mean(0) for layer in by_layer])
    if model.decoder is not None:
        weights = model.decoder.attention(functional.pad(told, (1, 0)).unsqueeze(0), encoded)
        found["example_attention"] = weights[0, :, : len(told)].float()
    return {name: values.cpu().numpy().astype(np.float16) for name, values in found.items()}
