"""What a feature vector is. Stored with corpus and model, so both can be held against new input."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bossline.config import Config

Deltas = Literal["none", "time", "coefficient"]


class FeatureSpec(Config):
    """How frames were made: one vector of `dim` numbers each `hop_ms`."""

    kind: Literal["mfcc", "other"] = Field(description="mfcc: Kaldi MFCC; other: made elsewhere")
    dim: int = Field(gt=0, description="numbers per frame, deltas included")
    sample_rate: int = Field(16_000, gt=0, description="Hz")
    window_ms: float = Field(25.0, gt=0)
    hop_ms: float = Field(10.0, gt=0)
    deltas: Deltas = Field(
        "none",
        description="axis of the first and second regression deltas: time, as in the literature; "
        "coefficient, as in the published LibriPhone files; none",
    )
    normalisation: Literal["none", "utterance"] = Field(
        "none", description="utterance: mean 0 and standard deviation 1 of each dimension (CMVN)"
    )

    @property
    def frames_per_second(self) -> float:
        return 1000.0 / self.hop_ms

    def describe(self) -> str:
        """One line for people.

        >>> FeatureSpec(kind="mfcc", dim=39, deltas="time").describe()
        'mfcc, 39 dimensions, 25 ms window, 10 ms hop, 16000 Hz, deltas over time, not normalised'
        """
        parts = [
            self.kind,
            f"{self.dim} dimensions",
            f"{self.window_ms:g} ms window",
            f"{self.hop_ms:g} ms hop",
            f"{self.sample_rate} Hz",
            "no deltas" if self.deltas == "none" else f"deltas over {self.deltas}",
            "CMVN per utterance" if self.normalisation == "utterance" else "not normalised",
        ]
        return ", ".join(parts)
