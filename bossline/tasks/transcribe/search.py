"""temp"""
from __future__ import annotations
from typing import Annotated
import numpy as np
from pydantic import Field
import torch
from bossline.batches.padded import Padded
from bossline.models.transcriber import Transcriber
from bossline.tasks.transcribe.decoding.ctc import GreedyConfig, best_paths
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig, prefix_beam_search
from bossline.tasks.transcribe.transcripts import Transcript

def searched(model: Transcriber, inputs: Padded, decoding) -> list[list[Transcript]]:
    encoded = model(inputs)
    log = model.ctc_logits(encoded).float().log_softmax(2)
    known = encoded.padding.known
    if decoding.kind == "greedy":
        h = best_paths(log, known)
    else:
        h = prefix_beam_search(log, known, decoding)
    out = []
    for lists, scores in zip(h.each(), h.scores.tolist(), strict=True):
        out.append([Transcript(np.array(s, np.int64), np.zeros(len(s)), np.zeros(len(s)), np.zeros(len(s)), v) for s, v in zip(lists, scores)] )
    return out
