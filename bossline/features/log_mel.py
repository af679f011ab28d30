"""The log-mel spectrogram that the courses' sets of voices hold."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.errors import UserError
from bossline.features.spec import FeatureSpec

_PEAK = 10 ** (-3 / 20)
_SILENT = 0.01  # of full scale: the root mean square of a block of samples
_BLOCKS_PER_SECOND = 100
_PAUSE = 10  # blocks: a silence so long is cut out
_LOWEST_HZ = 50.0
_FLOOR = 1e-9


def log_mel(waveform: npt.NDArray[np.float32], spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """Features of a recording, as `spec` describes them.

    The loudest sample is brought to -3 dB, and silence of 0.1 s or more is cut out. A frame is the
    power spectrum under a Hann window, centred on a multiple of the hop (the ends are mirrored),
    summed by triangles that lie evenly on the mel scale from 50 Hz up; natural logarithm of the
    sum and 1e-9.

    Args:
        waveform: (samples,) in -1..1 at `spec.sample_rate`.
        spec: kind "log-mel", without deltas.

    Returns:
        (T, dim), T = samples that are left // hop + 1.

    Raises:
        UserError: a spec that is none of these, silence only, or less than a window of sound.
    """
    if spec.kind != "log-mel" or spec.deltas != "none" or spec.normalisation == "utterance":
        raise UserError(f"cannot make these features from a recording: {spec.describe()}")
    window = round(spec.sample_rate * spec.window_ms / 1000)
    hop = round(spec.sample_rate * spec.hop_ms / 1000)
    sound = _without_silence(waveform, spec.sample_rate)
    if len(sound) < window:
        raise UserError(
            f"{len(sound)} samples of {len(waveform)} are louder than silence, a frame takes "
            f"{window}: the recording is too short or has silence only"
        )
    spectrum = torch.stft(
        torch.from_numpy(sound),
        n_fft=window,
        hop_length=hop,
        window=torch.hann_window(window),
        return_complex=True,
    )
    power = spectrum.abs().square().mT
    frames = (power @ _triangles(spec.sample_rate, window, spec.dim) + _FLOOR).log()
    if spec.normalisation == "mean":
        frames = frames - frames.mean(0)
    return np.asarray(frames.numpy())


def _without_silence(waveform: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """At a peak of -3 dB, without what stays below the threshold for long."""
    peak = float(np.abs(waveform).max(initial=0))
    if peak == 0:
        return waveform[:0]
    scaled = (waveform * (_PEAK / peak)).astype(np.float32)
    size = rate // _BLOCKS_PER_SECOND
    blocks = scaled[: len(scaled) // size * size].reshape(-1, size)
    silent = np.sqrt(np.square(blocks).mean(1)) < _SILENT
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    kept = np.ones(len(scaled), bool)
    for start, end in edges.reshape(-1, 2):
        if end - start >= _PAUSE:
            kept[start * size : end * size] = False
    return scaled[kept]


@cache
def _triangles(rate: int, window: int, count: int) -> Tensor:
    """(window // 2 + 1, count) weights of the spectrum's bins.

    Each rises from the peak of the one before to its own, and falls to that of the next.
    """
    bins = torch.linspace(0, rate / 2, window // 2 + 1, dtype=torch.float64)
    lowest, highest = _mel(torch.tensor([_LOWEST_HZ, rate / 2], dtype=torch.float64)).tolist()
    mels = torch.linspace(lowest, highest, count + 2, dtype=torch.float64)
    corners = 700 * (10 ** (mels / 2595) - 1)
    rising = (bins.unsqueeze(1) - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins.unsqueeze(1)) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp_min(0).float()


def _mel(hertz: Tensor) -> Tensor:
    return 2595 * (1 + hertz / 700).log10()
