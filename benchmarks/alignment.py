"""How near, and how fast, is an alignment? Synthetic sentences of voices that no corpus has heard.

    python -m benchmarks.alignment RUN [RUN...] [--sentences 60] [--folder DIR] [--clean]

The run is one of phoneme on `bossline synth --name toy`, which has voices 0 to 47 of seed 0; the
sentences are of voices 48 to 74, which are other variants of the synthesiser. Written are
recordings, their texts and their true phones, aligned files, and the scores of `bossline score`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

import bossline
from bossline.cli.tables.alignments import boundaries_table, phones_table
from bossline.core.terminal import terminal
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier
from bossline.data.phones import ARPABET
from bossline.data.synthetic.acoustics import record, tilt
from bossline.data.synthetic.corpus import say
from bossline.data.synthetic.grammar import sentence
from bossline.data.synthetic.voices import make_voices
from bossline.evaluation.alignment_files import score_alignments

HEARD, VOICES = 48, 75  # of seed 0; there are 75 variants
RATE = 16_000
_PAUSE_SECONDS = (0.1, 0.5)


def make(folder: Path, sentences: int, seed: int = 1, clean: bool = False) -> float:
    """Write recordings, texts and references; returns the seconds of sound."""
    wavs, truth = folder / "recordings", folder / "truth"
    wavs.mkdir(parents=True, exist_ok=True)
    voices = make_voices(VOICES, 0)[HEARD:]
    total = 0.0
    for number in range(sentences):
        rng = np.random.default_rng([seed, number])
        voice = voices[number % len(voices)]
        text = sentence(rng)
        waveform, starts, classes = say(text, voice, seed=int(rng.integers(1, 1 << 31)))
        before, after = (int(s * RATE) for s in rng.uniform(*_PAUSE_SECONDS, size=2))
        speech = np.pad(tilt(waveform.astype(np.float64), voice.tilt), (before, after))
        sound = speech / np.abs(speech).max() / 2 if clean else record(speech, RATE, rng)
        name = f"{number:04d}"
        soundfile.write(wavs / f"{name}.wav", sound, RATE)
        (wavs / f"{name}.lab").write_text(text + "\n")
        edges = np.append(starts + before, len(sound)) / RATE
        edges[0] = 0.0
        said = tuple(
            Interval(float(start), float(end), ARPABET[label])
            for start, end, label in zip(edges[:-1], edges[1:], classes, strict=True)
            if ARPABET[label] != "SIL" and start < end
        )
        tiers = (IntervalTier("phones", said),)
        truth.mkdir(exist_ok=True)
        alignments.write(Alignment(0.0, len(sound) / RATE, tiers), truth / f"{name}.TextGrid")
        total += len(sound) / RATE
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clean", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp())
    seconds = make(folder, asked.sentences, asked.seed, asked.clean)
    model = bossline.load(asked.runs, device="cpu")
    model.align(str(folder / "recordings" / "0000.wav"))  # what is loaded and learnt once
    began = time.perf_counter()
    for aligned in model.align_each(str(folder / "recordings")):
        alignments.write(aligned.alignment(), folder / "aligned" / f"{aligned.id}.TextGrid")
    took = time.perf_counter() - began
    scores = score_alignments(folder / "truth", folder / "aligned").scores
    assert scores is not None
    console = terminal()
    console.print(boundaries_table(scores))
    console.print(phones_table(scores))
    console.print(f"{seconds:.0f} s of sound in {took:.1f} s: {seconds / took:.0f} times real time")


if __name__ == "__main__":
    main()
