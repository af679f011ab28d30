"""From a recording to the features that a model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.core.runtime import settle_kernels
from bossline.data.features.audio import Audio, Samples, one_channel, resample
from bossline.data.features.log_mel import log_mel
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec

settle_kernels()  # here, before an import reads with several threads


def read_recording(path: Path, spec: FeatureSpec, speed: float = 1.0) -> npt.NDArray[np.float32]:
    """(T, dim) features of an audio file.

    Args:
        path: of a format that Audio reads.
        spec: of the features.
        speed: how fast it is played, tempo and pitch together.

    Raises:
        UserError: names the file: unreadable, damaged, cut short, too short, or features that were
            made elsewhere.
    """
    # Fewer samples, taken for as many a second, sound faster.
    try:
        return _features(Audio(path, spec.sample_rate / speed), spec)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def features_of_samples(
    samples: npt.NDArray[Any], rate: float, spec: FeatureSpec
) -> npt.NDArray[np.float32]:
    """(T, dim) features of samples, as of a file that holds them.

    Args:
        samples: (samples,), or with a few channels beside; as `one_channel` takes them.
        rate: Hz of the samples.
        spec: of the features.

    Raises:
        UserError: what is no sound, or too short; or features that were made elsewhere.
    """
    return _features(resample(one_channel(samples, rate), rate, spec.sample_rate), spec)


def _features(sound: Samples | Audio, spec: FeatureSpec) -> npt.NDArray[np.float32]:
    if spec.kind == "other":
        raise UserError(
            f"the model was trained on features made elsewhere ({spec.describe()}), which cannot "
            "be computed from a recording: give the features, as an array or a .npy or .pt file"
        )
    features = mfcc(sound, spec) if spec.kind == "mfcc" else log_mel(sound, spec)
    if not np.isfinite(features).all():
        raise UserError("damaged, its samples are too large for features of them")
    return features
