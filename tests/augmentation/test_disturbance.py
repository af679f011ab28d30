from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch

from bossline.augmentation.disturbance import Disturbance
from bossline.augmentation.spec_augment import SpecAugment
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec

pytest.importorskip("kaldi_native_fbank")

RATE = 16_000
OFF: dict[str, Any] = {"share": 1, "noise": 0, "room": 0, "channel": 0, "voice": 0}
Samples = npt.NDArray[np.float32]


def spec(deltas: Literal["none", "time", "coefficient"] = "none") -> FeatureSpec:
    dim = 13 if deltas == "none" else 39
    return FeatureSpec(kind="mfcc", dim=dim, deltas=deltas, normalisation="utterance")


def speech(seconds: float = 2.0, seed: int = 0) -> Samples:
    """A voice of 120 Hz whose two formants and loudness move, over a little hiss."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    first = 500 + 250 * np.sin(2 * np.pi * 1.3 * t)
    second = 1700 + 500 * np.sin(2 * np.pi * 0.9 * t + 1)
    voice = np.zeros_like(t)
    for harmonic in range(1, 60):
        hertz = 120 * harmonic
        gain = sum(np.exp(-(((hertz - centre) / 150) ** 2)) for centre in (first, second))
        voice += (gain + 0.01) * np.sin(2 * np.pi * hertz * t + harmonic)
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * 2.1 * t)
    return (0.05 * voice * loud + 1e-3 * rng.standard_normal(len(t))).astype(np.float32)


def batch_of(*utterances: npt.NDArray[np.float32]) -> Padded:
    lengths = [len(one) for one in utterances]
    frames = torch.zeros(len(utterances), max(lengths) + 5, utterances[0].shape[1])
    for row, one in zip(frames, utterances, strict=True):
        row[: len(one)] = torch.from_numpy(one)
    return Padded.of(frames, torch.tensor(lengths))


def disturbed(batch: Padded, features: FeatureSpec, seed: int = 0, **parts: Any) -> torch.Tensor:
    config = Disturbance.model_validate({**OFF, **parts})
    return config(batch, features, torch.Generator().manual_seed(seed)).frames


@pytest.mark.parametrize("deltas", ["none", "time", "coefficient"])
def test_cepstra_to_a_spectrum_and_back_is_what_it_was(deltas: Any) -> None:
    features = spec(deltas)
    batch = batch_of(mfcc(speech(), features), mfcc(speech(0.7, 1), features))
    # Deltas of frames beside each other are differences of like numbers.
    torch.testing.assert_close(disturbed(batch, features), batch.frames, rtol=0, atol=2e-4)


def test_noise_makes_cepstra_what_noise_makes_of_the_recording() -> None:
    """White noise in the samples against the steady noises of the mel spectrum, at 0 dB."""
    features, sound = spec(), speech()
    clean = mfcc(sound, features)
    white = np.random.default_rng(1).standard_normal(len(sound))
    white *= np.sqrt((sound**2).mean() / (white**2).mean())
    noisy = mfcc((sound + white).astype(np.float32), features)

    def likeness(found: npt.NDArray[np.float32]) -> float:
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, noisy.T)]))  # noqa: B905

    batch = batch_of(clean)
    found = [
        likeness(disturbed(batch, features, seed, noise=1, quietest=0, loudest=0)[0][
            : len(clean)
        ].numpy())
        for seed in range(20)
    ]  # fmt: skip
    # Colours are drawn, and half of the noises are babble: the best are near white noise.
    assert np.sort(found)[-5:].mean() > likeness(clean) + 0.05


def test_a_room_smears_power_over_the_frames_behind_and_none_before() -> None:
    features = spec()
    frames = mfcc(speech(), features)
    frames = np.concatenate([frames, frames[-1:].repeat(50, 0)])
    one = batch_of(frames)
    other = batch_of(np.concatenate([frames[:100], frames[100:] + 0.5]).astype(np.float32))
    first, second = (disturbed(b, features, room=1) for b in (one, other))
    # Undo the normalisation, whose mean and spread are of the whole utterance.
    scale = [second[0, :90, k].std() / first[0, :90, k].std() for k in range(13)]
    for k, factor in enumerate(scale):
        a, b = first[0, :90, k], second[0, :90, k]
        torch.testing.assert_close(b - b.mean(), (a - a.mean()) * factor, rtol=0, atol=1e-3)
    assert (first - one.frames).abs().max() > 0.1


def test_padding_stays_zero_and_each_utterance_is_disturbed_alone() -> None:
    features = spec("time")
    short = mfcc(speech(0.6, 2), features)
    alone, beside = batch_of(short), batch_of(short, mfcc(speech(), features))
    parts: dict[str, Any] = {"noise": 1, "room": 1, "channel": 1, "voice": 0.1}
    found = disturbed(beside, features, **parts)
    assert not found[~beside.mask].any()
    draws = [disturbed(alone, features, seed, **parts)[0, : len(short)] for seed in range(5)]
    assert all((one - draws[0]).abs().max() > 0.05 for one in draws[1:])
    for one in (*draws, found[0, : len(short)]):
        torch.testing.assert_close(one.mean(0), torch.zeros(39), rtol=0, atol=1e-4)
        torch.testing.assert_close(one.std(0), torch.ones(39), rtol=0, atol=1e-3)


def test_about_the_share_of_utterances_is_disturbed() -> None:
    features = spec()
    batch = batch_of(*[mfcc(speech(0.3, 3), features)] * 400)
    found = disturbed(batch, features, share=0.25, voice=0.2)
    changed = (found != batch.frames).any(2).any(1)
    assert 60 <= int(changed.sum()) <= 140


@pytest.mark.parametrize(
    "features",
    [
        FeatureSpec(kind="log-mel", dim=40, normalisation="mean"),
        FeatureSpec(kind="mfcc", dim=13),
        FeatureSpec(kind="other", dim=13, normalisation="utterance"),
    ],
)
def test_other_features_are_refused(features: FeatureSpec) -> None:
    batch = batch_of(np.zeros((5, features.dim), np.float32))
    augment = SpecAugment(disturbance=Disturbance())
    with pytest.raises(UserError, match=r"augment\.disturbance works on 13 MFCC under CMVN"):
        augment(batch, torch.arange(5), features, torch.Generator())


def test_a_range_of_noises_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValueError, match="quietest: expected"):
        Disturbance(quietest=0, loudest=10)
