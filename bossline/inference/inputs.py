"""Features for a model from a file: a feature file as it is, or a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.corpora.featurefile import READERS_BY_SUFFIX
from bossline.corpora.ptfile import DamagedFile
from bossline.errors import UserError
from bossline.features.audio import read_audio
from bossline.features.mfcc import mfcc
from bossline.features.spec import FeatureSpec


def read_features(path: Path, spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """(T, dim) features: of a .pt or .npy file, or computed from a recording.

    Raises:
        UserError: missing or damaged, another width, NaN or infinite, or a recording for a model
            whose features cannot be computed from one.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.suffix not in READERS_BY_SUFFIX:
        if spec.kind != "mfcc":
            raise UserError(
                f"{path}: the model was trained on features made elsewhere ({spec.describe()}), "
                "which cannot be computed from a recording: give a .npy or .pt file"
            )
        return mfcc(read_audio(path, spec.sample_rate), spec)
    try:
        features = READERS_BY_SUFFIX[path.suffix](path)
    except DamagedFile as error:
        raise UserError(f"{path}: {error}") from error
    if features.ndim != 2 or features.shape[1] != spec.dim or not len(features):
        raise UserError(
            f"{path}: expected (frames, {spec.dim}), found {tuple(features.shape)}; "
            f"the model's features: {spec.describe()}"
        )
    if features.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds {features.dtype}, not numbers")
    features = features.astype(np.float32)
    if not np.isfinite(features).all():
        raise UserError(f"{path}: has NaN or infinite values")
    return features
