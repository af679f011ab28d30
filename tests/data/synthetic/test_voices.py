from __future__ import annotations

from dataclasses import replace

import numpy as np

from bossline.data.synthetic.espeak import speak
from bossline.data.synthetic.voices import make_voices


def test_voices_differ_and_more_of_them_keep_the_first() -> None:
    many = make_voices(200, seed=1)
    assert [voice.name for voice in many[:2]] == ["spk000", "spk001"]
    assert len({replace(voice, name="") for voice in many}) == 200
    assert make_voices(10, seed=1) == many[:10]
    assert make_voices(10, seed=2) != many[:10]


def test_all_variants_speak_and_repeat_themselves() -> None:
    variants = sorted({voice.variant for voice in make_voices(200, seed=1)})
    first, again = (
        {
            variant: speak("She has a boy.", variant, pitch=50, pitch_range=50, rate=180, seed=1)
            for variant in order
        }
        for order in (variants, variants[::-1])
    )
    for variant in variants:
        assert first[variant].audio.any()
        assert first[variant].phonemes == again[variant].phonemes
        np.testing.assert_array_equal(first[variant].audio, again[variant].audio, variant)
