"""Items of equal values are found, named, and kept on one side of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bossline import api
from bossline.cli.tables.corpora import corpus_table
from bossline.data import writer
from bossline.data.duplicates import leaders
from bossline.data.features.spec import Features, FeatureSpec, ImageSpec, TableSpec
from bossline.data.header import Source
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.remarks import remarks_on_copies
from bossline.data.writer import writing

SOURCE = Source(reader="test", path="")


def first_equal(items: list[np.ndarray]) -> list[int]:
    """Of each the first that is equal, pair by pair."""
    return [
        next(k for k, other in enumerate(items) if np.array_equal(item, other)) for item in items
    ]


def pack(path: Path, features: Features, items: list[np.ndarray]) -> Corpus:
    with writing(path, features=features, classes=(), source=SOURCE) as output:
        for index, values in enumerate(items):
            output.add(f"i{index}", values, part="train")
    return Corpus(path)


def alike(shape: tuple[int, ...], bits: int) -> npt.NDArray[np.uint8]:
    """Numbers of which many are equal: 0 but for a few places."""
    values = np.zeros(shape, np.uint8)
    values.flat[bits % values.size] = bits % 3
    return values


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(0, 99)), max_size=20
    ),
    kind=st.sampled_from(["image", "speech", "wide speech", "table"]),
    shard_bytes=st.sampled_from([1, 200, 1 << 20]),
)
def test_equal_items_are_those_that_compare_equal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: list[tuple[int, int, int]],
    kind: str,
    shard_bytes: int,
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", shard_bytes)
    made = [*made, (1, 1, 0)]
    items: list[npt.NDArray[Any]]
    if kind == "image":
        items = [alike((height, width, 3), bits) for height, width, bits in made]
        corpus = pack(tmp_path / "pack", ImageSpec(), items)
    elif kind == "table":
        items = [alike((1, 3), bits).astype(np.float32) for _, _, bits in made]
        corpus = pack(tmp_path / "pack", TableSpec(columns=("a", "b", "c"), target="t"), items)
    else:
        dim = 2 if kind == "speech" else 100
        items = [alike((length, dim), bits).astype(np.float32) for _, length, bits in made]
        corpus = pack(tmp_path / "pack", FeatureSpec(kind="other", dim=dim), items)
    assert corpus.originals.tolist() == first_equal(items)


def test_zeros_of_either_sign_and_either_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 12)
    small = np.array([[0.0, 0.5, 1.0]] * 2, np.float32)
    signs = np.array([-1, 1, 1], np.float32)
    items = [small, -small * signs, small * signs, small * 1e9, small]
    corpus = pack(tmp_path / "pack", FeatureSpec(kind="other", dim=3), items)
    assert corpus.originals.tolist() == [0, 1, 0, 3, 0]
    mixed = pack(tmp_path / "mixed", FeatureSpec(kind="other", dim=3), items[2:])
    assert {mixed.frames(u).dtype for u in range(3)} == {np.dtype("f2"), np.dtype("f4")}


def test_of_some_items_the_first_of_them_leads(tmp_path: Path) -> None:
    items = [np.full((2, 1), value, np.float32) for value in (5, 6, 5, 5, 6, 7)]
    corpus = pack(tmp_path / "pack", FeatureSpec(kind="other", dim=1), items)
    assert leaders(corpus, np.arange(6)).tolist() == [0, 1, 0, 0, 1, 5]
    assert leaders(corpus, np.array([2, 3, 4, 5])).tolist() == [2, 2, 4, 5]
    assert leaders(corpus, np.array([], np.int64)).tolist() == []


def labelled_pairs(path: Path) -> Corpus:
    features = FeatureSpec(kind="other", dim=1)
    with writing(path, features=features, classes=("x", "y"), source=SOURCE) as output:
        for id, value, part, label, speaker in (
            ("a", 1, "train", 0, "ann"),
            ("b", 1, "train", 0, "ann"),
            ("c", 1, "train", 1, "ann"),
            ("d", 1, "test", None, None),
            ("e", 2, "test", None, None),
            ("f", 1, "train", 0, "bob"),
            ("g", 1, "pseudo", 0, None),
            ("h", 1, "speed-0.9", None, "ann"),
        ):
            labels = None if label is None else np.full(2, label)
            output.add(id, np.full((2, 1), value), part=part, labels=labels, speaker=speaker)
    return Corpus(path)


def test_copies_are_named(tmp_path: Path) -> None:
    corpus = labelled_pairs(tmp_path / "pack")
    assert remarks_on_copies(corpus) == [
        "4 of 6 utterances hold the same values as another: b = a, c = a, d = a, ...; "
        "a split keeps them on one side",
        "2 of them have other labels or another speaker there: c = a, f = a",
        "1 of part test are in part train too: d = a; the corpus' own parts are taken as they are",
    ]
    console = Console(width=200, record=True)
    console.print(corpus_table("mine", corpus))
    assert "d = a" in console.export_text()


def test_images_and_rows_of_other_classes_and_targets(tmp_path: Path) -> None:
    table = TableSpec(columns=("a",), target="t")
    with writing(tmp_path / "table", features=table, classes=(), source=SOURCE) as output:
        for number, target in enumerate((1.0, 1.0, 2.0, None)):
            output.add(f"i{number}", np.ones((1, 1)), part="train", target=target)
    assert remarks_on_copies(Corpus(tmp_path / "table"))[1] == (
        "1 of them have another target there: i2 = i0"
    )
    with writing(tmp_path / "food", features=ImageSpec(), classes="xy", source=SOURCE) as output:
        for number, category in enumerate((0, 0, 1, None)):
            pixels = np.ones((2, 2, 3), np.uint8)
            output.add(f"i{number}", pixels, part="train", category=category)
    assert remarks_on_copies(Corpus(tmp_path / "food"))[1] == (
        "1 of them have another class there: i2 = i0"
    )


def test_nothing_is_said_where_all_differ(toy: Corpus) -> None:
    assert remarks_on_copies(toy) == []


def test_noise_is_at_chance_with_every_recording_there_twice(home: Path, tmp_path: Path) -> None:
    """Ten speakers of noise: only whoever has heard a recording knows whose it is."""
    rng = np.random.default_rng(0)
    for speaker in range(10):
        folder = tmp_path / "noise" / f"s{speaker}"
        folder.mkdir(parents=True)
        for number in range(16):
            samples = rng.uniform(-0.5, 0.5, 4000).astype(np.float32)
            soundfile.write(folder / f"{number}.wav", samples, 16_000, subtype="PCM_16")
            samples, _ = soundfile.read(folder / f"{number}.wav", dtype="float32")
            soundfile.write(folder / f"{number}-again.flac", samples, 16_000, subtype="PCM_16")
    corpus = import_corpus(tmp_path / "noise", "noise")
    assert remarks_on_copies(corpus)[0].startswith("160 of 320 utterances hold the same values")
    keys = ["split.test=0.4"]
    run = api.train(
        "speaker/floor", "noise", keys, run="runs/a", device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    accuracy = run.scores["test"].score
    assert accuracy.low <= 0.1
    assert accuracy.value < 0.2  # three standard deviations of 80 different recordings above 0.1
