"""The examples of docs/program.md, from top to bottom."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.runs.run import Run

PAGE = Path(__file__).parents[1] / "docs" / "program.md"
SPEC = FeatureSpec(kind="mfcc", dim=39, deltas="time", normalisation="utterance")


def prepare(voices: Run) -> None:
    """What the page takes for granted: a corpus, recordings, and a run of speakers."""
    rng = np.random.default_rng(0)
    corpus = voices.corpus()
    for name, utterance in (("ann", 0), ("bob", 1)):
        np.save(f"{name}.npy", corpus.frames(utterance))
    Path("own.dict").write_text("low low\nhigh high\n")
    voices.path.rename("runs/voices")
    Path("recordings").mkdir()
    for name in ("recording", "recordings/a", "recordings/b", "recordings/c"):
        soundfile.write(f"{name}.wav", 0.1 * rng.normal(size=8_000), 16_000)
    pack = pack_path("c" * 64)
    with writing(
        pack, features=SPEC, classes=("low", "high"), source=Source(reader="test", path="")
    ) as writer:
        for number in range(20):
            frames = mfcc(rng.normal(size=4_000).astype(np.float32) * 0.1, SPEC)
            writer.add(f"u{number}", frames, part="train", labels=rng.integers(0, 2, len(frames)))
    register("libriphone", pack)
    Path("runs/voices").rename("voices")  # while the page lists what there is


@pytest.fixture
def page(speaker_run: Run) -> str:
    prepare(speaker_run)
    (Path.cwd() / "home" / "corpora" / "voices.json").rename("voices.json")
    return PAGE.read_text(encoding="utf-8")


def test_the_page_runs(page: str) -> None:
    space: dict[str, Any] = {}
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    for number, block in enumerate(blocks):
        if "runs/voices" in block:
            Path("voices").rename("runs/voices")
        if block.startswith(">>>"):
            test = parser.get_doctest(block, space, f"block {number}", str(PAGE), 0)
            runner.run(test, clear_globs=False)
            space.update(test.globs)
        else:
            exec(block, space)
    assert runner.summarize(verbose=False).failed == 0


def test_the_page_is_linked() -> None:
    for readme in ("README.md", "README.zh.md"):
        assert "docs/program.md" in (PAGE.parents[1] / readme).read_text(encoding="utf-8")
