"""Every bad input is named, all in one message; what is sound is packed once."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bossline.core.errors import UserError
from bossline.data import importing
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.readers import libriphone as libriphone_reader
from bossline.data.store import names, open_corpus

FIRST, ONE_FRAME, LAST = (f"feat/train/{id}.pt" for id in ("1-a-0", "1-a-1", "2-b-0"))


def packs(home: Path) -> list[Path]:
    """Everything in the folder of packs, hidden leftovers too."""
    return sorted((home / "packs").iterdir()) if (home / "packs").exists() else []


def replace_tensor(path: Path, value: Any) -> None:
    torch.save(value, path)


def replace_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


def with_value(value: float) -> torch.Tensor:
    frames = torch.zeros(7, 39)
    frames[2, 5] = value
    return frames


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert re.search(old, text)
    path.write_text(re.sub(old, new, text, count=1))


Damage = Callable[[Path], None]
SINGLE: dict[str, tuple[Damage, str]] = {
    "id in the split without features": (
        lambda path: (path / FIRST).unlink(),
        "train_split.txt line 1: '1-a-0' has no feat/train/1-a-0.pt",
    ),
    "features without labels": (
        lambda path: edit(path / "train_labels.txt", r"^1-a-0 .*\n", ""),
        f"{FIRST}: '1-a-0' has no line in train_labels.txt",
    ),
    "labels without features": (
        lambda path: edit(path / "train_labels.txt", "^", "0-z-0 1 2\n"),
        "train_labels.txt line 1: labels for '0-z-0', which has no feat/train/0-z-0.pt",
    ),
    "label count": (
        lambda path: edit(path / "train_labels.txt", r"^1-a-0 ", "1-a-0 3 "),
        f"{FIRST}: 8 labels for 7 frames",
    ),
    "label outside the classes": (
        lambda path: edit(path / "train_labels.txt", r"^1-a-0 \d+", "1-a-0 41"),
        "train_labels.txt line 1: 1-a-0: label 41 at position 1 is outside 0..40",
    ),
    "negative label": (
        lambda path: edit(path / "train_labels.txt", r"^1-a-0 \d+", "1-a-0 -1"),
        "train_labels.txt line 1: 1-a-0: label -1 at position 1 is outside 0..40",
    ),
    "label no integer": (
        lambda path: edit(path / "train_labels.txt", r"^1-a-0 \d+", "1-a-0 SIL"),
        "train_labels.txt line 1: 1-a-0: 'SIL' at position 1 is not an integer",
    ),
    "NaN": (
        lambda path: replace_tensor(path / FIRST, with_value(float("nan"))),
        f"{FIRST}: NaN at frame 2, column 5",
    ),
    "infinity": (
        lambda path: replace_tensor(path / FIRST, with_value(float("-inf"))),
        f"{FIRST}: infinity at frame 2, column 5",
    ),
    "too large for float32": (
        lambda path: replace_tensor(path / FIRST, with_value(1).double() * 1e300),
        f"{FIRST}: infinity at frame 2, column 5",
    ),
    "wrong width": (
        lambda path: replace_tensor(path / FIRST, torch.zeros(7, 13)),
        f"{FIRST}: 13 numbers per frame, expected 39",
    ),
    "wrong rank": (
        lambda path: replace_tensor(path / FIRST, torch.zeros(7)),
        f"{FIRST}: shape (7,), expected (frames, 39)",
    ),
    "complex numbers": (
        lambda path: replace_tensor(path / FIRST, torch.zeros(7, 39, dtype=torch.complex64)),
        f"{FIRST}: holds complex64, expected numbers",
    ),
    "empty utterance": (
        lambda path: replace_tensor(path / FIRST, torch.zeros(0, 39)),
        f"{FIRST}: empty utterance",
    ),
    "truncated": (
        lambda path: replace_bytes(path / FIRST, (path / FIRST).read_bytes()[:-40]),
        f"{FIRST}: truncated or no torch archive",
    ),
    "flipped bit": (lambda path: flip_bit(path / FIRST), f"{FIRST}: CRC-32 mismatch in data/0"),
    "no torch file": (
        lambda path: replace_bytes(path / FIRST, b"hello"),
        f"{FIRST}: truncated or no torch archive",
    ),
    "a dict": (
        lambda path: replace_tensor(path / FIRST, {"x": torch.zeros(7, 39)}),
        f"{FIRST}: holds a dict, expected one tensor",
    ),
}
WHOLE: dict[str, tuple[Damage, str]] = {
    "id twice": (
        lambda path: edit(path / "train_split.txt", r"\Z", "1-a-0\n"),
        "train_split.txt line 4: '1-a-0' a second time, first in train_split.txt line 1",
    ),
    "id in both parts": (
        lambda path: edit(path / "test_split.txt", "^", "1-a-0\n"),
        "test_split.txt line 1: '1-a-0' is in train_split.txt line 1 as well",
    ),
    "labels twice": (
        lambda path: edit(path / "train_labels.txt", "^", "1-a-0 1\n"),
        "train_labels.txt line 2: '1-a-0' a second time, first in line 1",
    ),
}


def test_sound_set(home: Path, libriphone: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    corpus = import_corpus(libriphone, "lp", progress=lambda *step: seen.append(step))
    assert corpus.ids == ("1-a-0", "1-a-1", "2-b-0", "3-c-0", "3-c-1")
    assert corpus.lengths.tolist() == [7, 1, 12, 5, 4]  # one frame is an utterance
    assert corpus.labelled.tolist() == [True, True, True, False, False]
    assert corpus.header.parts == ("train", "test")
    assert corpus.header.speakers == ("1", "2", "3")
    assert corpus.header.source.reader == "libriphone"
    assert corpus.header.left_out == ()
    for number, source in enumerate((FIRST, ONE_FRAME, LAST)):
        tensor = torch.load(libriphone / source, weights_only=True)
        np.testing.assert_array_equal(corpus.frames(number), tensor.half().numpy())
    assert ("reading", 8, 8) in seen
    assert seen[-1] == ("importing", 5, 5)
    assert names() == ["lp"]
    assert open_corpus("lp").key == corpus.key


@pytest.mark.parametrize("kind", [*SINGLE, *WHOLE])
def test_bad_input_is_named(home: Path, libriphone: Path, kind: str) -> None:
    damage, expected = (SINGLE | WHOLE)[kind]
    damage(libriphone)
    with pytest.raises(UserError) as caught:
        import_corpus(libriphone, "lp")
    head, *lines = str(caught.value).split("\n")
    assert f"  {expected}" in lines
    assert "problem" in head
    assert ("--skip-damaged" in head) == (kind in SINGLE or kind == "labels twice")
    assert packs(home) == []
    assert names() == []


@pytest.mark.parametrize("kind", SINGLE)
def test_single_utterances_can_be_left_out(home: Path, libriphone: Path, kind: str) -> None:
    damage, expected = SINGLE[kind]
    damage(libriphone)
    corpus = import_corpus(libriphone, "lp", skip_damaged=True)
    (left_out,) = corpus.header.left_out
    assert left_out.part == "train"
    assert left_out.why == expected
    assert left_out.id not in corpus.ids
    assert corpus.ids[-4:] == ("1-a-1", "2-b-0", "3-c-0", "3-c-1")


@pytest.mark.parametrize("kind", WHOLE)
def test_the_set_itself_cannot_be_left_out(home: Path, libriphone: Path, kind: str) -> None:
    damage, expected = WHOLE[kind]
    damage(libriphone)
    replace_tensor(libriphone / LAST, torch.zeros(0, 39))
    with pytest.raises(UserError) as caught:
        import_corpus(libriphone, "lp", skip_damaged=True)
    head, *lines = str(caught.value).split("\n")
    assert "leaves out single utterances only" in head
    assert lines == [f"  {expected}"]
    assert packs(home) == []


def test_all_problems_in_one_message(home: Path, libriphone: Path) -> None:
    flip_bit(libriphone / FIRST)
    replace_tensor(libriphone / ONE_FRAME, torch.full((2, 38), torch.nan))
    edit(libriphone / "train_labels.txt", "2-b-0", "2-b-0 x")
    replace_tensor(libriphone / LAST, torch.zeros(0, 39))
    with pytest.raises(UserError) as caught:
        import_corpus(libriphone, "lp")
    assert str(caught.value).split("\n") == [
        f"6 problems in {libriphone}: mend them, or leave the damaged utterances out with "
        "--skip-damaged",
        "  train_labels.txt line 3: 2-b-0: 'x' at position 1 is not an integer",
        f"  {LAST}: empty utterance",
        f"  {FIRST}: CRC-32 mismatch in data/0",
        f"  {ONE_FRAME}: 38 numbers per frame, expected 39",
        f"  {ONE_FRAME}: NaN at frame 0, column 0",
        f"  {ONE_FRAME}: 1 labels for 2 frames",
    ]


def test_many_problems_are_counted(home: Path, libriphone: Path) -> None:
    edit(libriphone / "train_split.txt", r"\Z", "".join(f"9-{k}-0\n" for k in range(30)))
    with pytest.raises(UserError) as caught:
        import_corpus(libriphone, "lp")
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("30 problems in ")
    assert len(lines) == 22
    assert lines[-1] == "  and 10 more"


def test_a_pickle_is_named_and_not_run(home: Path, libriphone: Path, payload: Any) -> None:
    replace_tensor(libriphone / FIRST, payload)
    with pytest.raises(UserError, match=f"{FIRST}: holds a pickle that is not a tensor; it was"):
        import_corpus(libriphone, "lp")
    assert not payload.target.exists()


def test_nothing_left(home: Path, libriphone: Path) -> None:
    for file in (libriphone / "feat").rglob("*.pt"):
        file.write_bytes(b"")
    with pytest.raises(UserError, match="no utterance is left to import"):
        import_corpus(libriphone, "lp", skip_damaged=True)
    assert packs(home) == []


def test_wrong_paths_and_names(home: Path, libriphone: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        import_corpus(tmp_path / "nowhere", "lp")
    with pytest.raises(UserError, match=r"train_split\.txt: a file, expected a folder"):
        import_corpus(libriphone / "train_split.txt", "lp")
    with pytest.raises(UserError, match="no layout 'libriphon': did you mean 'libriphone'"):
        import_corpus(libriphone, "lp", reader="libriphon")
    with pytest.raises(UserError, match=r"lacks train_11\.npy, train_label_11\.npy"):
        import_corpus(libriphone, "lp", reader="timit11")
    with pytest.raises(UserError, match="corpus name 'a b'"):
        import_corpus(libriphone, "a b")
    with pytest.raises(UserError, match=r"but .*libriphone has: import that folder"):
        import_corpus(tmp_path, "lp")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"(?s)no known layout.*\n  folder: .*\n  libriphone: "):
        import_corpus(tmp_path / "empty", "lp")
    (libriphone / "labels.txt").touch()
    with pytest.raises(UserError, match="layouts folder and libriphone: choose one with --as"):
        import_corpus(libriphone, "lp")
    assert len(import_corpus(libriphone, "lp", reader="libriphone")) == 5


def forbidden(*_: object) -> Any:
    raise AssertionError("read again")


def test_the_second_import_reads_no_tensor(
    home: Path, libriphone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = import_corpus(libriphone, "lp")
    monkeypatch.setattr(libriphone_reader, "read_tensor", forbidden)
    monkeypatch.setattr(libriphone_reader.LibriPhone, "scan", forbidden)
    moved = shutil.copytree(libriphone, tmp_path / "elsewhere")
    second = import_corpus(moved, "other")
    assert second.path == first.path
    assert names() == ["lp", "other"]
    with pytest.raises(AssertionError, match="read again"):
        import_corpus(libriphone, "lp", fresh=True)


def test_a_damaged_pack_is_made_anew(home: Path, libriphone: Path) -> None:
    corpus = import_corpus(libriphone, "lp")
    (corpus.path / corpus.header.shards[0].file).unlink()
    with pytest.raises(UserError):
        Corpus(corpus.path)
    import_corpus(libriphone, "lp").verify()


def test_changed_content_or_options_make_another_pack(home: Path, libriphone: Path) -> None:
    made = {import_corpus(libriphone, "lp").path}
    made.add(import_corpus(libriphone, "lp", skip_damaged=True).path)
    noted = import_corpus(libriphone, "lp", note="labels made anew")
    assert noted.header.note == "labels made anew"
    made.add(noted.path)
    edit(libriphone / "train_labels.txt", r"1-a-1 \d+", "1-a-1 40")
    made.add(import_corpus(libriphone, "lp").path)
    replace_tensor(libriphone / FIRST, torch.ones(7, 39))
    made.add(import_corpus(libriphone, "lp").path)
    assert sorted(made) == packs(home)
    assert len(made) == 5
    assert open_corpus("lp").frames(0).tolist() == np.ones((7, 39)).tolist()


def test_deltas_over_time(home: Path, libriphone: Path, tmp_path: Path) -> None:
    from bossline.data.features.deltas import rebuild_time_deltas

    kept = import_corpus(libriphone, "kept")
    rebuilt = import_corpus(libriphone, "rebuilt", deltas="time")
    assert kept.header.features.model_dump()["deltas"] == "coefficient"
    assert rebuilt.header.features.model_dump()["deltas"] == "time"
    frames = torch.load(libriphone / LAST, weights_only=True).numpy()
    expected = rebuild_time_deltas(frames).astype(np.float16)
    np.testing.assert_array_equal(rebuilt.frames(2), expected)

    (tmp_path / "mine").mkdir()
    np.save(tmp_path / "mine" / "a.npy", np.ones((1, 39)))
    (tmp_path / "mine" / "labels.txt").write_text("a 0\n")
    with pytest.raises(UserError, match="deltas over time can be rebuilt only for 39 MFCC"):
        import_corpus(tmp_path / "mine", "mine", deltas="time")


def test_raw_features_of_any_number_type(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    np.save(folder / "a.npy", np.full((2, 3), 70_000))
    np.save(folder / "b.npy", np.ones((1, 3), np.uint8))
    (folder / "labels.txt").write_text("a 0 1\n")
    corpus = import_corpus(folder, "mine")
    assert corpus.frames(0).dtype == np.float32
    assert corpus.frames(0).tolist() == [[70_000.0] * 3] * 2
    assert corpus.labelled.tolist() == [True, False]


@pytest.mark.parametrize("stage", ["reading", "importing"])
def test_ctrl_c_leaves_nothing_behind(
    home: Path, libriphone: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_AHEAD", 2)

    def interrupt(what: str, done: int, total: int) -> None:
        if what == stage and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_corpus(libriphone, "lp", progress=interrupt)
    assert packs(home) == []
    assert names() == []


def test_a_small_view_does_not_keep_its_storage(
    home: Path, libriphone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.save of a slice stores the whole tensor behind it; the corpus holds the slice."""
    big = torch.arange(1000 * 39.0).reshape(1000, 39)
    replace_tensor(libriphone / FIRST, big[10:17])
    stored = io.BytesIO()
    torch.save(big, stored)
    assert (libriphone / FIRST).stat().st_size >= len(stored.getvalue()) - 1000
    corpus = import_corpus(libriphone, "lp")
    np.testing.assert_array_equal(corpus.frames(0), big[10:17].half().numpy())


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"<html>"])
def test_a_placeholder_among_the_features_can_be_left_out(libriphone: Path, content: bytes) -> None:
    (libriphone / "feat" / "train" / "1-a-0.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"1-a-0\.pt: .* in place of the file"):
        import_corpus(libriphone, "lp")
    corpus = import_corpus(libriphone, "lp", skip_damaged=True)
    assert [left.id for left in corpus.header.left_out] == ["1-a-0"]


def test_lists_that_memory_cannot_take_apart(
    home: Path, libriphone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(self: object, path: Path) -> None:
        raise MemoryError

    monkeypatch.setattr(libriphone_reader.LibriPhone, "scan", scan)
    with (libriphone / "train_labels.txt").open("a") as stream:
        stream.write("\n" * 100_000)
    with pytest.raises(UserError, match=r"not enough memory .* train_labels\.txt, 100,\d+ bytes"):
        import_corpus(libriphone, "toy")
    assert not packs(home)
