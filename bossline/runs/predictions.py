"""What a scored run keeps of its test predictions, and how reports see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec, TableSpec
from bossline.data.packed import Corpus, Ints
from bossline.recipes.schema import Recipe
from bossline.runs.contents import PREDICTIONS
from bossline.runs.info import RunInfo

EXAMPLE_SECONDS = 4.0  # what fits into one picture

_Arrays = dict[str, npt.NDArray[Any]]
_DIMENSIONS = {
    "utterances": 1,
    "predicted": 1,
    "confidence": 1,
    "embeddings": 2,
    "example": 1,
    "example_predicted": 1,
    "example_posteriors": 2,
    "mapped": 1,
    "occlusion": 3,
    "weights": 1,
    "importances": 2,
}
_OF_UTTERANCES = ("utterances", "example", "mapped")


@dataclass(frozen=True)
class Example:
    """One utterance of the test split with what the model made of it."""

    id: str
    features: npt.NDArray[np.float32]  # (T, D)
    true: npt.NDArray[np.int64]  # (T,)
    posteriors: npt.NDArray[np.float32]  # (T, C)
    predicted: npt.NDArray[np.int64]  # (T,) the smoothed path, or the most probable classes
    smoothed: bool
    spec: FeatureSpec


@dataclass(frozen=True)
class Voices:
    """The test utterances of a speaker run: who speaks, how long, and what the model heard."""

    speakers: npt.NDArray[np.int64]  # (U,) index into `names`
    names: tuple[str, ...]
    seconds: npt.NDArray[np.float64]  # (U,)
    correct: npt.NDArray[np.bool_]  # (U,)
    embeddings: npt.NDArray[np.float32] | None  # (U, D); None where they were not kept


@dataclass(frozen=True)
class Images:
    """The test images of a run, what they show, and what the model made of them."""

    pixels: Sequence[npt.NDArray[np.uint8]]  # (U,) of (H, W, 3) each
    true: npt.NDArray[np.int64]  # (U,)
    predicted: npt.NDArray[np.int64]  # (U,)
    confidence: npt.NDArray[np.float32]  # (U,) the probability of the class that was predicted
    mapped: npt.NDArray[np.int64]  # (K,) places of those that have a map
    maps: npt.NDArray[np.float32]  # (K, n, n) as `occlusion_map` gives them


@dataclass(frozen=True)
class ColumnsRead:
    """Which columns of a table a model reads: weights of a linear one, importances of others."""

    names: tuple[str, ...]
    weights: npt.NDArray[np.float64] | None  # (D,) in standard units
    importances: npt.NDArray[np.float64] | None  # (R, D) as `permutation_importance` gives them


class Predicted(ABC):
    """The part of a Run that keeps test predictions."""

    path: Path
    recipe: Recipe
    info: RunInfo

    @abstractmethod
    def corpus(self) -> Corpus: ...

    @abstractmethod
    def tensors(self, name: str) -> _Arrays | None: ...

    @abstractmethod
    def write(self, name: str, content: bytes) -> None: ...

    @abstractmethod
    def damaged(self, name: str, why: str) -> UserError: ...

    def write_predictions(
        self,
        corpus: Corpus,
        utterances: Ints,
        outputs: npt.NDArray[np.float32],
        predicted: npt.NDArray[Any],
        embeddings: npt.NDArray[np.float32] | None = None,
        attributions: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """Keep test predictions; of frames also the posteriors of the utterance in the report.

        Args:
            corpus: of the run.
            utterances: (U,) index into the corpus.
            outputs: (N, C) probabilities or (N,) values, end to end.
            predicted: (N,) classes or values.
            embeddings: (U, D), where the model has any.
            attributions: what the outputs hang on, as the task found it.
        """
        arrays: _Arrays = {"utterances": utterances, "predicted": predicted}
        arrays |= attributions or {}
        if outputs.ndim == 2:
            confidence = np.take_along_axis(outputs, predicted[:, None], axis=1)[:, 0]
            arrays["predicted"] = predicted.astype(np.int16)
            arrays["confidence"] = confidence.astype(np.float16)
        if embeddings is not None:
            arrays["embeddings"] = embeddings.astype(np.float16)
        if self.recipe.task == "phoneme":
            lengths = corpus.lengths[utterances]
            rate = corpus.speech.frames_per_second
            shown = int(np.abs(lengths - EXAMPLE_SECONDS * rate).argmin())
            frames = slice(start := int(lengths[:shown].sum()), start + int(lengths[shown]))
            arrays |= {
                "example": utterances[shown : shown + 1],
                "example_predicted": predicted[frames].astype(np.int16),
                "example_posteriors": outputs[frames].astype(np.float16),
            }
        self.write(PREDICTIONS, save(arrays))

    def example(self) -> Example | None:
        """The first test utterance of a length that a picture can show; None before scoring."""
        found = self._at_hand("example", "example_predicted", "example_posteriors")
        if found is None:
            return None
        arrays, corpus = found
        utterance = int(arrays["example"][0])
        predicted = arrays["example_predicted"].astype(np.int64)
        if len(predicted) != corpus.lengths[utterance]:
            raise self.damaged(PREDICTIONS, f"example_predicted: {len(predicted)} frames")
        return Example(
            id=corpus.ids[utterance],
            features=corpus.frames(utterance).astype(np.float32),
            true=corpus.frame_labels(utterance).astype(np.int64),
            posteriors=arrays["example_posteriors"].astype(np.float32),
            predicted=predicted,
            smoothed=self.recipe.smoothing is not None,
            spec=corpus.speech,
        )

    def voices(self) -> Voices | None:
        """The test utterances of a speaker run; None before scoring and without the corpus."""
        if self.recipe.task != "speaker":
            return None
        if (found := self._at_hand("utterances", "predicted")) is None:
            return None
        arrays, corpus = found
        utterances, predicted = arrays["utterances"], arrays["predicted"]
        speakers = corpus.speakers[utterances].astype(np.int64)
        kept = arrays.get("embeddings")
        return Voices(
            speakers=speakers,
            names=self.info.classes,
            seconds=corpus.lengths[utterances] / corpus.speech.frames_per_second,
            correct=predicted == speakers,
            embeddings=None if kept is None else kept.astype(np.float32),
        )

    def images(self) -> Images | None:
        """The test images of an image run; None before scoring and without the corpus."""
        found = self._at_hand("utterances", "predicted", "confidence", "mapped", "occlusion")
        if found is None:
            return None
        arrays, corpus = found
        utterances = arrays["utterances"]
        return Images(
            pixels=[corpus.image(int(u)) for u in utterances],
            true=corpus.categories[utterances].astype(np.int64),
            predicted=arrays["predicted"].astype(np.int64),
            confidence=arrays["confidence"].astype(np.float32),
            mapped=arrays["mapped"],
            maps=arrays["occlusion"].astype(np.float32),
        )

    def columns_read(self) -> ColumnsRead | None:
        """Which columns the model of a table's run reads; None before scoring."""
        features = self.info.features
        if not isinstance(features, TableSpec):
            return None
        arrays = self._predictions() or {}
        found = ColumnsRead(features.columns, arrays.get("weights"), arrays.get("importances"))
        return None if found.weights is None and found.importances is None else found

    def _at_hand(self, *wanted: str) -> tuple[_Arrays, Corpus] | None:
        """Predictions and corpus; None before scoring, where the predictions lack what is wanted,
        or without the corpus: a report does without what it would show of them."""
        arrays = self._predictions()
        if arrays is None or not arrays.keys() >= set(wanted):
            return None
        try:
            corpus = self.corpus()
        except UserError:
            return None
        for name in ("utterances", "example"):
            if (arrays.get(name, np.zeros(1)) >= len(corpus)).any():
                raise self.damaged(PREDICTIONS, f"{name}: the corpus holds {len(corpus)}")
        return arrays, corpus

    def _predictions(self) -> _Arrays | None:
        """What `write_predictions` kept; None before scoring.

        Raises:
            UserError: damaged, or it does not fit the run.
        """
        arrays = self.tensors(PREDICTIONS)
        if arrays is None:
            return None
        for name in arrays.keys() & _DIMENSIONS.keys():
            if (wrong := self._misfit(name, arrays)) is not None:
                raise self.damaged(PREDICTIONS, f"{name} {wrong}")
        return arrays

    def _misfit(self, name: str, arrays: _Arrays) -> str | None:
        """What is wrong with one of the arrays."""
        array = arrays[name]
        if array.ndim != _DIMENSIONS[name]:
            return f"has {array.ndim} dimensions, expected {_DIMENSIONS[name]}"
        counts = name in _OF_UTTERANCES or (self.info.classes and name.endswith("predicted"))
        if array.dtype.kind not in ("iu" if counts else "f") or array.dtype.hasobject:
            return f"is of type {array.dtype}"
        if not counts and not np.isfinite(array).all():
            return "holds numbers that are not finite"
        limit = len(self.info.classes) if name.endswith("predicted") else np.inf
        if name == "mapped":
            limit = len(arrays.get("utterances", ()))
        if counts and ((array < 0).any() or (array >= limit).any()):
            return "holds numbers out of range"
        expected = self._expected(name, arrays)
        if expected is not None and array.shape != expected:
            return f"has shape {array.shape}, expected {expected}"
        return None

    def _expected(self, name: str, arrays: _Arrays) -> tuple[int, ...] | None:
        """The shape that the others allow; None: any."""

        def length(other: str) -> int:
            return len(arrays.get(other, ()))

        dim = self.info.features.dim
        match name:
            case "example":
                return (1,)
            case "predicted" if self.recipe.task != "phoneme":
                return (length("utterances"),)
            case "confidence":
                return (length("predicted"),)
            case "embeddings":
                return (length("utterances"), *arrays[name].shape[1:])
            case "example_posteriors":
                return (length("example_predicted"), len(self.info.classes))
            case "occlusion":
                return (length("mapped"), *arrays[name].shape[1:])
            case "weights":
                return (dim,)
            case "importances":
                return (*arrays[name].shape[:1], dim)
        return None
