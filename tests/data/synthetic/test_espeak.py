from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.synthetic.espeak import SAMPLE_RATE, Speech, speak

TEXT = "The measure of a boy should cook."


def say(text: str = TEXT, voice: str = "en-us+f1", seed: int = 1, rate: int = 160) -> Speech:
    return speak(text, voice, pitch=50, pitch_range=50, rate=rate, seed=seed)


def test_phonemes_come_in_order_within_the_audio() -> None:
    speech = say()
    names = [name for _, name in speech.phonemes]
    starts = [start for start, _ in speech.phonemes]
    assert names[:8] == ["D", "@2", "m", "'E", "Z", "3", "r-", "@"]
    assert names[-1] == "_"
    assert starts == sorted(starts)
    assert starts[0] >= 0
    assert starts[-1] <= len(speech.audio)
    assert 1.5 < len(speech.audio) / SAMPLE_RATE < 3.5
    assert all(later - earlier < 0.5 * SAMPLE_RATE for earlier, later in pairwise(starts))


def test_what_was_said_before_leaves_no_trace() -> None:
    first = say()
    other = say("Something else, by somebody else.", "en-us+m3", seed=9, rate=190)
    again = say()
    np.testing.assert_array_equal(first.audio, again.audio)
    assert first.phonemes == again.phonemes
    assert len(other.audio) != len(first.audio)


def test_rate_is_obeyed() -> None:
    assert len(say(rate=200).audio) < 0.9 * len(say(rate=140).audio)


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(UserError, match="no voice 'xx-nowhere'"):
        say(voice="xx-nowhere")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"synth extra: pip install 'bossline\[synth\]'"):
        say()
