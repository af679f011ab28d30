from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bossline.core.errors import UserError
from bossline.data import store
from bossline.data.features.spec import OF_SPEECH
from bossline.data.packed import Corpus
from bossline.data.phones import ARPABET
from bossline.data.synthetic import corpus
from bossline.data.synthetic.corpus import SynthConfig, make_utterance, synthesise

SMALL = SynthConfig(hours=0.012, voices=4, seed=5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOSSLINE_HOME", str(tmp_path))
    return tmp_path


def make(
    config: SynthConfig, folder: Path, monkeypatch: pytest.MonkeyPatch, processes: int = 1
) -> Corpus:
    monkeypatch.setenv("BOSSLINE_HOME", str(folder))
    return Corpus(synthesise(config, processes=processes))


def test_what_a_small_corpus_holds() -> None:
    config = SynthConfig(hours=0.06, voices=5, seed=1)
    seconds = 0.0

    def advance(more: float) -> None:
        nonlocal seconds
        seconds += more

    path = synthesise(config, advance, processes=1)
    made = Corpus(path)
    assert path == store.pack_path(config.key())
    assert made.header.features == OF_SPEECH
    assert made.header.classes == ARPABET
    assert made.header.source.options == {"hours": 0.06, "voices": 5, "seed": 1}
    assert made.header.speakers == ("spk000", "spk001", "spk002", "spk003", "spk004")
    assert made.ids[:6] == (
        *("spk000-0000", "spk001-0000", "spk002-0000", "spk003-0000", "spk004-0000"),
        "spk000-0001",
    )
    assert made.hours == pytest.approx(seconds / 3600)
    assert made.header.labelled_frames == made.header.frames
    assert 0 <= made.hours - 0.06 < 10 / 3600
    assert min(made.header.class_counts) > 0
    shares = {name: len(made.part(name)) / len(made) for name in ("train", "validation", "test")}
    assert shares["train"] == pytest.approx(0.8, abs=0.08)
    assert shares["validation"] == pytest.approx(0.1, abs=0.06)
    assert shares["test"] == pytest.approx(0.1, abs=0.06)
    assert 200 < np.median(made.lengths) < 800
    assert 0.05 < made.header.class_counts[0] / made.header.frames < 0.3
    for utterance in (0, len(made) - 1):
        frames = np.asarray(made.frames(utterance), np.float32)
        np.testing.assert_allclose(frames.mean(axis=0), 0, atol=2e-3)
        np.testing.assert_allclose(frames.std(axis=0, ddof=1), 1, atol=2e-3)
        labels = made.frame_labels(utterance)
        assert ARPABET[labels[0]] == ARPABET[labels[-1]] == "SIL"


def test_silence_is_where_the_energy_is_low() -> None:
    for index in range(8):
        one = make_utterance(SynthConfig(), index)
        silent = one.labels == ARPABET.index("SIL")
        energy = one.frames[:, 0]
        assert energy[silent].mean() < energy[~silent].mean() - 0.3


def test_the_same_whatever_the_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make(SMALL, tmp_path / "one", monkeypatch)
    two = make(SMALL, tmp_path / "two", monkeypatch, processes=2)
    assert one.key == two.key
    two.verify()
    other = make(SMALL.model_copy(update={"seed": 6}), tmp_path / "other", monkeypatch)
    assert other.key != one.key


def test_a_second_call_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    path = synthesise(SMALL, processes=1)

    def refuse(config: SynthConfig, index: int) -> None:
        raise AssertionError

    monkeypatch.setattr(corpus, "make_utterance", refuse)
    assert synthesise(SMALL) == path


def test_a_damaged_pack_is_made_again() -> None:
    path = synthesise(SMALL, processes=1)
    key = Corpus(path).key
    next(path.glob("*.safetensors")).unlink()
    assert Corpus(synthesise(SMALL, processes=1)).key == key


def test_an_interrupt_leaves_nothing(home: Path) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise(SMALL, interrupt, processes=1)
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert list((home / "packs").iterdir()) == []


@pytest.mark.parametrize("module", ["espeakng_loader", "soxr", "kaldi_native_fbank"])
def test_a_missing_extra_is_named(module: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"extra: pip install 'bossline\["):
        synthesise(SMALL)
    assert not (home / "packs").exists()


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"voices": 0}, {"seed": -1}, {"speed": 2}])
def test_impossible_wishes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SynthConfig.model_validate(wrong)
