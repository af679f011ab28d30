"""Headers of corpora: what is new in them changes no old one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bossline.cli.tables.corpora import corpus_table
from bossline.core.terminal import terminal
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import HEADER, Source, read_header
from bossline.data.packed import Corpus
from bossline.data.writer import writing


def write(path: Path, passed_over: list[str]) -> Corpus:
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=2),
        classes=("a",),
        source=Source(reader="test", path="test"),
        passed_over=passed_over,
    ) as writer:
        writer.add("u", np.ones((3, 2), np.float32), part="train", labels=np.zeros(3, np.int16))
    return Corpus(path)


def test_a_header_with_nothing_passed_over_is_as_it_always_was(tmp_path: Path) -> None:
    corpus = write(tmp_path / "a", [])
    assert "passed_over" not in json.loads((corpus.path / HEADER).read_text())
    assert corpus.header.passed_over == ()


def test_what_was_passed_over_is_kept_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("3 .heic files in test/", "1 [b].txt file in training/")
    corpus = write(tmp_path / "a", list(lines))
    assert read_header(corpus.path)[0].passed_over == lines
    assert corpus.key == write(tmp_path / "b", []).key, "runs know their corpus by its key"
    monkeypatch.setenv("COLUMNS", "200")
    terminal().print(corpus_table("a", corpus))
    assert (
        "passed over  3 .heic files in test/; 1 [b].txt file in training/"
        in capsys.readouterr().out
    )
