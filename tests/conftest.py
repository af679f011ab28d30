"""A small corpus that a network learns in seconds, and a cache of its own for each test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from bossline.corpora.header import Source
from bossline.corpora.packed import Corpus
from bossline.corpora.store import pack_path, register
from bossline.corpora.writer import writing
from bossline.features.spec import FeatureSpec

settings.register_profile("bossline", deadline=None)  # a busy machine is no bug
settings.load_profile("bossline")

CLASSES = ("SIL", "AA", "S", "T", "M")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of corpora, and runs/ in the working folder, both below tmp_path."""
    path = tmp_path / "home"
    monkeypatch.setenv("BOSSLINE_HOME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


def write_toy(key: str, *, seed: int = 0, name: str = "toy") -> Corpus:
    """30 labelled utterances of 3 speakers and 4 unlabelled ones; each class is a noisy point."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(CLASSES), 6)) * 2
    path = pack_path(key)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=6),
        classes=CLASSES,
        source=Source(reader="test", path="test"),
    ) as writer:
        for number in range(34):
            labels = np.repeat(rng.integers(0, len(CLASSES), 8), rng.integers(2, 6, 8))
            frames = centres[labels] + rng.normal(size=(len(labels), 6))
            labelled = number < 30
            writer.add(
                f"utt-{number:02d}",
                frames.astype(np.float32),
                part="train" if labelled else "test",
                labels=labels if labelled else None,
                speaker=f"spk{number % 3}",
            )
    register(name, path)
    return Corpus(path)


@pytest.fixture
def toy(home: Path) -> Corpus:
    return write_toy("0" * 64)
