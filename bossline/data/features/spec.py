"""What an item's numbers are: frames of an utterance, columns of a row, or pixels of an image.

Stored with corpus and model, so both can be held against new input.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bossline.core.config import Config

Deltas = Literal["none", "time", "coefficient"]

_NORMALISED = {
    "none": "not normalised",
    "mean": "mean removed per utterance",
    "utterance": "CMVN per utterance",
}


class FeatureSpec(Config):
    """How frames were made: one vector of `dim` numbers each `hop_ms`."""

    item: ClassVar[str] = "utterance"

    kind: Literal["mfcc", "log-mel", "other"] = Field(
        description="mfcc: Kaldi MFCC; log-mel: as in the courses' sets of voices; other: made "
        "elsewhere"
    )
    dim: int = Field(gt=0, description="numbers per frame, deltas included")
    sample_rate: int = Field(16_000, gt=0, description="Hz")
    window_ms: float = Field(25.0, gt=0)
    hop_ms: float = Field(10.0, gt=0)
    deltas: Deltas = Field(
        "none",
        description="axis of the first and second regression deltas: time, as in the literature; "
        "coefficient, as in the published LibriPhone files; none",
    )
    normalisation: Literal["none", "mean", "utterance"] = Field(
        "none",
        description="of each dimension over the utterance: mean 0; utterance: standard deviation 1 "
        "too (CMVN)",
    )

    @property
    def frames_per_second(self) -> float:
        return 1000.0 / self.hop_ms

    @property
    def blocks(self) -> int:
        """Parts of a frame that frequency masks treat alike: statics and two orders of deltas."""
        return 1 if self.deltas == "none" else 3

    @property
    def statics(self) -> int:
        """The first so many numbers of a frame, which are no deltas."""
        return self.dim // self.blocks

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
            _NORMALISED[self.normalisation],
        ]
        return ", ".join(parts)


class TableSpec(Config):
    """A row is one vector: a number for each column."""

    item: ClassVar[str] = "row"

    kind: Literal["table"] = "table"
    columns: tuple[str, ...]
    target: str = Field(description="the column that is to be predicted")
    edition: str = Field("", description="which of the course's editions; other tables: none")

    @property
    def dim(self) -> int:
        return len(self.columns)

    def describe(self) -> str:
        """One line for people.

        >>> TableSpec(columns=("cli", "ili"), target="tested_positive", edition="2023").describe()
        '2 columns, target tested_positive, 2023 edition'
        """
        edition = f", {self.edition} edition" if self.edition else ""
        return f"{self.dim} columns, target {self.target}{edition}"


class ImageSpec(Config):
    """An image is height x width vectors of red, green and blue, each in a byte."""

    item: ClassVar[str] = "image"

    kind: Literal["image"] = "image"

    @property
    def dim(self) -> int:
        return 3

    def describe(self) -> str:
        """One line for people."""
        return "RGB images of any size, 8 bits"


Features = Annotated[FeatureSpec | TableSpec | ImageSpec, Field(discriminator="kind")]
