"""What a model takes: files, folders of them, or arrays: features, recordings, images, rows."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError, printable, visible
from bossline.core.reading import check_file, reason
from bossline.data.checking import shape_hint
from bossline.data.featurefile import READERS_BY_SUFFIX
from bossline.data.features.recording import features_of_samples, read_recording
from bossline.data.features.spec import Features, FeatureSpec, ImageSpec, TableSpec
from bossline.data.imagefile import OTHER_SUFFIXES as OTHER_IMAGES
from bossline.data.imagefile import SUFFIXES as IMAGES
from bossline.data.imagefile import read_image
from bossline.data.readers.base import passed_over, tree
from bossline.data.readers.recordings import SUFFIXES as RECORDINGS

_WHOLE_TABLES = (
    "a model of rows takes whole tables: import the folder of the table, and predict a split of it"
)

Array = npt.NDArray[Any]
Source = str | Path | Array | Tensor
"""A file, a folder, or an array."""


@dataclass(frozen=True)
class Input:
    """One item that a model is asked about, not yet read.

    Attributes:
        id: of the prediction.
        name: what errors call it.
        read: its features (T, dim), row (1, dim) or image (H, W, 3); or a UserError that begins
            with the name.
        path: of the file; None of all else.
    """

    id: str
    name: str
    read: Callable[[], Array]
    path: Path | None = None


def inputs_of(
    source: Source,
    features: Features,
    rate: float | None,
    first: int,
    beside: Collection[str] = (),
) -> list[Input]:
    """The items of a file, a folder or an array.

    Args:
        features: of the model.
        rate: Hz, of an array of samples; None of all else.
        first: by this number an array is called.
        beside: suffixes of files that may lie in a folder and are read with its items.

    Raises:
        UserError: none of these, a folder without any file for such a model, or a rate with what
            takes none.
    """
    if isinstance(source, str | Path):
        if rate is not None:
            raise UserError(f"{source}: a file says its own rate; rate= is for arrays of samples")
        path = Path(source)
        if path.is_dir():
            return _in_folder(path, features, beside)
        read = partial(read_input, path, features)
        return [Input(printable(path.stem), visible(str(path)), read, path)]
    if isinstance(source, Tensor):
        tensor = source.detach().cpu()
        source = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    if not isinstance(source, np.ndarray):
        raise UserError(f"expected a path, an array or a tensor, not {type(source).__name__}")
    match features:
        case TableSpec():
            rows = _rows(source, features, f"array {first}")
            return [
                Input(str(number), f"row {number}", partial(np.array, row[None]))
                for number, row in enumerate(rows, first)
            ]
        case ImageSpec():
            read = partial(_pixels, source, f"array {first}")
        case FeatureSpec():
            read = partial(_utterance, source, rate, features, f"array {first}")
    return [Input(str(first), f"array {first}", read)]


def apart(inputs: Sequence[Input]) -> list[Input]:
    """The same; where several would have one id, they have their names in its place."""
    counts = Counter(one.id for one in inputs)
    return [one if counts[one.id] == 1 else replace(one, id=printable(one.name)) for one in inputs]


def _in_folder(folder: Path, features: Features, beside: Collection[str]) -> list[Input]:
    match features:
        case TableSpec():
            raise UserError(f"{folder}: {_WHOLE_TABLES}")
        case ImageSpec():
            wanted, what = {*IMAGES, *OTHER_IMAGES}, "image"
        case FeatureSpec(kind="other"):
            wanted, what = set(READERS_BY_SUFFIX), ".npy or .pt file"
        case FeatureSpec():
            wanted, what = {*RECORDINGS, *READERS_BY_SUFFIX}, "recording, .npy or .pt file"
    files: list[Path] = []
    others: list[Path] = []
    for file in tree(folder):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        is_wanted = file.suffix.lower() in wanted and not hidden
        if is_wanted or file.suffix not in beside:
            (files if is_wanted else others).append(file)
    if not files:
        raise UserError(f"{folder}: no {what} in it")
    if lines := passed_over(folder, others):
        warnings.warn(f"{folder}: passed over {'; '.join(lines)}", stacklevel=2)
    return [
        Input(
            printable(file.relative_to(folder).with_suffix("").as_posix()),
            visible(str(file)),
            partial(read_input, file, features),
            file,
        )
        for file in files
    ]


def _utterance(given: Array, rate: float | None, spec: FeatureSpec, name: str) -> Array:
    if rate is None and given.ndim == 1:
        raise UserError(
            f"{name}: {len(given):,} samples of an unknown rate: say rate=16000, or what it is"
        )
    if rate is None:
        return _frames(given, spec, name)
    try:
        return features_of_samples(given, rate, spec)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def _pixels(given: Array, name: str) -> Array:
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or not given.size:
        hint = ""
        if given.ndim == 3 and given.shape[0] == 3 != given.shape[2]:
            hint = ": channels come last, x.transpose(1, 2, 0)"
        elif given.dtype.kind == "f":
            hint = ": of values in 0..1, (255 * x).round().astype('uint8')"
        raise UserError(
            f"{name}: {given.dtype} {given.shape}, expected uint8 (height, width, 3){hint}"
        )
    return given


def _rows(given: Array, spec: TableSpec, name: str) -> Array:
    rows = np.atleast_2d(given)
    if rows.dtype.kind not in "fiu" or rows.ndim != 2 or rows.shape[1] != spec.dim:
        raise UserError(
            f"{name}: {given.dtype} {given.shape}, expected numbers (rows, {spec.dim}), the "
            f"columns {', '.join(spec.columns[:3])} ..."
        )
    return _finite(rows, name)


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
    raise UserError(f"{path}: {_WHOLE_TABLES}")


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
    return _frames(features, spec, str(path))


def _frames(features: npt.NDArray[Any], spec: FeatureSpec, name: str) -> npt.NDArray[np.float32]:
    """
    Raises:
        UserError: another width, or what float32 cannot hold; begins with the name.
    """
    if features.dtype.kind not in "fiu":
        raise UserError(f"{name}: holds {features.dtype}, not numbers")
    if features.ndim != 2 or features.shape[1] != spec.dim or not len(features):
        raise UserError(
            f"{name}: expected (frames, {spec.dim}), found {tuple(features.shape)}"
            f"{shape_hint(features.shape, spec.dim)}; the model's features: {spec.describe()}"
        )
    return _finite(features, name)


def _finite(numbers: npt.NDArray[Any], name: str) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        single = numbers.astype(np.float32)
    if not np.isfinite(single).all():
        raise UserError(f"{name}: has NaN or infinite values")
    return single
