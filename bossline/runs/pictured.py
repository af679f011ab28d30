"""Pictures of recordings with what was found in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bossline.core.errors import UserError
from bossline.core.files import replacing
from bossline.data.featurefile import READERS_BY_SUFFIX
from bossline.data.features.audio import Audio
from bossline.data.phones import SILENCES
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.prediction import Prediction, SegmentedPrediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")

_RATE = 16_000


def pictured(path: str | Path, found: Prediction | Aligned) -> Figure:
    """A recording's spectrum, and below it its words, where they are known, and phones.

    Args:
        found: in it, by `Model.predict` or `Model.align`.

    Raises:
        UserError: no recording, or what was found has no times.
    """
    from bossline.figures.recording import Spoken, recording

    path = Path(path)
    if not isinstance(found, SegmentedPrediction | Aligned):
        raise UserError("a picture is of phones over time: take a run of phoneme or transcribe")
    if path.suffix.lower() in READERS_BY_SUFFIX:
        raise UserError(f"{path}: a picture is of sound, and these are features")
    try:
        sound = np.concatenate(list(Audio(path, _RATE)))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    phones = [
        Spoken(one.start, one.end, one.phone, one.confidence)
        for one in found.segments
        if one.phone not in SILENCES
    ]
    words = found.words if isinstance(found, Aligned) else []
    told = [Spoken(one.start, one.end, one.word) for one in words]
    return recording(sound, _RATE, phones, told, found.id)


def check_picture(path: Path, inputs: Sequence[str]) -> None:
    """
    Args:
        inputs: what is to be answered for.

    Raises:
        UserError: an ending that pictures are not written to, or no single recording.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--figure {path}: write it to a {', '.join(SUFFIXES)} file")
    if len(inputs) > 1 or Path(inputs[0]).is_dir():
        raise UserError(f"--figure {path}: a picture is of one recording: give one file")


def write_picture(recording: str | Path, found: Prediction | Aligned, path: Path) -> None:
    """Write the picture of a recording, in the format that the path's ending says.

    Raises:
        UserError: as `pictured`, or the disk is unwilling.
    """
    from bossline.figures.style import settings

    figure = pictured(recording, found)
    kind = path.suffix.lower().removeprefix(".")
    with replacing(path) as temporary, settings():
        figure.savefig(temporary, format=kind, dpi=160)
