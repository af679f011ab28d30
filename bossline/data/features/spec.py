"""What an item's numbers are: frames of an utterance, columns of a row, or pixels of an image.

Stored with corpus and model, so both can be held against new input.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bossline.core.config import Config
from bossline.core.language import term, tr

Deltas = Literal["none", "time", "coefficient"]

Seconds = npt.NDArray[np.float64]

NORMALISED = {
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
    def window(self) -> int:
        """Samples."""
        return self._samples(self.window_ms)

    @property
    def hop(self) -> int:
        """Samples."""
        return self._samples(self.hop_ms)

    def _samples(self, ms: float) -> int:
        if self.kind == "mfcc":  # as Kaldi does: in single precision, then cut off
            return int(np.float32(self.sample_rate) * np.float32(1e-3) * np.float32(ms))
        return round(self.sample_rate * ms / 1000)

    def frame_count(self, samples: int) -> int:
        """Frames of a recording.

        mfcc: whole windows only, Kaldi's `snip_edges`. log-mel: windows centred on multiples of
        the hop; `samples` are those that are left when silence was cut out. Both: none of less
        than a window. other: whole hops.
        """
        if self.kind == "other":
            return samples // self.hop
        if samples < self.window:
            return 0
        # Mirrored ends make up for all of an even window, and for all but a sample of an odd one.
        beyond = self.window if self.kind == "mfcc" else self.window % 2
        return (samples - beyond) // self.hop + 1

    def frame_centres(self, count: int) -> Seconds:
        """(count,) seconds at which the windows of the first `count` frames are centred.

        mfcc: the first window begins with the recording. log-mel: multiples of the hop, counted
        without the silence that was cut out; where in the recording these frames were is unknown.
        other: the frames are taken to share the recording evenly, each a hop.

        >>> FeatureSpec(kind="mfcc", dim=39).frame_centres(3).tolist()
        [0.0125, 0.0225, 0.0325]
        """
        return self._centre(np.arange(count))

    def frame_edges(self, count: int) -> Seconds:
        """(count + 1,) seconds: frame t is what lies between edge t and edge t + 1.

        Half-way between centres. The first is 0, where the recording begins. The last is half a
        hop after the last centre: features do not tell where the recording ended, which was up to
        a window later.

        >>> FeatureSpec(kind="mfcc", dim=39).frame_edges(3).tolist()
        [0.0, 0.0175, 0.0275, 0.0375]
        """
        edges = self._centre(np.arange(count + 1) - 0.5)
        edges[0] = 0
        return edges

    def _centre(self, frame: npt.NDArray[Any]) -> Seconds:
        """Of a frame; number 0.5 lies half-way between the first two."""
        if self.kind == "other":
            return np.asarray((frame + 0.5) * self.hop_ms / 1000, np.float64)
        first = self.window / 2 if self.kind == "mfcc" else 0.0
        return np.asarray((frame * self.hop + first) / self.sample_rate, np.float64)

    @property
    def blocks(self) -> int:
        """Parts of a frame that frequency masks treat alike: statics and two orders of deltas."""
        return 1 if self.deltas == "none" else 3

    @property
    def statics(self) -> int:
        """The first so many numbers of a frame, which are no deltas."""
        return self.dim // self.blocks

    def describe(self) -> str:
        """One line for people, in the language that is spoken.

        >>> FeatureSpec(kind="mfcc", dim=39, deltas="time").describe()
        'mfcc, 39 dimensions, 25 ms window, 10 ms hop, 16000 Hz, deltas over time, not normalised'
        """
        parts = [
            self.kind,
            tr("{count} dimensions", count=self.dim),
            tr("{length:g} ms window", length=self.window_ms),
            tr("{length:g} ms hop", length=self.hop_ms),
            f"{self.sample_rate} Hz",
            tr("no deltas")
            if self.deltas == "none"
            else tr("deltas over {which}", which=term(self.deltas)),
            term(NORMALISED[self.normalisation]),
        ]
        return tr(", ").join(parts)


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
        """One line for people, in the language that is spoken.

        >>> TableSpec(columns=("cli", "ili"), target="tested_positive", edition="2023").describe()
        '2 columns, target tested_positive, 2023 edition'
        """
        text = tr("{count} columns, target {target}", count=self.dim, target=self.target)
        return text + tr(", {year} edition", year=self.edition) if self.edition else text


OF_SPEECH = FeatureSpec(kind="mfcc", dim=39, deltas="time", normalisation="utterance")
"""What is computed of recordings whose frames have labels."""


class ImageSpec(Config):
    """An image is height x width vectors of red, green and blue, each in a byte."""

    item: ClassVar[str] = "image"

    kind: Literal["image"] = "image"
    named: bool = Field(
        False,
        description="submissions call classes by their names and images by their whole ids, as "
        "suits sets of one's own; those of the courses have numbers",
    )

    @property
    def dim(self) -> int:
        return 3

    def describe(self) -> str:
        """One line for people, in the language that is spoken."""
        return tr("RGB images of any size, 8 bits")


Features = Annotated[FeatureSpec | TableSpec | ImageSpec, Field(discriminator="kind")]
