"""What a run keeps of its test split, held against what was said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bossline.data.features.spec import FeatureSpec
from bossline.data.packed import Corpus, Ints
from bossline.figures.utterance import span
from bossline.tasks.base import Arrays, OpenRun
from bossline.tasks.transcribe.decoding.edits import Alignment, align
from bossline.tasks.transcribe.strings import Spoken
from bossline.tasks.transcribe.transcripts import CONFIDENCE, END, START, SYMBOL, Rows
from bossline.training.contents import PREDICTIONS


@dataclass(frozen=True)
class Heard:
    """The strings of test utterances.

    Attributes:
        said: (U,) symbols of each.
        told: (U,) rows (L, COLUMNS) of each, those without a symbol left out.
    """

    said: list[Ints]
    told: list[Rows]

    @cached_property
    def alignment(self) -> Alignment:
        return align(self.said, [rows[:, SYMBOL].astype(np.int64) for rows in self.told])

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """(N,) of all told phones, utterances end to end."""
        return np.concatenate([rows[:, CONFIDENCE] for rows in self.told])

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each is matched in the alignment."""
        aligned = self.alignment
        matched: npt.NDArray[np.bool_] = aligned.references == aligned.hypotheses
        return np.asarray(matched[aligned.hypotheses > 0])


@dataclass(frozen=True)
class Example:
    """One test utterance, what was said in it, and what a model made of it.

    Attributes:
        id: of the utterance.
        features: (T, D).
        true: (T,) symbols of frames, 0: silence, and all where strings have no times.
        heard: its strings alone.
        posteriors: (S, V + 1) of steps, index 0 the blank or silence; None of a decoder alone.
        attention: (A, L, S) of the decoder to steps; None where there is none.
        frames_per_step: of S.
        nothing: what index 0 is called.
        spec: of the features.
        encoder: (E, K, K) of each layer of the encoder to what it reads; None where it attends
            to nothing.
    """

    id: str
    features: npt.NDArray[np.float32]
    true: Ints
    heard: Heard
    posteriors: npt.NDArray[np.float32] | None
    attention: npt.NDArray[np.float32] | None
    frames_per_step: int
    nothing: str
    spec: FeatureSpec
    encoder: npt.NDArray[np.float32] | None = None

    def seconds(self, frames: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """When a frame begins, or a part of it."""
        edges = self.spec.frame_edges(len(self.true))
        places = np.asarray(frames, np.float64)
        return np.asarray(np.interp(places, np.arange(len(edges)), edges))

    @property
    def reach_of_all(self) -> tuple[float, float]:
        """Left and right of the utterance, in seconds."""
        return span(self.spec, len(self.true))

    def reach(self, steps: int) -> tuple[float, float]:
        """Left and right of a map of its first steps, all of one width, in seconds."""
        left, right = self.reach_of_all
        return left, left + (right - left) / len(self.true) * steps * self.frames_per_step


def heard_of(run: OpenRun) -> tuple[Heard, Example | None] | None:
    """All test strings, and the utterance that is shown where one was kept; None before scoring,
    and without the corpus.

    Raises:
        UserError: what was kept is damaged.
    """
    found = run.at_hand("utterances", "predicted", "whose")
    if found is None:
        return None
    arrays, corpus = found
    if (why := _misfit(arrays, len(run.classes))) is not None:
        raise run.damaged(PREDICTIONS, why)
    utterances, predicted = arrays["utterances"], arrays["predicted"]
    starts = np.searchsorted(arrays["whose"], np.arange(1, len(utterances)))
    told = [rows[rows[:, SYMBOL] > 0] for rows in np.split(predicted, starts)]
    spoken = Spoken(corpus)
    strings = spoken.strings(utterances)
    said = np.split(strings.symbols, np.cumsum(strings.lengths)[:-1])
    heard = Heard(said, told)
    return heard, _example(run, arrays, corpus, spoken, heard) if "example" in arrays else None


def _misfit(arrays: Arrays, classes: int) -> str | None:
    """What is wrong beyond what every task asks of its arrays."""
    predicted, whose = arrays["predicted"], arrays["whose"]
    symbols, confidence = predicted[:, SYMBOL], predicted[:, CONFIDENCE]
    if ((symbols < 0) | (symbols > classes) | (symbols % 1 != 0)).any():
        return "predicted: a symbol out of range"
    if ((confidence < 0) | (confidence > 1) | (predicted[:, START] > predicted[:, END])).any():
        return "predicted: no times and confidence of phones"
    if (np.diff(whose.astype(np.int64)) < 0).any():
        return "whose: utterances out of order"
    if "example" in arrays and arrays["example"][0] not in arrays["utterances"]:
        return "example: not among the utterances"
    posteriors = arrays.get("example_posteriors")
    if posteriors is not None and posteriors.shape[1] != classes + 1:
        return f"example_posteriors: {posteriors.shape[1]} columns, expected {classes + 1}"
    return None


def _example(run: OpenRun, arrays: Arrays, corpus: Corpus, spoken: Spoken, heard: Heard) -> Example:
    utterance = int(arrays["example"][0])
    place = int(np.flatnonzero(arrays["utterances"] == utterance)[0])
    model = run.recipe.model
    labels_frames = model.kind == "tagger"
    own = Heard(heard.said[place : place + 1], heard.told[place : place + 1])
    attention = arrays.get("example_attention")
    if attention is not None and attention.shape[1] != len(own.told[0]):
        raise run.damaged(PREDICTIONS, f"example_attention: {attention.shape[1]} phones")
    posteriors, encoder = arrays.get("example_posteriors"), arrays.get("example_encoder")
    return Example(
        id=corpus.ids[utterance],
        features=corpus.frames(utterance).astype(np.float32),
        true=spoken.times(utterance),
        heard=own,
        posteriors=None if posteriors is None else posteriors.astype(np.float32),
        encoder=None if encoder is None else encoder.astype(np.float32),
        attention=None if attention is None else attention.astype(np.float32),
        frames_per_step=1 if labels_frames else model.frames_per_step,
        nothing="silence" if labels_frames else "blank",
        spec=corpus.speech,
    )
