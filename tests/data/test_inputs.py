"""What a model is given from a file: sound features, or one line that says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bossline.core.errors import UserError
from bossline.data.features.spec import Features, FeatureSpec, ImageSpec, TableSpec
from bossline.data.inputs import inputs_of, read_input

SPEC = FeatureSpec(kind="other", dim=39)
FRAMES = np.random.default_rng(0).normal(size=(5, 39))
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"


@pytest.mark.parametrize("name", ["a.npy", "a.NPY", "with blanks.pt", "a.PT"])
def test_features_come_as_float32(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix.lower() == ".pt":
        torch.save(torch.from_numpy(FRAMES), path)
    else:
        with path.open("wb") as stream:
            np.save(stream, FRAMES)
    found = read_input(path, SPEC)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, FRAMES.astype(np.float32))


Make = Callable[[Path], object]
WRONG: dict[str, tuple[str, Make, str]] = {
    "missing": ("a.npy", lambda path: None, "no such file"),
    "folder": ("a.pt", os.mkdir, "cannot be read: a folder, expected a regular file"),
    "fifo": ("a.wav", os.mkfifo, "cannot be read: a FIFO, expected a regular file"),
    "device": ("a.npy", lambda path: path.symlink_to("/dev/zero"), "cannot be read: a device"),
    "pointer": ("a.npy", lambda path: path.write_text(POINTER), "cannot be read: a Git LFS"),
    "pointer of a recording": (
        "a.wav",
        lambda path: path.write_text(POINTER),
        "cannot be read: a Git LFS pointer",
    ),
    "page": ("a.pt", lambda path: path.write_text("<html>"), "cannot be read: a web page"),
    "a batch": (
        "a.npy",
        lambda path: np.save(path, FRAMES[None]),
        r"expected \(frames, 39\), found \(1, 5, 39\): a batch of one\? save x\[0\]; the model",
    ),
    "turned": (
        "a.npy",
        lambda path: np.save(path, FRAMES.T),
        r"expected \(frames, 39\), found \(39, 5\): the other way round\? save x\.T; the model",
    ),
    "empty": (
        "a.npy",
        lambda path: np.save(path, FRAMES[:0]),
        r"expected \(frames, 39\), found \(0, 39\)",
    ),
    "one axis": (
        "a.npy",
        lambda path: np.save(path, FRAMES[0]),
        r"expected \(frames, 39\), found \(39,\)",
    ),
    "truth": ("a.npy", lambda path: np.save(path, FRAMES > 0), "holds bool, not numbers"),
    "complex": ("a.npy", lambda path: np.save(path, FRAMES * 1j), "holds complex128, not numbers"),
    "too large": ("a.npy", lambda path: np.save(path, FRAMES * 1e300), "has NaN or infinite"),
    "expanded": (
        "a.pt",
        lambda path: torch.save(torch.ones(1, 39).expand(10**12, 39), path),
        "an expanded view",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_files_are_one_line(tmp_path: Path, kind: str) -> None:
    name, make, why = WRONG[kind]
    make(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}: {why}") as caught:
        read_input(tmp_path / name, SPEC)
    assert "\n" not in str(caught.value)


def test_images_and_rows(tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    Image.new("RGB", (4, 3), "red").save(path)
    np.testing.assert_array_equal(read_input(path, ImageSpec())[0, 0], (255, 0, 0))
    path.write_text(POINTER)
    wrong: list[tuple[Features, str]] = [
        (ImageSpec(), "a Git LFS pointer in place of the file"),
        (TableSpec(columns=("a",), target="b"), "a model of rows takes whole tables"),
    ]
    for spec, why in wrong:
        with pytest.raises(UserError, match=why):
            read_input(path, spec)


@pytest.mark.parametrize("name", ["a\x1b[31m.npy", "b\udcff.npy"])
def test_no_name_of_a_file_steers_a_terminal(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no array")
    spec = FeatureSpec(kind="other", dim=3)
    (one,) = inputs_of(tmp_path, spec, None, 1)
    with pytest.raises(UserError) as caught:
        one.read()
    message = str(caught.value)
    assert message.startswith(one.name)
    assert message.replace("\n", "").isprintable()
