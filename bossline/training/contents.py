"""The files of a run that are read back, and what helps where one is damaged."""

from __future__ import annotations

INFO, RECIPE, METRICS, SCORES = "run.json", "recipe.yaml", "metrics.jsonl", "scores.json"
WEIGHTS, SMOOTHING, DET = "best.safetensors", "smoothing.safetensors", "det.safetensors"
OF_STEP = "weights-{step:08d}.safetensors"
PREDICTIONS = "predictions.safetensors"
PHONES = "phones.arpa.gz"
ALIGNMENT = "alignment.safetensors"
THRESHOLD, GALLERY = "threshold.json", "gallery.safetensors"

_SCORE_AGAIN = "run 'bossline evaluate {run}'"
REMEDIES = {
    SMOOTHING: _SCORE_AGAIN,
    PHONES: _SCORE_AGAIN,
    SCORES: _SCORE_AGAIN,
    PREDICTIONS: _SCORE_AGAIN,
    DET: "run 'bossline evaluate {run} --trials FILE'",
    ALIGNMENT: "delete it and align again",
    METRICS: "bring back a copy, or delete it and do without its curves",
    THRESHOLD: "calibrate the threshold again",
    GALLERY: "delete it and enroll its speakers again",
}
ELSE = "bring back a copy, or train the run again"
"""What helps with any other."""
