"""The log-mel spectrogram that the courses' sets of voices hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec

_PEAK = 10 ** (-3 / 20)
_SILENT = 0.01  # of full scale: the root mean square of a part
_LOWEST_PEAK = 1e-38  # what is below is silence, as its gain would overflow
_PARTS_PER_SECOND = 100
_PAUSE = 10  # parts: a silence so long is cut out
_LOWEST_HZ = 50.0
_FLOOR = 1e-9
_STRETCH = 1 << 16  # frames that are made at a time

Samples = npt.NDArray[np.float32]


def log_mel(sound: Samples | Iterable[Samples], spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """Features of a recording, as `spec` describes them.

    The loudest sample is brought to -3 dB, and silence of 0.1 s or more is cut out. A frame is the
    power spectrum under a Hann window, centred on a multiple of the hop (the ends are mirrored),
    summed by triangles that lie evenly on the mel scale from 50 Hz up; natural logarithm of the
    sum and 1e-9.

    Args:
        sound: (samples,) in -1..1 at `spec.sample_rate`; or blocks of them, gone through twice.
        spec: kind "log-mel", without deltas.

    Returns:
        (T, dim), T = spec.frame_count(samples that are left).

    Raises:
        UserError: a spec that is none of these, silence only, or less than a window of sound.
    """
    plain = spec.deltas == "none" and spec.normalisation != "utterance"
    if spec.kind != "log-mel" or not plain or not spec.hop:
        raise UserError(f"cannot make these features from a recording: {spec.describe()}")
    window, hop = spec.window, spec.hop
    blocks = [sound] if isinstance(sound, np.ndarray) else sound
    total, peak = 0, 0.0
    for block in blocks:
        total += len(block)
        peak = max(peak, float(np.abs(block).max(initial=0)))
    weights = triangles(spec.sample_rate, window, spec.dim)
    loud = _without_silence(blocks, peak, spec.sample_rate) if peak >= _LOWEST_PEAK else iter(())
    frames = torch.empty(spec.frame_count(total), spec.dim)
    count = 0
    for stretch in _stretches(loud, total, window, hop):
        found = (_power(stretch, window, hop) @ weights + _FLOOR).log()
        frames[count : count + len(found)] = found
        count += len(found)
    frames = frames[:count]
    if spec.normalisation == "mean":
        frames -= frames.mean(0)
    return np.asarray(frames.numpy())


def _without_silence(blocks: Iterable[Samples], peak: float, rate: int) -> Iterator[Samples]:
    """At a peak of -3 dB, without what stays below the threshold for long."""
    size = rate // _PARTS_PER_SECOND
    held = np.empty(0, np.float32)  # what the next block decides on
    within = False  # a long silence that goes on
    for block in blocks:
        scaled = np.concatenate([held, (block * (_PEAK / peak)).astype(np.float32)])
        parts = scaled[: len(scaled) // size * size].reshape(-1, size)
        silent = np.sqrt(np.square(parts).mean(1)) < _SILENT
        edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
        kept = np.ones(len(scaled), bool)
        decided = len(parts)
        for start, end in edges.reshape(-1, 2):
            if end - start >= _PAUSE or (start == 0 and within):
                kept[start * size : end * size] = False
            elif end == len(parts):
                decided = start
        if len(parts):
            within = bool(silent[-1]) and not kept[len(parts) * size - 1]
        yield scaled[: decided * size][kept[: decided * size]]
        held = scaled[decided * size :]
    yield held


def _stretches(
    sound: Iterable[Samples], total: int, window: int, hop: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Sound with mirrored ends, in stretches whose frames are all of it, each once.

    Args:
        total: samples of the recording, for the error.

    Raises:
        UserError: less than a window.
    """
    half = window // 2
    most = (_STRETCH - 1) * hop + window
    parts: list[Samples] = []
    held = loud = 0
    for part in sound:
        parts.append(part)
        held += len(part)
        loud += len(part)
        if held < most + hop:
            continue
        joined = np.concatenate(parts)
        if loud == held:
            joined = np.concatenate([joined[half:0:-1], joined])
        # What is left holds a window at least, so it can be mirrored.
        while len(joined) >= most + hop:
            yield joined[:most]
            joined = joined[_STRETCH * hop :]
        parts, held = [joined], len(joined)
    if loud < window:
        raise UserError(
            f"{loud} samples of {total} are louder than silence, a frame takes {window}: "
            "the recording is too short or has silence only"
        )
    joined = np.concatenate(parts)
    begin = joined[half:0:-1] if held == loud else joined[:0]
    yield np.concatenate([begin, joined, joined[-2 : -half - 2 : -1]])


def _power(sound: Samples, window: int, hop: int) -> Tensor:
    """(frames, window // 2 + 1) spectra of all whole windows."""
    spectrum = torch.stft(
        torch.from_numpy(sound),
        n_fft=window,
        hop_length=hop,
        window=torch.hann_window(window),
        center=False,
        return_complex=True,
    )
    return spectrum.abs().square().mT


@cache
def triangles(rate: int, window: int, count: int) -> Tensor:
    """(window // 2 + 1, count) weights of the spectrum's bins.

    Each rises from the peak of the one before to its own, and falls to that of the next.
    """
    bins = torch.linspace(0, rate / 2, window // 2 + 1, dtype=torch.float64)
    mels = torch.linspace(mel(_LOWEST_HZ), mel(rate / 2), count + 2, dtype=torch.float64)
    corners = 700 * (10 ** (mels / 2595) - 1)
    rising = (bins.unsqueeze(1) - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins.unsqueeze(1)) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float()


def mel(hertz: float) -> float:
    """A pitch as it is heard: O'Shaughnessy's scale."""
    return 2595 * math.log10(1 + hertz / 700)
