"""Any number of hours of synthetic speech as a packed corpus."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError
from rich.console import Console

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.core.processes import in_order, worker_processes
from bossline.core.progress import bar
from bossline.core.terminal import terminal
from bossline.data.features.audio import resample
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import OF_SPEECH
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.phones import ARPABET
from bossline.data.store import check_name, is_packed, open_corpus, pack_path, register
from bossline.data.synthetic.acoustics import record, tilt
from bossline.data.synthetic.espeak import SAMPLE_RATE, speak
from bossline.data.synthetic.grammar import sentence
from bossline.data.synthetic.phonemes import segments
from bossline.data.synthetic.voices import Voice, make_voices
from bossline.data.writer import writing

GENERATOR = 2  # raise it when the same config gives another corpus

NOTE = "Synthetic speech: what is found on it need not hold for recorded speech."

_RATE = OF_SPEECH.sample_rate
_PAUSE_SECONDS = (0.1, 0.5)  # before and after the sentence
_PARTS = ("train",) * 8 + ("validation", "test")
_SMALL_HOURS = 0.05  # made sooner than other processes have started
_BATCH = 4  # utterances a process makes at a time


class SynthConfig(Config):
    """What to make. Equal configs give equal corpora, whatever the machine's number of cores."""

    hours: float = Field(1.0, gt=0, le=1000, description="speech, silence included")
    voices: int = Field(48, ge=1, le=1000, description="speakers")
    seed: int = Field(0, ge=0)

    def key(self) -> str:
        """SHA-256 of the config and of the generator's version."""
        return hashlib.sha256(f"{GENERATOR} {self.model_dump_json()}".encode()).hexdigest()


def synth(
    name: str = "toy",
    *,
    hours: float = 1.0,
    voices: int = 48,
    seed: int = 0,
    console: Console | None = None,
) -> Corpus:
    """Make a corpus of synthetic speech with exact labels of frames; needs the synth extra.

    Args:
        name: what to call it.
        hours: of speech, silence included.
        voices: speakers.
        seed: another seed, another corpus.
        console: where progress is shown; None shows it on the terminal.

    Raises:
        UserError: a name or a number that cannot be, or the extra is missing.
    """
    check_name(name)
    try:
        config = SynthConfig(hours=hours, voices=voices, seed=seed)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{first['loc'][0]}: {first['msg'].lower()}") from error
    with bar(console or terminal(), "s of speech", total=round(hours * 3600)) as shown:
        register(name, synthesise(config, shown.advance))
    return open_corpus(name)


class Utterance(NamedTuple):
    """One spoken sentence with its frames."""

    id: str
    speaker: str
    part: str
    frames: npt.NDArray[np.float32]  # (T, 39)
    labels: npt.NDArray[np.int16]  # (T,)


def say(
    text: str, voice: Voice, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """Clean speech of a voice at the rate of the features, and its phones.

    Returns:
        (samples,) in -1..1; (segments,) first sample of each phone; (segments,) its class.
    """
    speech = speak(
        text,
        voice.variant,
        pitch=voice.pitch,
        pitch_range=voice.pitch_range,
        rate=voice.rate,
        seed=seed,
    )
    starts, labels = segments(speech)
    # Played faster by `tract`, all formants rise by that factor.
    played = SAMPLE_RATE * voice.tract
    waveform = resample(np.asarray(speech.audio / 32768, np.float32), played, _RATE)
    return waveform, np.round(starts * (_RATE / played)).astype(np.int64), labels


def make_utterance(config: SynthConfig, index: int) -> Utterance:
    """Utterance number `index`: a function of its arguments alone."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, index)))
    turn, speaker = divmod(index, config.voices)
    voice = make_voices(config.voices, config.seed)[speaker]
    waveform, starts, classes = say(sentence(rng), voice, seed=int(rng.integers(1, 1 << 31)))
    before, after = (int(s * _RATE) for s in rng.uniform(*_PAUSE_SECONDS, size=2))
    speech = np.pad(tilt(waveform.astype(np.float64), voice.tilt), (before, after))
    frames = mfcc(record(speech, _RATE, rng), OF_SPEECH)
    centres = np.rint(OF_SPEECH.frame_centres(len(frames)) * _RATE) - before
    segment = np.searchsorted(starts, centres, side="right") - 1
    return Utterance(
        id=f"{voice.name}-{turn:04d}",
        speaker=voice.name,
        part=_PARTS[(turn + speaker) % len(_PARTS)],
        frames=frames,
        labels=classes[np.maximum(segment, 0)],  # what precedes the first is silence, as the first
    )


def _make_batch(config: SynthConfig, number: int) -> list[Utterance]:
    return [make_utterance(config, number * _BATCH + place) for place in range(_BATCH)]


def _utterances(config: SynthConfig, processes: int) -> Generator[Utterance]:
    """Endless, in the order of their numbers."""
    if processes == 1:
        yield from (make_utterance(config, number) for number in count())
        return
    with worker_processes(processes) as pool:
        for made in in_order(pool, partial(_make_batch, config), count(), processes + 1):
            yield from made


def synthesise(
    config: SynthConfig,
    advance: Callable[[float], None] = lambda seconds: None,
    processes: int | None = None,
) -> Path:
    """Make a corpus, or find the one made earlier from the same config.

    Parts: of ten utterances of a speaker eight are "train", one "validation" and one "test".

    Args:
        advance: called with the seconds of speech made since the last call.
        processes: how many work at a time; None: one a core, and for a few minutes just this one.
            More than one are new processes of Python.

    Returns:
        The folder of the pack.

    Raises:
        UserError: the synth extra is missing, or the disk is full.
    """
    path = pack_path(config.key())
    if is_packed(path):
        return path
    make_utterance(config, 0)  # a missing extra shows here, not in another process
    source = Source(reader="synthetic", path="synthetic", options=config.model_dump())
    if processes is None:
        processes = (os.cpu_count() or 1) if config.hours > _SMALL_HOURS else 1
    utterances = _utterances(config, processes)
    missing = round(config.hours * 3600 * OF_SPEECH.frames_per_second)
    with writing(path, features=OF_SPEECH, classes=ARPABET, source=source, note=NOTE) as writer:
        try:
            while missing > 0:
                one = next(utterances)
                writer.add(
                    one.id, one.frames, part=one.part, labels=one.labels, speaker=one.speaker
                )
                missing -= len(one.frames)
                advance(len(one.frames) / OF_SPEECH.frames_per_second)
        finally:
            utterances.close()
    return path
