from __future__ import annotations

import numpy as np
import pytest

from bossline.data.synthetic.acoustics import noise, record, reverberate, tilt, wander

RATE = 16_000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_wander_without_deviation_is_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng().normal(size=4321)
    monkeypatch.setattr("bossline.data.synthetic.acoustics._WANDER_DB", 0.0)
    np.testing.assert_allclose(wander(x, RATE, rng()), x, atol=1e-9)


def test_nothing_sounds_before_its_time() -> None:
    x = np.zeros(8000)
    x[4000] = 1.0
    late = reverberate(x, RATE, rng())
    assert np.abs(late[:4000]).max() < 1e-9
    assert late[4000] == pytest.approx(1.0)
    assert np.abs(late[4001:]).max() > 1e-3


def test_noise_has_power_one() -> None:
    for seed in range(6):
        x = noise(5000, RATE, np.random.default_rng(seed))
        assert x.shape == (5000,)
        assert np.mean(x**2) == pytest.approx(1.0)


def test_tilt_is_a_first_order_filter() -> None:
    np.testing.assert_allclose(tilt(np.array([1.0, 2.0, 3.0]), 0.5), [1.0, 2.5, 4.0])


def test_recordings_differ_and_never_clip() -> None:
    speech = np.sin(np.arange(8000) / 9)
    first, second = (record(speech, RATE, np.random.default_rng(seed)) for seed in (1, 2))
    assert first.dtype == np.float32
    assert first.shape == speech.shape
    assert max(np.abs(first).max(), np.abs(second).max()) < 1
    assert not np.allclose(first, second)
