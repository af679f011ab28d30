"""How well a model of phones hears recordings it was not made for, in quiet and in noise.

    python -m benchmarks.recordings phoneme-en recordings/ phones.txt

phones.txt has lines 'path/without/suffix PHONE PHONE ...'. Each recording is asked as it is; with
the babble of five others at 10 dB; and in a room that rings for 0.4 s with pink noise at 10 dB. The
table has the phone error rate of each, with an interval over the recordings (a bootstrap over
speakers, the first folder, would be wider) and its three kinds of errors.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

import bossline
from benchmarks.common import print_table
from bossline.data.phones import SILENCES
from bossline.evaluation.intervals import mean_interval
from bossline.tasks.prediction import SegmentedPrediction
from bossline.tasks.transcribe.decoding.edits import align

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


def conditions(sounds: list[Samples]) -> Iterator[tuple[str, Callable[[int], Samples]]]:
    def drawn(at: int) -> np.random.Generator:
        return np.random.default_rng(at)

    yield "quiet", lambda at: sounds[at]
    yield "babble, 10 dB", lambda at: mixed(sounds[at], babble(sounds, at, drawn(at)))
    yield (
        "room 0.4 s and pink noise, 10 dB",
        lambda at: mixed(in_room(sounds[at], drawn(at)), pink(len(sounds[at]), drawn(at + 1))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("folder", type=Path)
    parser.add_argument("phones", type=Path)
    parser.add_argument("--decoding", nargs="*", default=[])
    parser.add_argument("--every", type=int, default=1, help="take each k-th recording only")
    arguments = parser.parse_args()
    model = bossline.load(arguments.run, decoding=arguments.decoding)
    lines = [line.split() for line in arguments.phones.read_text().splitlines()][:: arguments.every]
    files = [next(arguments.folder.glob(f"{line[0]}.*")) for line in lines]
    sounds = [soundfile.read(file, dtype="float32")[0] for file in files]
    names = sorted({phone for line in lines for phone in line[1:]} | set(model.classes))
    numbers = {name: number for number, name in enumerate(names, start=1)}
    references = [[numbers[phone] for phone in line[1:]] for line in lines]
    rows = []
    for name, sound in conditions(sounds):
        began = time.perf_counter()
        answers = model.predict([sound(at) for at in range(len(sounds))], rate=RATE)
        seconds = time.perf_counter() - began
        said = [
            [numbers[s.phone] for s in answer.segments if s.phone not in SILENCES]
            for answer in answers
            if isinstance(answer, SegmentedPrediction)
        ]
        found = align(references, said)
        lengths = [len(one) for one in references]
        score = mean_interval(found.errors.tolist(), lengths, share=False)
        total = sum(lengths)
        kinds = [f"{getattr(found, kind).sum() / total:.3f}" for kind in KINDS]
        hours = sum(map(len, sounds)) / RATE
        rows.append([name, str(score), *kinds, f"{hours / seconds:.0f}x"])
    print_table(["recordings", "phone error rate [95 %]", *KINDS, "real time"], rows)


KINDS = ("substitutions", "deletions", "insertions")

if __name__ == "__main__":
    main()
