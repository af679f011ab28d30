"""The speakers: eSpeak's human-sounding variants, each with a pitch, pace and vocal tract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LANGUAGE = "en-us"

# Left out: whispers, robots, croaks, radio effects, those that clip, and two (Reed, caleb) whose
# breath comes from the C library's random numbers, which no seed of eSpeak governs.
_VARIANTS = """Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Lee Marco Mario
Michael Mike Nguyen Storm adam anika antonio aunty belinda benjamin boris david ed edward
edward2 f1 f2 f3 f4 f5 grandma grandpa gustave ian iven2 iven3 iven4 john klatt4 klatt5 klatt6 linda
m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel mike2 norbert pablo paul pedro quincy rob robert
sandro shelby steph steph2 steph3 travis victor zac""".split()


@dataclass(frozen=True)
class Voice:
    """One speaker.

    Attributes:
        name: spk000, spk001, ...
        variant: eSpeak's name of the voice.
        pitch: 0..100, 50 is the variant's own.
        pitch_range: 0..100, 50 is the variant's own.
        rate: words per minute.
        tract: factor on all frequencies, as of a shorter (> 1) or longer vocal tract.
        tilt: coefficient of a first-order filter; > 0 dull, < 0 bright.
    """

    name: str
    variant: str
    pitch: int
    pitch_range: int
    rate: int
    tract: float
    tilt: float


def make_voices(count: int, seed: int) -> list[Voice]:
    """`count` different speakers; a larger count keeps the first ones."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    order = rng.permutation(len(_VARIANTS))
    return [
        Voice(
            name=f"spk{number:03d}",
            variant=f"{_LANGUAGE}+{_VARIANTS[order[number % len(order)]]}",
            pitch=int(rng.integers(30, 71)),
            pitch_range=int(rng.integers(30, 81)),
            rate=int(rng.integers(140, 201)),
            tract=float(rng.uniform(0.88, 1.14)),
            tilt=float(rng.uniform(-0.4, 0.4)),
        )
        for number in range(count)
    ]
