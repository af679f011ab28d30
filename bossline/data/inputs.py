"""What a model takes, from a file: features as they are, a recording, or an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError
from bossline.core.reading import check_file, reason
from bossline.data.checking import shape_hint
from bossline.data.featurefile import READERS_BY_SUFFIX
from bossline.data.features.recording import read_recording
from bossline.data.features.spec import Features, FeatureSpec, ImageSpec
from bossline.data.imagefile import read_image


def read_input(path: Path, features: Features) -> npt.NDArray[Any]:
    """(T, dim) features, or an image (H, W, 3) uint8.

    Raises:
        UserError: missing or damaged, other features than the model's, or a model of rows.
    """
    match features:
        case FeatureSpec():
            return read_features(path, features)
        case ImageSpec():
            try:
                return read_image(path)
            except DamagedFile as error:
                raise UserError(f"{path}: {error}") from error
    raise UserError(
        f"{path}: a model of rows takes whole tables: import the folder of the table, and predict "
        "a split of it"
    )


def read_features(path: Path, spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """(T, dim) features: of a .pt or .npy file, or computed from a recording.

    Raises:
        UserError: missing or damaged, another width, NaN or infinite, or a recording for a model
            whose features cannot be computed from one.
    """
    try:
        check_file(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    read = READERS_BY_SUFFIX.get(path.suffix.lower())
    if read is None:
        return read_recording(path, spec)
    try:
        features = read(path)
    except DamagedFile as error:
        raise UserError(f"{path}: {error}") from error
    if features.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds {features.dtype}, not numbers")
    if features.ndim != 2 or features.shape[1] != spec.dim or not len(features):
        raise UserError(
            f"{path}: expected (frames, {spec.dim}), found {tuple(features.shape)}"
            f"{shape_hint(features.shape, spec.dim)}; the model's features: {spec.describe()}"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        frames = features.astype(np.float32)
    if not np.isfinite(frames).all():
        raise UserError(f"{path}: has NaN or infinite values")
    return frames
