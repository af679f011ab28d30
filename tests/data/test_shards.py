"""Whatever a shard or a header holds that cannot be is named when the pack is opened."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from tests.data.packs import (
    KINDS,
    SHARD,
    replace_tensors,
    sign,
    sign_shard,
    write_kind,
    write_strings,
)

REQUIRED = {
    "speech": ("frames", "labels", "offsets", "parts", "speakers", "ids"),
    "image": ("frames", "categories", "shapes", "offsets", "parts", "speakers", "ids"),
    "table": ("frames", "targets", "offsets", "parts", "speakers", "ids"),
    "strings": ("symbols", "string_offsets"),
}
TENSORS = [(kind, name) for kind, names in REQUIRED.items() for name in names]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for kind in KINDS:
        write_kind(folder / kind, kind)
    write_strings(folder / "strings")
    return folder


def open_all(folder: Path) -> Corpus:
    """Open a pack, and look at its labels and strings too."""
    corpus = Corpus(folder)
    assert len(corpus.labelled) == len(corpus)
    for number in range(len(corpus)):
        assert bool(len(corpus.string(number))) == corpus.has_string[number]
    return corpus


def refused(folder: Path, *words: str) -> None:
    """The pack gives one line with all of these words."""
    with pytest.raises(UserError) as caught:
        open_all(folder)
    message = str(caught.value)
    for word in (str(folder), "import the corpus again", *words):
        assert word in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_ones_open(sound: Path, kind: str) -> None:
    corpus = Corpus(sound / kind)
    corpus.verify()
    assert corpus.labelled.tolist() == [True, True, True, False]


@pytest.mark.parametrize(("kind", "name"), TENSORS)
def test_a_missing_tensor(sound: Path, tmp_path: Path, kind: str, name: str) -> None:
    folder = shutil.copytree(sound / kind, tmp_path / "pack")
    replace_tensors(folder, **{name: None})
    refused(folder, SHARD, f"it lacks the tensor {name}")


@pytest.mark.parametrize(("kind", "name"), TENSORS)
@pytest.mark.parametrize("change", ["dtype", "shorter", "longer", "another axis", "empty"])
def test_a_tensor_of_another_form(
    sound: Path, tmp_path: Path, kind: str, name: str, change: str
) -> None:
    folder = shutil.copytree(sound / kind, tmp_path / "pack")
    found = load_file(folder / SHARD)[name]
    others: dict[str, Any] = {
        "dtype": np.zeros(found.shape, np.int32 if found.dtype != np.int32 else np.float64),
        "shorter": found[:-1],
        "longer": np.concatenate([found, found[:1]]),
        "another axis": found[..., None],
        "empty": found[:0],
    }
    replace_tensors(folder, **{name: others[change]})
    what = "string_offsets" if name == "symbols" and change not in SEEN_ALONE else name
    refused(folder, SHARD, f"{what}: expected ")


SEEN_ALONE = ("dtype", "another axis")  # any number of symbols is well until offsets end elsewhere


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "offsets from 1": ("speech", {"offsets": [1, 2, 5, 9, 14]}, "offsets: expected to grow"),
    "offsets to less": ("speech", {"offsets": [0, 2, 5, 9, 13]}, "offsets: expected to grow"),
    "offsets to more": ("speech", {"offsets": [0, 2, 5, 9, 15]}, "offsets: expected 0..14"),
    "falling offsets": ("speech", {"offsets": [0, 5, 2, 9, 14]}, "offsets: expected to grow"),
    "an empty utterance": ("speech", {"offsets": [0, 5, 5, 9, 14]}, "offsets: expected to grow"),
    "a negative offset": ("speech", {"offsets": [0, -5, 5, 9, 14]}, "offsets: expected 0..14"),
    "offsets that wrap around": (
        "speech",
        {"offsets": [0, 1 << 62, (1 << 63) - 1, -(1 << 62), 14]},
        "offsets: expected 0..14",
    ),
    "part": ("speech", {"parts": np.array([0, 0, 0, 2], np.uint8)}, "parts: expected 0..1"),
    "speaker": ("speech", {"speakers": np.array([0, 1, 0, 0], np.int32)}, "expected -1..0"),
    "negative speaker": ("speech", {"speakers": np.array([0, -2, 0, 0], np.int32)}, "found -2..0"),
    "label": ("speech", {"labels": np.array([2] * 9 + [-1] * 5, np.int16)}, "other labels than"),
    "negative label": (
        "speech",
        {"labels": np.array([-2] * 9 + [-1] * 5, np.int16)},
        "other labels than",
    ),
    "labels of others": (
        "speech",
        {"labels": np.array([0] * 9 + [-1] * 5, np.int16)},
        "other labels than corpus.json counts",
    ),
    "category": ("image", {"categories": np.array([0, 1, 2, -1], np.int16)}, "expected -1..1"),
    "categories of others": (
        "image",
        {"categories": np.array([1, 1, 1, -1], np.int16)},
        "other labels than",
    ),
    "shapes": ("image", {"shapes": np.array([[1, 2], [2, 2], [3, 2], [2, 3]], np.int32)}, "shapes"),
    "negative shapes": (
        "image",
        {"shapes": np.array([[-1, -2], [2, 2], [3, 2], [4, 2]], np.int32)},
        "shapes",
    ),
    "shapes that wrap around": (
        "image",
        {"shapes": np.array([[1 << 30, 1 << 30], [2, 2], [3, 2], [4, 2]], np.int32)},
        "shapes",
    ),
    "symbol 0": (
        "strings",
        {"symbols": np.array([1, 0, 1, 3, 2, 2], np.int16)},
        "vocabulary, 1..3",
    ),
    "symbol 4": (
        "strings",
        {"symbols": np.array([1, 2, 1, 4, 2, 2], np.int16)},
        "vocabulary, 1..3",
    ),
    "string offsets from 1": (
        "strings",
        {"string_offsets": [1, 3, 3, 4, 6]},
        "string_offsets: exp",
    ),
    "string offsets to less": (
        "strings",
        {"string_offsets": [0, 3, 3, 4, 5]},
        "string_offsets: exp",
    ),
    "string offsets to more": ("strings", {"string_offsets": [0, 3, 3, 4, 7]}, "expected 0..6"),
    "falling string offsets": (
        "strings",
        {"string_offsets": [0, 4, 3, 4, 6]},
        "string_offsets: exp",
    ),
    "string offsets that wrap around": (
        "strings",
        {"string_offsets": [0, (1 << 63) - 1, -(1 << 63), 4, 6]},
        "string_offsets: expected 0..6",
    ),
    "infinite target": ("table", {"targets": np.array([0, np.inf, 1, np.nan])}, "targets"),
    "no UTF-8": ("speech", {"ids": np.frombuffer(b"a\n\xff\nb\nc\n", np.uint8)}, "UTF-8"),
    "one id fewer": ("speech", {"ids": np.frombuffer(b"a\nb\nc\n", np.uint8)}, "found 3"),
    "one id more": ("speech", {"ids": np.frombuffer(b"a\nb\nc\nd\ne\n", np.uint8)}, "found 5"),
    "no line end": ("speech", {"ids": np.frombuffer(b"a\nb\nc\nd", np.uint8)}, "ids: expected"),
    "an id twice": ("speech", {"ids": np.frombuffer(b"a\nb\na\nd\n", np.uint8)}, "a comes twice"),
    "an empty id": ("speech", {"ids": np.frombuffer(b"a\n\nc\nd\n", np.uint8)}, "an empty id"),
    "an id that leads out": (
        "speech",
        {"ids": np.frombuffer(b"a\n../../b\nc\nd\n", np.uint8)},
        "leads out",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_numbers_that_cannot_be(sound: Path, tmp_path: Path, case: str) -> None:
    kind, changes, words = WRONG[case]
    folder = shutil.copytree(sound / kind, tmp_path / "pack")
    replace_tensors(folder, **changes)
    refused(folder, words)


def test_labels_in_the_place_of_others(sound: Path, tmp_path: Path) -> None:
    """As many of each class as the header counts, but each of them a frame too late."""
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    labels = load_file(folder / SHARD)["labels"]
    assert (labels[0], labels[-1]) != (-1, labels[0])
    replace_tensors(folder, labels=np.roll(labels, 1))
    refused(folder, "only a part of i0 has labels")


FORMS: dict[str, Callable[[dict[str, Any], int], object]] = {
    "a list": lambda listed, size: [listed],
    "a number": lambda listed, size: 5,
    "a tensor that is a number": lambda listed, size: {**listed, "x": 1},
    "unknown type": lambda listed, size: {**listed, "x": {**listed["parts"], "dtype": "BF16"}},
    "beyond the end": lambda listed, size: moved(listed, size, size + 4),
    "before the start": lambda listed, size: moved(listed, -4, 0),
    "backwards": lambda listed, size: moved(listed, 8, 4),
    "other tensor's place": lambda listed, size: moved(listed, 0, 4),
    "huge": lambda listed, size: moved(listed, 0, 10**30),
    "words": lambda listed, size: moved(listed, "0", "4"),
    "three offsets": lambda listed, size: moved(listed, 0, 4, 8),
    "shape that does not fit": lambda listed, size: {
        **listed,
        "parts": {**listed["parts"], "shape": [5]},
    },
    "negative shape": lambda listed, size: {
        **listed,
        "parts": {**listed["parts"], "shape": [-2, -2]},
    },
}


def moved(listed: dict[str, Any], *offsets: object) -> dict[str, Any]:
    return {**listed, "parts": {**listed["parts"], "data_offsets": offsets}}


def take_apart(shard: Path) -> tuple[dict[str, Any], bytes]:
    content = shard.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


@pytest.mark.parametrize("case", FORMS)
def test_a_list_of_tensors_of_another_form(sound: Path, tmp_path: Path, case: str) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    listed, numbers = take_apart(folder / SHARD)
    head = json.dumps(FORMS[case](listed, len(numbers))).encode()
    (folder / SHARD).write_bytes(struct.pack("<Q", len(head)) + head + numbers)
    sign_shard(folder)
    refused(folder, f"{SHARD}: not a readable shard: ")


@pytest.mark.parametrize("length", [0, 1, 5, 10_000, 1 << 40, (1 << 64) - 1])
def test_a_length_of_the_list_that_cannot_be(sound: Path, tmp_path: Path, length: int) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    content = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(struct.pack("<Q", length) + content[8:])
    sign_shard(folder)
    refused(folder, f"{SHARD}: not a readable shard: its header")


def test_a_deeply_nested_list(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    head = b"[" * 100_000
    (folder / SHARD).write_bytes(struct.pack("<Q", len(head)) + head)
    sign_shard(folder)
    refused(folder, "its header is no JSON")


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")


def as_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><title>Sign in</title>")


@pytest.mark.parametrize("file", [SHARD, "corpus.json"])
@pytest.mark.parametrize(
    ("replace", "words"),
    [
        (as_folder, "a folder, expected a regular file"),
        (as_fifo, "a FIFO, expected a regular file"),
        (as_pointer, "git lfs pull"),
        (as_page, "a web page"),
        (lambda path: path.write_bytes(b""), "not "),
        (lambda path: path.write_bytes(b"\xff\xfe\x00\x01 none"), "not "),
    ],
)
def test_what_is_no_file_of_a_pack(
    sound: Path, tmp_path: Path, file: str, replace: Callable[[Path], object], words: str
) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    replace(folder / file)
    refused(folder, file, words)


def shard_of(**changes: Any) -> dict[str, Any]:
    listed = {"file": SHARD, "utterances": 4, "frames": 14, "sha256": "0" * 64}
    return {"shards": [{**listed, **changes}]}


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "no shards": ({"shards": []}, "shards: "),
    "negative utterances": ({**shard_of(utterances=-4), "utterances": -4}, "utterances: "),
    "utterances that do not add up": ({"utterances": 5}, "utterances: expected 4, found 5"),
    "frames that do not add up": ({"frames": 15}, "frames: expected 14, found 15"),
    "10^12 utterances": ({**shard_of(utterances=10**12), "utterances": 10**12}, "offsets: "),
    "10^30 frames": ({**shard_of(frames=10**30), "frames": 10**30}, "frames: "),
    "fewer frames": ({**shard_of(frames=13), "frames": 13}, "frames: expected"),
    "a shard elsewhere": (shard_of(file="../pack/" + SHARD), "shards.0.file"),
    "a shard twice": (
        {"shards": shard_of()["shards"] * 2, "utterances": 8, "frames": 28},
        "a file comes twice",
    ),
    "a part twice": ({"parts": ["train", "train"]}, "parts: one comes twice"),
    "counts of other classes": ({"class_counts": [9]}, "class_counts: expected 2, found 1"),
    "labels that do not add up": ({"labelled_frames": 8}, "labelled_frames: "),
    "text for a list": ({"speakers": "ann"}, "speakers: "),
    "another kind of features": ({"features": {"kind": "table"}}, "features.table"),
    "format 0": ({"format": 0}, "format: "),
    "strings that the shard lacks": ({"vocabulary": ["t"]}, "it lacks the tensor symbols"),
    "a symbol twice": ({"vocabulary": ["t", "t"]}, "vocabulary: one comes twice"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_promises_what_is_not_there(sound: Path, tmp_path: Path, case: str) -> None:
    changes, words = HEADERS[case]
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    sign(folder, **changes)
    refused(folder, words)


def test_images_have_no_strings(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound / "image", tmp_path / "pack")
    sign(folder, vocabulary=["t"])
    refused(folder, "only utterances have strings")


@pytest.mark.parametrize("text", ["null", "5", '"a"', "[]", "{}", "[" * 100_000, "{", "NaN"])
def test_a_header_of_other_json(sound: Path, tmp_path: Path, text: str) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    (folder / "corpus.json").write_text(text)
    refused(folder, "corpus.json")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from([*KINDS, "strings"]))
def test_flipped_bytes_open_or_are_named(
    sound: Path, tmp_path: Path, data: st.DataObject, kind: str
) -> None:
    """Whatever the damage: an error of ours, or numbers of the promised form."""
    folder = tmp_path / "pack"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound / kind, folder)
    content = bytearray((folder / SHARD).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    (folder / SHARD).write_bytes(content)
    sign_shard(folder)
    try:
        corpus = open_all(folder)
    except UserError:
        return
    for number in range(len(corpus)):
        assert corpus.frames(number).shape == (corpus.lengths[number], corpus.dim)


@pytest.mark.parametrize("left", [0, 100])
def test_a_file_that_is_cut_while_it_is_open(sound: Path, tmp_path: Path, left: int) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    corpus = Corpus(folder)
    corpus.check_sizes()
    os.truncate(folder / SHARD, left)
    for look in (corpus.check_sizes, lambda: corpus.frames(0)):
        with pytest.raises(UserError, match=rf"{SHARD}: cut to {left} of [\d,]+ bytes while"):
            look()


def test_a_pack_that_is_replaced_stays_open(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound / "speech", tmp_path / "pack")
    corpus = Corpus(folder)
    before = corpus.frames(1).copy()
    write_kind(folder, "table")
    corpus.check_sizes()
    np.testing.assert_array_equal(corpus.frames(1), before)
