"""Labels against the sound itself, before noise: nothing here looks at what eSpeak reports."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from bossline.data.phones import ARPABET, PHONETIC_CLASSES
from bossline.data.synthetic.corpus import say
from bossline.data.synthetic.espeak import SAMPLE_RATE, speak
from bossline.data.synthetic.grammar import sentence, vocabulary
from bossline.data.synthetic.phonemes import phones, segments
from bossline.data.synthetic.voices import make_voices

RATE = 16_000


@pytest.fixture(scope="module")
def frames() -> dict[str, list[tuple[float, float]]]:
    """(loudness against the utterance in dB, spectral centroid in Hz) of frames of each phone."""
    found = defaultdict(list)
    window = np.hanning(320)
    hertz = np.fft.rfftfreq(320, 1 / RATE)
    for number, voice in enumerate(make_voices(24, seed=4)):
        waveform, starts, classes = say(sentence(np.random.default_rng(number)), voice, seed=1)
        level = np.mean(waveform**2)
        for (start, end), phone in zip(pairwise(starts), classes, strict=False):
            for left in range(start, end - 320, 160):
                piece = waveform[left : left + 320]
                power = np.abs(np.fft.rfft(piece * window)) ** 2
                loudness = 10 * np.log10(np.mean(piece**2) / level + 1e-9)
                centroid = float(power @ hertz / (power.sum() + 1e-12))
                found[ARPABET[phone]].append((float(loudness), centroid))
    return found


def typical(frames: dict[str, list[tuple[float, float]]], phone: str) -> tuple[float, float]:
    loudness, centroid = np.median(np.array(frames[phone]), axis=0)
    return float(loudness), float(centroid)


def test_sibilants_hiss_above_all_vowels(frames: dict[str, list[tuple[float, float]]]) -> None:
    vowels = PHONETIC_CLASSES["vowels"]
    highest = max(typical(frames, vowel)[1] for vowel in vowels)
    assert all(typical(frames, phone)[1] > highest + 1000 for phone in ("S", "SH", "CH"))
    hissing = np.mean([centroid > 2500 for _, centroid in frames["S"]])
    assert hissing > 0.85


def test_vowels_are_loud_and_silence_is_quiet(
    frames: dict[str, list[tuple[float, float]]],
) -> None:
    for vowel in PHONETIC_CLASSES["vowels"]:
        assert typical(frames, vowel)[0] > -9
    assert typical(frames, "SIL")[0] < -30
    quiet = np.mean([loudness < -20 for loudness, _ in frames["SIL"]])
    assert quiet > 0.9


def test_closures_belong_to_the_plosive_after_them() -> None:
    text = "She took a cheap pack of apples."
    speech = speak(text, "en-us+m3", pitch=50, pitch_range=50, rate=160, seed=1)
    starts, classes = segments(speech)
    assert (np.diff(starts) >= 0).all()
    for phone in ("K", "P", "CH"):
        inside = np.flatnonzero(classes[1:] == ARPABET.index(phone)) + 1
        openings = [speech.audio[starts[k] : starts[k] + SAMPLE_RATE // 100] for k in inside]
        assert all(np.abs(piece).max() < 800 for piece in openings)
    for vowel in ("AE", "UH"):
        inside = np.flatnonzero(classes == ARPABET.index(vowel))
        endings = [speech.audio[starts[k + 1] - SAMPLE_RATE // 100 : starts[k + 1]] for k in inside]
        assert all(np.abs(piece).max() > 20 for piece in endings)


def test_every_word_can_be_labelled_and_every_phone_occurs() -> None:
    heard: Counter[str] = Counter()
    for word in vocabulary():
        speech = speak(word, "en-us", pitch=50, pitch_range=50, rate=200, seed=1)
        heard.update(ARPABET[k] for k in segments(speech)[1])
    for number in range(150):
        text = sentence(np.random.default_rng(number))
        speech = speak(text, "en-us", pitch=50, pitch_range=50, rate=200, seed=1)
        heard.update(ARPABET[k] for k in segments(speech)[1])
    assert set(heard) == set(ARPABET)
    assert min(heard.values()) > 20


def test_r_coloured_vowels_are_cut_in_two() -> None:
    assert phones("'A@") == ("AA", "R")
    speech = speak("car", "en-us", pitch=50, pitch_range=50, rate=160, seed=1)
    starts, classes = segments(speech)
    names = [ARPABET[k] for k in classes]
    assert names[:4] == ["SIL", "K", "AA", "R"]
    vowel, r = starts[3] - starts[2], starts[4] - starts[3]
    assert abs(vowel - r) <= 2 or r > vowel  # a linking r may follow


def test_an_unknown_mnemonic_is_an_error() -> None:
    with pytest.raises(KeyError, match="Q"):
        phones("'Q")
