"""Read a recording as one channel at a given rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.errors import UserError


def resample(
    waveform: npt.NDArray[np.float32], from_hz: float, to_hz: float
) -> npt.NDArray[np.float32]:
    """Change the sample rate.

    Args:
        waveform: (samples,).

    Returns:
        (about samples * to_hz / from_hz,).

    Raises:
        UserError: the audio extra is missing.
    """
    if from_hz == to_hz:
        return waveform
    try:
        import soxr
    except ImportError as error:
        raise UserError(
            "resampling needs the audio extra: pip install 'bossline[audio]'"
        ) from error
    return np.asarray(soxr.resample(waveform, from_hz, to_hz), np.float32)


def read_audio(path: Path, sample_rate: float) -> npt.NDArray[np.float32]:
    """Read WAV, FLAC, OGG, MP3 and what else libsndfile knows; channels are averaged.

    Args:
        sample_rate: Hz of the result.

    Returns:
        (samples,) in -1..1.

    Raises:
        UserError: missing, no readable audio, without a sample, or with values that are no numbers.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    import soundfile

    try:
        channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"{path}: not readable as audio ({error})") from error
    if not len(channels):
        raise UserError(f"{path}: holds no audio, its length is 0")
    if not np.isfinite(channels).all():
        raise UserError(f"{path}: damaged, it has samples that are no numbers")
    return resample(channels.mean(axis=1), rate, sample_rate)
