"""Copies of recordings at other speeds, in noise, in rooms and through narrow channels.

    python -m benchmarks.disturbed recordings/ copies/ --copies 4

A training set of few recordings becomes one of many conditions: of each file the first copy is
slower by a tenth and the second faster by a tenth (speed and pitch together, as in Ko et al. 2015,
"Audio augmentation for speech recognition"); every further one is played in a room or over the
babble of others, and one in five of these as over a telephone. Copies keep the folders of the
originals and get a name with '-K' behind it. What is drawn depends on --seed and the file alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RATE = 16_000
Samples = npt.NDArray[np.float32]


def babble(sounds: list[Samples], at: int, rng: np.random.Generator) -> Samples:
    """Five of the others, each repeated to the length of this one."""
    others = rng.choice(np.delete(np.arange(len(sounds)), at), 5, replace=False)
    length = len(sounds[at])
    voices = [np.resize(sounds[k], length) / (sounds[k].std() + 1e-9) for k in others]
    return np.asarray(np.sum(voices, 0), np.float32)


def pink(length: int, rng: np.random.Generator) -> Samples:
    """Noise whose power falls by half an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, length).astype(np.float32)


def in_room(sound: Samples, rng: np.random.Generator, seconds: float = 0.4) -> Samples:
    """The sound, and an exponentially decaying tail of equal power behind it."""
    steps = np.arange(round(seconds * RATE))
    tail = rng.standard_normal(len(steps)) * 10 ** (-3 * steps / len(steps))
    tail[0] = np.sqrt((tail[1:] ** 2).sum())
    size = 1 << (len(sound) + len(tail)).bit_length()
    rung = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return rung[: len(sound)].astype(np.float32)


def mixed(sound: Samples, noise: Samples, decibels: float = 10.0) -> Samples:
    gain = np.sqrt((sound**2).mean() / (noise**2).mean() / 10 ** (decibels / 10))
    return np.asarray(sound + gain * noise, np.float32)


def faster(sound: Samples, factor: float) -> Samples:
    """Played faster by the factor; voices are higher by as much."""
    return np.asarray(soxr.resample(sound, RATE * factor, RATE), np.float32)


def over_telephone(sound: Samples) -> Samples:
    """Nothing above 4 kHz."""
    return np.asarray(soxr.resample(soxr.resample(sound, RATE, 8000), 8000, RATE), np.float32)


def copy(sounds: list[Samples], at: int, number: int, seed: int) -> Samples:
    """The copy of this number, from 1, of recording `at`."""
    if number <= 2:
        return faster(sounds[at], (0.9, 1.1)[number - 1])
    rng = np.random.default_rng((seed, at, number))
    sound = sounds[at]
    if number % 2:
        noise = babble(sounds, at, rng)
    else:
        sound, noise = in_room(sound, rng, rng.uniform(0.2, 0.8)), pink(len(sound), rng)
    sound = mixed(sound, noise, rng.uniform(5, 25))
    if rng.random() < 0.2:
        sound = over_telephone(sound)
    return sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix in (".flac", ".wav"))
    sounds = [soundfile.read(file, dtype="float32")[0] for file in files]
    for at, file in enumerate(files):
        for number in range(1, arguments.copies + 1):
            sound = copy(sounds, at, number, arguments.seed)
            to = arguments.to / file.relative_to(arguments.folder)
            to.parent.mkdir(parents=True, exist_ok=True)
            loudest = max(1.0, float(np.abs(sound).max()))
            soundfile.write(to.with_stem(f"{file.stem}-{number}"), sound / loudest, RATE)


if __name__ == "__main__":
    main()
