"""Between mouth and microphone: what makes two recordings of one word differ.

eSpeak says a phoneme nearly the same way each time. These effects put back what real recordings
have, so strong that one frame alone is ambiguous and its neighbours help. None of them moves
the sound in time: labels stay true.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float64]

_SNR_DB = (5.0, 25.0)
_ROOM_SECONDS = (0.1, 0.5)
_REVERBERATION_DB = (-15.0, -3.0)  # of the tail against the direct sound
_PEAK_DB = (-24.0, -3.0)
_CHANNEL_TILT = 0.4

_WANDER_DB = 7.0
_WANDER_SECONDS = 0.06
_WANDER_HZ = 700.0
_FFT = 512
_HOP = _FFT // 4


def tilt(x: Waveform, coefficient: float) -> Waveform:
    """First-order filter: x[n] + coefficient * x[n - 1]; shape as given."""
    result = x.copy()
    result[1:] += coefficient * x[:-1]
    return result


def wander(x: Waveform, rate: int, rng: np.random.Generator) -> Waveform:
    """Let the spectrum drift at random, smoothly in time and frequency: no sound is said twice."""
    window = np.sin(np.pi * (np.arange(_FFT) + 0.5) / _FFT)
    padded = np.pad(x, (_FFT, _FFT + -len(x) % _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP] * window
    spectrum = np.fft.rfft(frames)
    times = np.arange(len(spectrum)) * _HOP / rate / _WANDER_SECONDS
    bands = np.arange(spectrum.shape[1]) * rate / _FFT / _WANDER_HZ
    nodes = rng.normal(0.0, _WANDER_DB, (int(times[-1]) + 2, int(bands[-1]) + 2))
    decibels = _between(times, len(nodes)) @ nodes @ _between(bands, nodes.shape[1]).T
    changed = np.fft.irfft(spectrum * 10 ** (decibels / 20)) * window
    result = np.zeros_like(padded)
    for phase in range(_FFT // _HOP):
        pieces = changed[phase :: _FFT // _HOP].ravel()
        result[phase * _HOP : phase * _HOP + len(pieces)] += pieces
    return result[_FFT : _FFT + len(x)] / 2  # squared windows at a quarter hop add up to two


def _between(places: npt.NDArray[Any], nodes: int) -> npt.NDArray[Any]:
    """Weights of a linear interpolation, (places, nodes)."""
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(nodes))))


def reverberate(x: Waveform, rate: int, rng: np.random.Generator) -> Waveform:
    """A simple room: the direct sound and noise that decays by 60 dB."""
    seconds = rng.uniform(*_ROOM_SECONDS)
    times = np.arange(1, int(seconds * rate)) / rate
    tail = rng.normal(size=len(times)) * 10 ** (-3 * times / seconds)
    tail *= 10 ** (rng.uniform(*_REVERBERATION_DB) / 20) / np.sqrt(np.sum(tail**2))
    size = _power_of_two(len(x) + len(tail) + 1)
    response = np.concatenate([[1.0], tail])
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(response, size))[: len(x)]


def noise(samples: int, rate: int, rng: np.random.Generator) -> Waveform:
    """Noise of power 1, between white and brown, half of the time swelling as many voices do."""
    size = _power_of_two(samples)
    spectrum = np.fft.rfft(rng.normal(size=size))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0.0, 1.0)
    spectrum[0] = 0.0
    result = np.fft.irfft(spectrum)[:samples]
    if rng.random() < 0.5:
        syllables = np.abs(rng.normal(size=int(samples / rate * 8) + 2))
        result = result * np.interp(
            np.linspace(0, len(syllables) - 1, samples), np.arange(len(syllables)), syllables
        )
    return np.asarray(result / np.sqrt(np.mean(result**2)))


def record(speech: Waveform, rate: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Speech in a room with noise, through some channel, at some level.

    Args:
        speech: (samples,), not all zero.
        rate: Hz.

    Returns:
        (samples,) in -1..1, aligned with `speech`.
    """
    x = reverberate(wander(speech, rate, rng), rate, rng)
    loudness = np.sqrt(np.mean(x**2)) * 10 ** (-rng.uniform(*_SNR_DB) / 20)
    x = tilt(x + loudness * noise(len(x), rate, rng), rng.uniform(-_CHANNEL_TILT, _CHANNEL_TILT))
    peak = 10 ** (rng.uniform(*_PEAK_DB) / 20)
    return np.asarray(x * (peak / np.abs(x).max()), np.float32)


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()
