"""Read a recording as one channel at a given rate, a block at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.core.noticing import notice
from bossline.core.reading import open_file, reason
from bossline.data.features import containers
from bossline.data.features.containers.cut import Undecodable, cut_short
from bossline.data.features.containers.spliced import Spliced

if TYPE_CHECKING:
    import soundfile

Samples = npt.NDArray[np.float32]

_BLOCK = 1 << 20  # numbers, of all channels, that are decoded at a time
_KEPT = 1 << 24  # samples of the result: 17 minutes at 16 kHz
_RATES = range(1_000, 1_000_001)  # Hz
_CHANNELS = 64
_IN_MEMORY = 8  # channels of an array: more are features that somebody gave a rate to
_UNKNOWN = 1 << 60
_EXTREME = 1 - 2**-15  # the largest sample of 16 bits
_CLIPPED = 1e-3  # share of samples
_QUIET = 1e-3  # of full scale: 60 dB below
_SILENT = "silent: all its samples are 0"


def resample(waveform: Samples, from_hz: float, to_hz: float) -> Samples:
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
    return np.concatenate(list(_resampled([waveform], from_hz, to_hz)))


def one_channel(samples: npt.NDArray[Any], rate: float) -> Samples:
    """(samples,) float32: the mean of the channels, as of a file.

    Args:
        samples: (samples,), or with channels on the shorter axis; floats in -1..1, or integers of
            16 or 32 bits, which span that range.
        rate: Hz.

    Raises:
        UserError: none of these, no sample at all, nothing but silence, or samples that are no
            numbers.
    """
    if not _RATES.start <= rate <= _RATES[-1]:
        raise UserError(
            f"rate={rate:,}: expected {_RATES.start:,} to {_RATES[-1]:,} samples a second"
        )
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and min(samples.shape) > _IN_MEMORY):
        raise UserError(
            f"shape {samples.shape}: expected (samples,), or (samples, channels) of at most "
            f"{_IN_MEMORY} channels"
        )
    if not samples.size:
        raise UserError("holds no audio, its length is 0")
    if samples.dtype in (np.int16, np.int32):
        waveform = (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    elif samples.dtype.kind == "f":
        waveform = samples.astype(np.float32)
    else:
        raise UserError(
            f"samples of {samples.dtype}: expected floats in -1..1, or integers of 16 or 32 bits"
        )
    if not np.isfinite(waveform).all():
        raise UserError("it has samples that are no numbers")
    if not waveform.any():
        raise UserError(_SILENT)
    return waveform.mean(axis=int(np.argmin(waveform.shape))) if waveform.ndim == 2 else waveform


def _resampled(blocks: Iterable[Samples], from_hz: float, to_hz: float) -> Iterator[Samples]:
    if from_hz == to_hz:
        yield from blocks
        return
    try:
        import soxr
    except ImportError as error:
        raise UserError(
            "resampling needs the audio extra: pip install 'bossline[audio]'"
        ) from error
    resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def seconds_of(path: Path) -> float | None:
    """How long a recording is, as its header says; None: it does not say."""
    import soundfile

    try:
        with open_file(path) as stream, soundfile.SoundFile(containers.checked(stream)) as file:
            return file.frames / file.samplerate if file.frames < _UNKNOWN else None
    except (OSError, UserError, Undecodable, soundfile.LibsndfileError):
        return None


class Audio:
    """Samples of a file, in blocks, to be gone through as often as needed.

    WAV, FLAC, Ogg with Vorbis or Opus, MP3, AIFF, AU, CAF, W64 and SPHERE; channels are averaged.
    What is longer than some minutes is decoded anew each time, and never there as a whole. That
    may raise

        UserError: the file is missing, no audio, cut short, damaged, without a sample, silent
            throughout, or has samples that are no numbers; without its name.
    """

    def __init__(self, path: Path, sample_rate: float) -> None:
        """
        Args:
            sample_rate: Hz of the samples.
        """
        self._path, self._rate = path, sample_rate
        self._kept: list[Samples] | None = None

    def __iter__(self) -> Iterator[Samples]:
        """(samples,) each, in -1..1."""
        if self._kept is not None:
            yield from self._kept
            return
        kept, count = [], 0
        try:
            with open_file(self._path) as stream:
                for block in self._decoded(stream):
                    count += len(block)
                    if count <= _KEPT:
                        kept.append(block)
                    else:
                        kept.clear()
                    yield block
        except FileNotFoundError as error:
            raise UserError("no such file") from error
        except OSError as error:
            raise UserError(f"cannot be read: {reason(error)}") from error
        if count <= _KEPT:
            self._kept = kept

    def _decoded(self, stream: BinaryIO) -> Iterator[Samples]:
        import soundfile

        try:
            source = containers.checked(stream)
        except Undecodable as error:
            names = [self._path.name, f"{self._path.stem}.wav"]
            before, after = (f'"{name}"' if " " in name else name for name in names)
            raise UserError(f"{error}: convert it, as by 'ffmpeg -i {before} {after}'") from error
        if isinstance(source, Spliced) and source.note:
            notice(str(self._path), source.note)
        try:
            file = soundfile.SoundFile(source)
        except soundfile.LibsndfileError as error:
            raise UserError(f"not readable as audio: {_why(error)}") from error
        with file:
            try:
                level = _Level()
                yield from _resampled(_mono(file, level), file.samplerate, self._rate)
            except soundfile.LibsndfileError as error:
                raise UserError(f"cut short or damaged: {_why(error)}") from error
            for what in level.remarks():
                notice(str(self._path), what)


def _why(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(".")


@dataclass
class _Level:
    """How loud a recording is, of all its channels."""

    peak: float = 0.0
    samples: int = 0
    extreme: int = 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        self.peak = max(self.peak, float(block.max()), -float(block.min()))
        self.samples += block.size
        if self.peak >= _EXTREME:
            self.extreme += int(np.count_nonzero(np.abs(block) >= _EXTREME))

    def remarks(self) -> Iterator[str]:
        """What is odd about it, and not wrong."""
        if (share := self.extreme / self.samples) >= _CLIPPED:
            yield f"clipped: {share:.1%} of its samples are at the extremes"
        if self.peak < _QUIET:
            yield f"hardly a sound in it: its loudest sample is at {20 * log10(self.peak):.0f} dB"


def _mono(file: soundfile.SoundFile, level: _Level) -> Iterator[Samples]:
    if file.samplerate not in _RATES:
        raise UserError(
            f"{file.samplerate:,} samples a second, expected {_RATES.start:,} to {_RATES[-1]:,}"
        )
    if file.channels > _CHANNELS:
        raise UserError(f"{file.channels:,} channels, expected {_CHANNELS} at most")
    if file.frames >= _UNKNOWN:
        raise UserError(
            "its header does not say how long it is, as of a FLAC that went through a pipe: "
            "convert it, as by 'ffmpeg -i piped.flac whole.flac'"
        )
    count = 0
    if file.format == "MP3":
        file.seek(0)  # without which some samples are rounded another way
    while len(block := file.read(_BLOCK // file.channels, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            raise UserError("damaged, it has samples that are no numbers")
        count += len(block)
        level.add(block)
        yield block.mean(axis=1)
    if not count:
        raise UserError("holds no audio, its length is 0")
    if count < file.frames and file.format != "MP3":  # of which libsndfile may only guess
        raise cut_short(count, file.frames, file.samplerate)
    if not level.peak:
        raise UserError(_SILENT)
