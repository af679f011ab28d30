"""What is written is what is read; what was damaged since is refused."""

from __future__ import annotations

import json
import mmap
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from bossline.core.errors import UserError
from bossline.data import packed, writer
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import FORMAT, HEADER, LeftOut, Source
from bossline.data.packed import Corpus
from bossline.data.writer import writing
from tests.data.packs import flip_bit

DIM = 3
FEATURES = FeatureSpec(kind="other", dim=DIM)
SOURCE = Source(reader="folder", path="/somewhere")


class Made(NamedTuple):
    id: str
    frames: npt.NDArray[Any]
    part: str
    labels: npt.NDArray[np.int16] | None
    speaker: str | None


@st.composite
def utterances(draw: st.DrawFn) -> list[Made]:
    words = st.text("ab1-é", min_size=1)
    names = st.lists(words, min_size=1, max_size=3).map(" / ".join)
    ids = draw(st.lists(names, min_size=1, max_size=8, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    made = []
    for id in ids:
        length = draw(st.integers(1, 5))
        made.append(
            Made(
                id,
                rng.standard_normal((length, DIM)).astype(np.float32),
                draw(st.sampled_from(["train", "test"])),
                rng.integers(0, 2, length).astype(np.int16) if draw(st.booleans()) else None,
                draw(st.sampled_from([None, "anna", "ben"])),
            )
        )
    return made


def write(path: Path, made: list[Made]) -> Corpus:
    with writing(path, features=FEATURES, classes=("a", "b"), source=SOURCE) as output:
        for item in made:
            output.add(
                item.id, item.frames, part=item.part, labels=item.labels, speaker=item.speaker
            )
    return Corpus(path)


def simple(lengths: list[int], scale: float = 1.0) -> list[Made]:
    rng = np.random.default_rng(0)
    return [
        Made(f"u{k}", rng.standard_normal((length, DIM)) * scale, "train", None, None)
        for k, length in enumerate(lengths)
    ]


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=utterances(), shard_bytes=st.sampled_from([1, 40, 1 << 20]))
def test_round_trip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Made], shard_bytes: int
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", shard_bytes)
    corpus = write(tmp_path / "pack", made)
    header = corpus.header
    if shard_bytes == 1:
        assert len(header.shards) == len(made)
    assert corpus.ids == tuple(item.id for item in made)
    assert corpus.lengths.tolist() == [len(item.frames) for item in made]
    labels = [item.labels for item in made if item.labels is not None]
    joined = np.concatenate([np.zeros(0, np.int16), *labels])
    assert header.class_counts == tuple(np.bincount(joined, minlength=2))
    assert header.labelled_frames == len(joined)
    for k, item in enumerate(made):
        stored = corpus.frames(k)
        assert stored.dtype in (np.float16, np.float32)
        np.testing.assert_array_equal(stored, item.frames.astype(stored.dtype))
        expected = [-1] * len(item.frames) if item.labels is None else item.labels.tolist()
        assert corpus.frame_labels(k).tolist() == expected
        assert corpus.labelled[k] == (item.labels is not None)
        assert header.parts[corpus.parts[k]] == item.part
        assert k in corpus.part(item.part)
        speaker = corpus.speakers[k]
        assert (None if speaker < 0 else header.speakers[speaker]) == item.speaker
    corpus.verify()


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    strings=st.lists(st.none() | st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=7),
    shard_bytes=st.sampled_from([1, 40, 1 << 20]),
)
def test_strings_round_trip(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strings: list[list[int] | None],
    shard_bytes: int,
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", shard_bytes)
    with writing(
        tmp_path / "pack", features=FEATURES, classes=(), source=SOURCE, vocabulary="abc"
    ) as output:
        for number, string in enumerate(strings):
            symbols = None if string is None else np.array(string)
            output.add(f"u{number}", np.zeros((2, DIM)), part="train", string=symbols)
    corpus = Corpus(tmp_path / "pack")
    assert corpus.header.vocabulary == ("a", "b", "c")
    assert [corpus.string(u).tolist() for u in range(len(strings))] == [s or [] for s in strings]
    assert corpus.has_string.tolist() == [bool(string) for string in strings]
    assert not corpus.labelled.any()


def test_a_corpus_without_strings_is_written_as_ever(tmp_path: Path) -> None:
    """Else the keys of all packs that are there would change."""
    corpus = write(tmp_path / "pack", simple([2, 3]))
    content = json.loads((tmp_path / "pack" / HEADER).read_text())
    assert sorted(content) == [
        "checksum", "class_counts", "classes", "features", "format", "frames", "labelled_frames",
        "left_out", "note", "parts", "shards", "source", "speakers", "utterances",
    ]  # fmt: skip
    with safe_open(tmp_path / "pack" / corpus.header.shards[0].file, "numpy") as shard:
        assert sorted(shard.keys()) == ["frames", "ids", "labels", "offsets", "parts", "speakers"]
    assert not corpus.has_string.any()
    assert corpus.string(1).tolist() == []


def test_opening_maps_and_does_not_load(tmp_path: Path) -> None:
    frames = write(tmp_path / "pack", simple([4, 5])).frames(1)
    base: Any = frames
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)
    assert not frames.flags.writeable


