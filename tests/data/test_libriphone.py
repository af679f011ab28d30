"""The LibriPhone layout, sound and unsound."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.phones import LIBRIPHONE
from bossline.data.readers import choose_reader
from bossline.data.readers.libriphone import LibriPhone

READER = LibriPhone()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_sound_set(libriphone: Path) -> None:
    assert isinstance(choose_reader(libriphone), LibriPhone)
    listing = READER.scan(libriphone)
    assert listing.problems == []
    assert listing.classes == LIBRIPHONE
    assert listing.features.model_dump()["deltas"] == "coefficient"
    assert [(u.id, u.part, u.speaker) for u in listing.items] == [
        ("1-a-0", "train", "1"),
        ("1-a-1", "train", "1"),
        ("2-b-0", "train", "2"),
        ("3-c-0", "test", "3"),
        ("3-c-1", "test", "3"),
    ]
    for utterance in listing.items:
        frames = utterance.load()
        assert frames.shape[1] == 39
        assert (utterance.labels is None) == (utterance.part == "test")
        if isinstance(utterance.labels, np.ndarray):
            assert len(utterance.labels) == len(frames)
    names = {path.relative_to(libriphone).as_posix() for path in READER.files(libriphone)}
    assert names == {
        "train_split.txt",
        "test_split.txt",
        "train_labels.txt",
        *(utterance.source for utterance in listing.items),
    }


def test_published_quirks(libriphone: Path) -> None:
    """Empty last lines, white space behind ids, CRLF."""
    split = libriphone / "train_split.txt"
    split.write_bytes(split.read_bytes().replace(b"\n", b" \r\n") + b"\r\n\n")
    assert READER.scan(libriphone).problems == []


def test_test_part_is_optional(libriphone: Path) -> None:
    (libriphone / "test_split.txt").unlink()
    shutil.rmtree(libriphone / "feat" / "test")
    assert {u.part for u in READER.scan(libriphone).items} == {"train"}


def test_phones_name_the_classes(libriphone: Path) -> None:
    phones = libriphone / "phones.txt"
    phones.write_text("".join(f"{k} p{k}\n" for k in range(50)))
    assert READER.scan(libriphone).classes == tuple(f"p{k}" for k in range(50))
    for text in ("0 a\n2 b\n", "0 a\n1 a\n", "0\n", "", "1 b\n0 a\n"):
        phones.write_text(text)
        with pytest.raises(UserError, match=r"phones\.txt: expected"):
            READER.scan(libriphone)


def test_missing_pieces_are_named_at_once(libriphone: Path) -> None:
    (libriphone / "train_labels.txt").unlink()
    shutil.rmtree(libriphone / "feat" / "test")
    with pytest.raises(UserError, match=r"lacks train_labels\.txt, feat/test$"):
        READER.scan(libriphone)


def test_problems(libriphone: Path) -> None:
    append(libriphone / "train_split.txt", "9-x-0\n1-a-0\n8-x-0\ntwo words\n")
    append(libriphone / "test_split.txt", "2-b-0\n")
    append(libriphone / "train_labels.txt", "7-x-0 1 2\n2-b-0 1\n6-x-0 x\n")
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone / "feat/train/8-x-0.pt")
    # Labelled and there, only not in the split: one that was cut short looks like this.
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone / "feat/train/6-x-0.pt")
    found = {str(problem): problem.id for problem in READER.scan(libriphone).problems}
    assert found == {
        "train_labels.txt line 6: '2-b-0' a second time, first in line 3": "",
        "train_split.txt line 5: '1-a-0' a second time, first in train_split.txt line 1": "",
        "train_split.txt line 7: expected 'id', found 2 words": "",
        "train_split.txt: no line for 1 of the files in feat/train: '6-x-0'; is it cut short? add "
        "their lines, or take the files away": "",
        "train_split.txt line 4: '9-x-0' has no feat/train/9-x-0.pt": "9-x-0",
        "feat/train/8-x-0.pt: '8-x-0' has no line in train_labels.txt": "8-x-0",
        "test_split.txt line 3: '2-b-0' is in train_split.txt line 3 as well": "",
        "train_labels.txt line 5: labels for '7-x-0', which has no feat/train/7-x-0.pt": "7-x-0",
    }


@pytest.mark.parametrize("file", ["train_split.txt", "test_split.txt", "train_labels.txt"])
def test_a_list_cut_short_anywhere_is_noticed(libriphone: Path, file: str) -> None:
    whole = (libriphone / file).read_bytes()
    sound = len(whole.rstrip())
    for length in range(sound):
        (libriphone / file).write_bytes(whole[:length])
        problems = READER.scan(libriphone).problems
        if file == "train_labels.txt" and problems == []:  # within a line: its count is wrong
            last = [item for item in READER.scan(libriphone).items if item.labels is not None][-1]
            assert isinstance(last.labels, np.ndarray)
            if len(last.labels) == len(last.load()):
                assert whole[length - 1 : length + 1].isdigit(), "one digit of two is left"
        else:
            assert problems


def test_an_empty_list_names_the_files_that_it_lacks(libriphone: Path) -> None:
    (libriphone / "train_split.txt").write_text("")
    assert str(READER.scan(libriphone).problems[0]) == (
        "train_split.txt: no line for 3 of the files in feat/train: '1-a-0', '1-a-1', '2-b-0'; "
        "is it cut short? add their lines, or take the files away"
    )


def test_a_line_cut_short_is_called_so(libriphone: Path) -> None:
    (libriphone / "train_split.txt").write_text("1-a-0\n1-a-1\n2-b")
    (libriphone / "train_labels.txt").write_text("1-a-0 1\n1-a-1 1\n2-b-0 1\n2-")
    end = ": the file's last line has no end, is it cut short?"
    found = [str(problem) for problem in READER.scan(libriphone).problems]
    assert f"train_split.txt line 3: '2-b' has no feat/train/2-b.pt{end}" in found
    wanted = f"train_labels.txt line 4: labels for '2-', which has no feat/train/2-.pt{end}"
    assert wanted in found


IRREGULAR: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (os.mkdir, "a folder, expected a regular file"),
    "fifo": (os.mkfifo, "a FIFO, expected a regular file"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    "loop": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device, expected a regular file"),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
        "a Git LFS pointer in place of the file",
    ),
}


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize(
    "file", ["train_split.txt", "test_split.txt", "train_labels.txt", "phones.txt"]
)
def test_what_is_no_file_does_not_count_as_absent(libriphone: Path, file: str, kind: str) -> None:
    make, why = IRREGULAR[kind]
    (libriphone / file).unlink(missing_ok=True)
    make(libriphone / file)
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=f"{file}: cannot be read: {why}"):
            act(libriphone)
    assert isinstance(choose_reader(libriphone), LibriPhone)


@pytest.mark.parametrize("kind", sorted(IRREGULAR.keys() - {"pointer"}))
def test_a_feature_file_that_is_none_is_a_single_problem(libriphone: Path, kind: str) -> None:
    make, why = IRREGULAR[kind]
    (libriphone / "feat/train/1-a-0.pt").unlink()
    make(libriphone / "feat/train/1-a-0.pt")
    corpus = import_corpus(libriphone, "lp", skip_damaged=True)
    (left_out,) = corpus.header.left_out
    assert left_out.id == "1-a-0"
    assert why in left_out.why


@pytest.mark.parametrize("id", ["../../../outside", "sub/x", "/etc/x", "a\x1b[2J", "\x00" * 9000])
def test_ids_stay_within_their_folder(libriphone: Path, id: str) -> None:
    (libriphone / "feat/train/sub").mkdir()
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone / "feat/train/sub/x.pt")
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone.parent / "outside.pt")
    append(libriphone / "train_split.txt", f"{id}\n")
    append(libriphone / "train_labels.txt", f"{id} 1 2 3 4 5 6 7\n")
    listing = READER.scan(libriphone)
    assert len(listing.items) == 5
    assert {problem.id for problem in listing.problems} <= {"", id}
    assert any(str(problem).startswith("train_split.txt line 4: '") for problem in listing.problems)
    for problem in listing.problems:
        assert str(problem).isprintable()
        assert len(str(problem)) < 600


def test_what_is_passed_over_is_told(libriphone: Path) -> None:
    assert READER.scan(libriphone).passed_over == []
    for name in ("train/a.PT", "train/b.npy", "train/c.npy", "test/sub/x.pt", "test/.DS_Store"):
        (libriphone / "feat" / name).parent.mkdir(exist_ok=True)
        (libriphone / "feat" / name).touch()
    assert READER.scan(libriphone).passed_over == [
        "1 .pt file in feat/test/sub/",
        "1 .PT file in feat/train/",
        "2 .npy files in feat/train/",
    ]
    (libriphone / "test_split.txt").unlink()
    listing = READER.scan(libriphone)
    assert listing.problems == []
    assert listing.passed_over[0] == "2 .pt files in feat/test/"


def test_names_that_are_not_utf8(libriphone: Path) -> None:
    stray = libriphone / "feat/train/\udcff.pt"
    shutil.copy(libriphone / "feat/train/1-a-0.pt", stray)
    with pytest.raises(UserError) as caught:
        import_corpus(libriphone, "lp")
    assert r"no line for 1 of the files in feat/train: '\udcff'" in str(caught.value)


def test_text_that_is_not_utf8_is_named_with_its_line(libriphone: Path) -> None:
    for file in ("train_split.txt", "train_labels.txt"):
        content = (libriphone / file).read_bytes()
        (libriphone / file).write_bytes(content.replace(b"1-a-1", b"1-\xff-1"))
        with pytest.raises(UserError, match=rf"{file} line 2: not UTF-8 text"):
            READER.scan(libriphone)
        (libriphone / file).write_bytes(content)
