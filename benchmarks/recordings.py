"""How well a model of phones hears recordings it was not made for, in quiet and in noise.

    python -m benchmarks.recordings phoneme-en recordings/ phones.txt

phones.txt has lines 'path/without/suffix PHONE PHONE ...'. Each recording is asked as it is; with
the babble of five others at 10 dB; with pink noise at 10 dB; and with that in a room that rings for
0.4 s. The table has the phone error rate of each, with an interval over the recordings (a bootstrap
over speakers, the first folder, would be wider) and its three kinds of errors.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

import bossline
from benchmarks.common import print_table
from benchmarks.disturbed import RATE, Samples, babble, in_room, mixed, pink
from bossline.data.phones import SILENCES
from bossline.evaluation.intervals import mean_interval
from bossline.tasks.prediction import SegmentedPrediction
from bossline.tasks.transcribe.decoding.edits import align


def conditions(sounds: list[Samples]) -> Iterator[tuple[str, Callable[[int], Samples]]]:
    def drawn(at: int) -> np.random.Generator:
        return np.random.default_rng(at)

    yield "quiet", lambda at: sounds[at]
    yield "babble, 10 dB", lambda at: mixed(sounds[at], babble(sounds, at, drawn(at)))
    yield "pink noise, 10 dB", lambda at: mixed(sounds[at], pink(len(sounds[at]), drawn(at + 1)))
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
