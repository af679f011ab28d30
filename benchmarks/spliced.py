"""New sentences of the words of old ones: recordings cut at words and put together in other orders.

    bossline align recordings/ -o aligned/ --phones
    python -m benchmarks.spliced recordings/ aligned/ spliced/ --strings strings.txt

A model that hears few sentences many times learns them by heart: it knows a sentence by its
beginning. Here each has one to four words in a row of one recording, then of another, mostly of the
same speaker, and no sentence is there twice (after Lam et al. 2021, "On-the-fly aligned data
augmentation for sequence-to-sequence ASR", arXiv 2104.01393). Each is played at a speed within an
eighth of its own; a third of them (--disturbed) in a room or over the babble of others, and one in
ten over a telephone. What is drawn depends on --seed alone. --strings gets a line "SPEAKER/ID PHONE
PHONE ..." a sentence.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.disturbed import (
    RATE,
    Samples,
    babble,
    faster,
    in_room,
    mixed,
    over_telephone,
    pink,
)
from bossline.data import alignments
from bossline.data.alignments import IntervalTier

FADE = round(0.005 * RATE)  # samples in which one piece gives way to the next
PAUSE = 0.1  # seconds before and behind a piece at most, of what is said by nobody there
WORDS = (4, 11)  # of a sentence, the last left out
PIECE = (1, 5)  # words of a piece, the last left out
ONE_SPEAKER = 0.7  # of sentences


@dataclass(frozen=True)
class Word:
    """A word of a recording: what may be cut out, in seconds, and its phones."""

    start: float
    end: float
    phones: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """Samples of RATE, and the words in them."""

    speaker: str
    sound: Samples
    words: tuple[Word, ...]


def recordings(folder: Path, aligned: Path) -> list[Recording]:
    """All that have an alignment of words and phones; folders are speakers."""
    found = []
    for file in sorted(aligned.rglob("*.json")) + sorted(aligned.rglob("*.TextGrid")):
        where = file.relative_to(aligned)
        sound = next(p for p in (folder / where).parent.glob(f"{where.stem}.*") if _is_sound(p))
        tiers = {tier.name: tier for tier in alignments.read(file).tiers}
        words, phones = tiers["words"], tiers["phones"]
        assert isinstance(words, IntervalTier)
        assert isinstance(phones, IntervalTier)
        said = [
            Word(
                word.start,
                word.end,
                tuple(
                    phone.label
                    for phone in phones.intervals
                    if word.start <= (phone.start + phone.end) / 2 < word.end
                ),
            )
            for word in words.intervals
            if word.label
        ]
        samples = soundfile.read(sound, dtype="float32")[0]
        found.append(Recording(where.parent.as_posix(), samples, tuple(said)))
    return found


def _is_sound(path: Path) -> bool:
    return path.suffix in (".flac", ".wav", ".ogg")


def piece(one: Recording, first: int, last: int) -> Samples:
    """Words `first` to `last - 1`, as loud as any piece, with what silence is around them."""
    words = one.words
    start = words[first - 1].end if first else 0.0
    end = words[last].start if last < len(words) else len(one.sound) / RATE
    start = max(start, words[first].start - PAUSE)
    end = min(end, words[last - 1].end + PAUSE)
    sound = one.sound[round(start * RATE) : round(end * RATE)].copy()
    sound *= 0.05 / (np.sqrt((sound**2).mean()) + 1e-6)
    fade = np.linspace(0, 1, min(FADE, len(sound)), dtype=np.float32)
    sound[: len(fade)] *= fade
    sound[len(sound) - len(fade) :] *= fade[::-1]
    return sound


def sentence(
    all_of: list[Recording], by_speaker: dict[str, list[Recording]], rng: np.random.Generator
) -> tuple[str, Samples, list[str]]:
    """Speaker of the first piece, samples and phones of a new sentence."""
    first = all_of[rng.integers(len(all_of))]
    choice = by_speaker[first.speaker] if rng.random() < ONE_SPEAKER else all_of
    size, sound, phones = int(rng.integers(*WORDS)), np.zeros(0, np.float32), list[str]()
    one = first
    while size > 0:
        count = min(int(rng.integers(*PIECE)), size, len(one.words))
        at = int(rng.integers(len(one.words) - count + 1))
        sound = joined(sound, piece(one, at, at + count))
        phones += [phone for word in one.words[at : at + count] for phone in word.phones]
        size -= count
        one = choice[rng.integers(len(choice))]
    return first.speaker, sound, phones


def joined(before: Samples, after: Samples) -> Samples:
    """One sound and another, faded into each other."""
    shared = min(FADE, len(before), len(after))
    sound = np.zeros(len(before) + len(after) - shared, np.float32)
    sound[: len(before)] += before
    sound[len(before) - shared :] += after
    return sound


def disturbed(
    sound: Samples, others: list[Samples], rng: np.random.Generator, share: float
) -> Samples:
    """At another speed, and maybe in a room, over babble, over a telephone."""
    sound = faster(sound, rng.uniform(7 / 8, 9 / 8))
    if (chance := rng.random()) < share:
        if chance < share / 2:
            noise = babble([sound, *others], 0, rng)
        else:
            sound, noise = in_room(sound, rng, rng.uniform(0.2, 0.8)), pink(len(sound), rng)
        sound = mixed(sound, noise, rng.uniform(5, 25))
    return over_telephone(sound) if rng.random() < 0.1 else sound


ALL: list[Recording] = []
"""The recordings, which processes that write sentences are forked with."""


def written(to: Path, seed: int, share: float, numbers: range) -> list[str]:
    """Write the sentences of these numbers; their lines of strings."""
    by_speaker = {one.speaker: [o for o in ALL if o.speaker == one.speaker] for one in ALL}
    lines = []
    for number in numbers:
        rng = np.random.default_rng((seed, number))
        speaker, sound, phones = sentence(ALL, by_speaker, rng)
        others = [ALL[k].sound for k in rng.choice(len(ALL), 8, replace=False)]
        sound = disturbed(sound, others, rng, share)
        file = to / speaker / f"spliced-{number:05}.flac"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, sound / max(1.0, float(np.abs(sound).max())), RATE)
        lines.append(f"{speaker}/{file.stem} {' '.join(phones)}\n")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("aligned", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--sentences", type=int, default=12_000)
    parser.add_argument("--disturbed", type=float, default=1 / 3, help="share of them")
    parser.add_argument("--strings", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ALL.extend(recordings(arguments.folder, arguments.aligned))
    write = partial(written, arguments.to, arguments.seed, arguments.disturbed)
    processes = os.cpu_count() or 1
    parts = [range(k, arguments.sentences, processes) for k in range(processes)]
    # Forked, they have the recordings already.
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        lines = sorted(line for part in pool.map(write, parts) for line in part)
    arguments.strings.write_text("".join(lines))


if __name__ == "__main__":
    main()