def test_large_values_are_kept_as_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 60)
    large = [item._replace(id=f"large-{item.id}") for item in simple([4, 1], scale=1e6)]
    made = [*simple([10]), *large]
    corpus = write(tmp_path / "pack", made)
    assert [corpus.frames(k).dtype for k in range(3)] == [np.float16, np.float32, np.float32]
    np.testing.assert_array_equal(corpus.frames(1), made[1].frames.astype(np.float32))


@pytest.mark.parametrize(
    "id", ["", " a", "a ", "a\nb", "a\tb", "a\u2028b", "/a", "../a", "a/../../b", "..", "a\\..\\b"]
)
def test_what_cannot_be_an_id(tmp_path: Path, id: str) -> None:
    with pytest.raises(UserError, match=re.escape(ascii(id))):
        write(tmp_path / "pack", [Made(id, np.zeros((1, DIM)), "train", None, None)])
    assert list(tmp_path.iterdir()) == []


def test_an_id_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 1)
    with pytest.raises(UserError, match="'u0': there is such an id already"):
        write(tmp_path / "pack", simple([2]) * 2)


def test_left_out_is_recorded(tmp_path: Path) -> None:
    with writing(tmp_path / "pack", features=FEATURES, classes="a", source=SOURCE) as output:
        output.add("x", np.zeros((1, DIM)), part="train")
        output.leave_out("y", part="test", why="empty")
    header = Corpus(tmp_path / "pack").header
    assert header.left_out == (LeftOut(id="y", part="test", why="empty"),)
    assert header.parts == ("train", "test")


def test_unknown_part(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no part 'dev'; its parts: train"):
        write(tmp_path / "pack", simple([2])).part("dev")


def test_verify_finds_a_flipped_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 1)
    corpus = write(tmp_path / "pack", simple([4, 5]))
    read: list[int] = []
    corpus.verify(read.append)
    shard = tmp_path / "pack" / corpus.header.shards[1].file
    assert sum(read) > shard.stat().st_size
    flip_bit(shard)
    with pytest.raises(UserError, match=r"damaged since it was written: shard-00001\.safetensors;"):
        Corpus(tmp_path / "pack").verify()


def edit_header(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / HEADER).read_text())
    (folder / HEADER).write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format": FORMAT + 1},
            f"format version {FORMAT + 1}, this bossline reads up to {FORMAT}",
        ),
        ({"note": "other"}, "its checksum does not match"),
        ({"frames": "many"}, "frames: input should be a valid integer"),
        ({"news": 1}, "news: extra inputs are not permitted"),
    ],
)
def test_header(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path / "pack", simple([2]))
    edit_header(tmp_path / "pack", **changes)
    with pytest.raises(UserError, match=message):
        Corpus(tmp_path / "pack")


def test_no_header(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no packed corpus"):
        Corpus(tmp_path)


def test_missing_and_cut_shards(tmp_path: Path) -> None:
    write(tmp_path / "pack", simple([50]))
    shard = tmp_path / "pack" / "shard-00000.safetensors"
    content = shard.read_bytes()
    for kept in (len(content) - 1, 100, 4, 0):
        shard.write_bytes(content[:kept])
        with pytest.raises(UserError, match=r"not a readable shard: .*; import the corpus again"):
            packed.Corpus(tmp_path / "pack")
    shard.unlink()
    with pytest.raises(UserError, match="is missing; import the corpus again"):
        packed.Corpus(tmp_path / "pack")


def test_an_error_leaves_the_old_corpus(tmp_path: Path) -> None:
    write(tmp_path / "pack", simple([2]))
    item = Made("x", np.zeros((1, DIM)), "train", np.zeros((2, 2), np.int16), None)
    with pytest.raises(ValueError, match="object too deep"):
        write(tmp_path / "pack", [*simple([2]), item])
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
    assert Corpus(tmp_path / "pack").ids == ("u0",)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from bossline.data.header import Source
from bossline.data.writer import writing
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
source = Source(reader="folder", path="")
features = FeatureSpec(kind="other", dim=39)
try:
    with writing(Path(sys.argv[1]), features=features, classes="a", source=source) as output:
        output.add("a", np.zeros((1000, 39)), part="train")
except UserError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to run into")
@pytest.mark.parametrize("limit", [0, 100, 50_000])
def test_full_disk(tmp_path: Path, limit: int) -> None:
    pack = tmp_path / "packs" / "pack"
    command = [sys.executable, "-c", FULL_DISK, str(pack), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot write {pack}: ")
    assert "File too large" in done.stderr
    assert done.stderr.endswith("; nothing was changed\n")
    assert list(pack.parent.iterdir()) == []
