"""The gallery: who is in it, what it is made of, and what is wrong with its file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.speaker.gallery import Enrolment, Gallery, read_gallery, write_vectors


def enrolment(speaker: str, *recordings: str) -> Enrolment:
    return Enrolment(speaker=speaker, recordings=recordings or ("a.npy",), joined=False)


def filled(path: Path) -> Gallery:
    gallery = read_gallery(path, "weights", 2)
    for speaker, vector in (("ann", [1, 0]), ("Ünal", [0, 1])):
        gallery = gallery.enrol(enrolment(speaker), np.array(vector, np.float32))
    gallery.write(path)
    return gallery


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", "cid"]), st.integers(0, 99))))
def test_of_each_name_the_last_is_kept(enrolled: list[tuple[str, int]]) -> None:
    gallery = Gallery("weights", (), np.empty((0, 1), np.float32))
    for speaker, number in enrolled:
        gallery = gallery.enrol(enrolment(speaker), np.array([number], np.float32))
    found = {
        one.speaker: int(vector[0])
        for one, vector in zip(gallery.enrolled, gallery.vectors, strict=True)
    }
    assert found == dict(enrolled)
    assert {s for s in ("ann", "bob", "cid") if gallery.find(s)} == set(dict(enrolled))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    gallery = filled(tmp_path / "gallery.safetensors")
    read = read_gallery(tmp_path / "gallery.safetensors", "weights", 2)
    assert read.enrolled == gallery.enrolled
    assert (read.find("Ünal"), read.find("bob")) == (enrolment("Ünal"), None)
    np.testing.assert_array_equal(read.vectors, gallery.vectors)


def test_no_file_is_an_empty_gallery(tmp_path: Path) -> None:
    assert read_gallery(tmp_path / "gallery.safetensors", "weights", 2).enrolled == ()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    filled(tmp_path / "gallery.safetensors")
    message = r"gallery\.safetensors was made by other weights .*: delete it and enroll"
    with pytest.raises(UserError, match=message):
        read_gallery(tmp_path / "gallery.safetensors", "others", 2)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"gallery": "{"}, {"gallery": '{"weights": "weights", "enrolled": [{"speaker": "ann"}]}'}],
)
def test_metadata_that_does_not_fit_is_damage(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "gallery.safetensors"
    write_vectors(path, np.eye(2, dtype=np.float32), metadata)
    with pytest.raises(
        UserError, match=r"gallery\.safetensors is damaged: its metadata .*: delete it"
    ):
        read_gallery(path, "weights", 2)


def test_vectors_that_do_not_fit_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "gallery.safetensors"
    gallery = filled(path)
    for vectors in (gallery.vectors[:1], gallery.vectors[:, :1], np.full((2, 2), np.nan, "f4")):
        Gallery("weights", gallery.enrolled, vectors).write(path)
        with pytest.raises(UserError, match="is damaged"):
            read_gallery(path, "weights", 2)


@given(at=st.integers(0, 10_000), cut=st.booleans())
def test_a_damaged_file_never_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("gallery") / "gallery.safetensors"
    filled(path)
    content = bytearray(path.read_bytes())
    at %= len(content)
    if cut:
        del content[at:]
    else:
        content[at] ^= 0xFF
    path.write_bytes(content)
    with suppress(UserError):
        read_gallery(path, "weights", 2)
