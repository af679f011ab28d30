"""The speaker set: what goes in comes out, under its mapping's numbers, and damage is named."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bossline.cli import app
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.base import Problem
from bossline.data.readers.speaker import Speaker, _speakers
from bossline.data.splits import SplitConfig, split_corpus
from bossline.data.writer import writing

READER = Speaker()
N_MELS = 5
DEEP = "[" * 400 + "]" * 400

# The mapping is in no order, "mute" has no utterance, and "absent" no list of any.
NUMBERS = {"zoe": 0, "absent": 3, "mute": 1, "amy": 2}
TRAIN = {"amy": {"uttr-a0.pt": 4, "uttr-a1.pt": 1}, "mute": {}, "zoe": {"uttr-z0.pt": 7}}
TEST = {"uttr-t0.pt": 3, "uttr-t1.pt": 2}
FIRST, WHERE = "uttr-a0.pt", "metadata.json speakers.amy[0]"


def entries(lengths: dict[str, int]) -> list[dict[str, Any]]:
    return [{"feature_path": name, "mel_len": length} for name, length in lengths.items()]


def inverted(numbers: dict[str, int]) -> dict[str, str]:
    return {str(number): speaker for speaker, number in numbers.items()}


@pytest.fixture
def frames() -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    lengths = {name: length for listed in TRAIN.values() for name, length in listed.items()} | TEST
    return {name: rng.normal(size=(T, N_MELS)).astype(np.float32) for name, T in lengths.items()}


@pytest.fixture
def folder(tmp_path: Path, frames: dict[str, np.ndarray[Any, Any]]) -> Path:
    path = tmp_path / "course" / "Dataset"
    path.mkdir(parents=True)
    train = {speaker: entries(listed) for speaker, listed in TRAIN.items()}
    documents = {
        "metadata.json": {"n_mels": N_MELS, "speakers": train},
        "testdata.json": {"n_mels": N_MELS, "utterances": entries(TEST)},
        "mapping.json": {"speaker2id": NUMBERS, "id2speaker": inverted(NUMBERS)},
    }
    for name, document in documents.items():
        (path / name).write_text(json.dumps(document))
    for name, array in frames.items():
        torch.save(torch.from_numpy(array), path / name)
    return path


def changed(folder: Path, file: str, change: Callable[[Any], object]) -> None:
    document = json.loads((folder / file).read_text())
    change(document)
    (folder / file).write_text(json.dumps(document))


def replaced(folder: Path, tensor: torch.Tensor) -> None:
    torch.save(tensor, folder / FIRST)


def instead(path: Path, make: Callable[[Path], None]) -> None:
    path.unlink()
    make(path)


def flip_bit(path: Path) -> None:
    tensor = torch.load(path, weights_only=True)
    content = bytearray(path.read_bytes())
    content[content.index(tensor.numpy().tobytes())] ^= 0x40
    path.write_bytes(content)


def test_what_goes_in_comes_out(
    home: Path, folder: Path, frames: dict[str, np.ndarray[Any, Any]]
) -> None:
    assert isinstance(choose_reader(folder), Speaker)
    corpus = import_corpus(folder, "who")
    assert corpus.ids == ("uttr-a0.pt", "uttr-a1.pt", "uttr-z0.pt", "uttr-t0.pt", "uttr-t1.pt")
    assert corpus.header.parts == ("train", "test")
    assert [corpus.header.parts[part] for part in corpus.parts] == ["train"] * 3 + ["test"] * 2
    assert corpus.header.speakers == ("zoe", "mute", "amy", "absent")
    assert corpus.speakers.tolist() == [2, 2, 0, -1, -1]
    assert corpus.header.classes == ()
    assert not corpus.labelled.any()
    assert corpus.header.features == FeatureSpec(
        kind="log-mel", dim=N_MELS, hop_ms=10, window_ms=25, normalisation="mean", deltas="none"
    )
    for number, id in enumerate(corpus.ids):
        np.testing.assert_array_equal(corpus.frames(number), frames[id].astype(np.float16))
    corpus.verify()


@pytest.mark.parametrize("damaged", [False, True])
def test_the_first_sound_file_shows_whether_means_were_removed(
    home: Path, folder: Path, frames: dict[str, np.ndarray[Any, Any]], damaged: bool
) -> None:
    for name, array in frames.items():
        torch.save(torch.from_numpy(array - 6), folder / name)
    if damaged:
        replaced(folder, torch.zeros(4, N_MELS, dtype=torch.complex64))
    corpus = import_corpus(folder, "who", skip_damaged=damaged)
    assert corpus.header.features == FeatureSpec(kind="log-mel", dim=N_MELS)


def test_every_file_counts(home: Path, folder: Path) -> None:
    names = {"metadata.json", "testdata.json", "mapping.json", *TEST}
    names |= {name for listed in TRAIN.values() for name in listed}
    (folder / "notes.txt").touch()
    (folder / "folder.pt").mkdir()
    assert {path.name for path in READER.files(folder)} == names
    assert all(path.parent == folder for path in READER.files(folder.parent))
    first = import_corpus(folder, "who")
    changed(folder, "mapping.json", lambda document: document.update(note="another file"))
    assert import_corpus(folder, "who").path != first.path


def test_the_folder_around_it(home: Path, folder: Path) -> None:
    assert isinstance(choose_reader(folder.parent), Speaker)
    inner, outer = import_corpus(folder, "inner"), import_corpus(folder.parent, "outer")
    assert outer.ids == inner.ids
    assert outer.header.shards == inner.header.shards


@pytest.mark.parametrize("lacking", ["metadata.json", "mapping.json"])
def test_incomplete_sets_are_not_recognised(folder: Path, lacking: str) -> None:
    (folder / lacking).unlink()
    with pytest.raises(UserError, match="no known layout"):
        choose_reader(folder)
    with pytest.raises(UserError, match=rf"no complete speaker set: it lacks {lacking}$"):
        READER.scan(folder)


def test_test_part_is_optional(folder: Path) -> None:
    (folder / "testdata.json").unlink()
    assert {utterance.part for utterance in READER.scan(folder).items} == {"train"}


def test_published_quirks(folder: Path) -> None:
    """A byte order mark, as Windows editors leave it, and keys that nobody asked for."""
    changed(folder, "metadata.json", lambda document: document.update(sample_rate=16000))
    for file in folder.glob("*.json"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert READER.scan(folder).problems == []


Damage = Callable[[Path], object]
SINGLE: dict[str, tuple[Damage, str]] = {
    "missing": (lambda folder: (folder / FIRST).unlink(), f"{WHERE}: no file {FIRST}"),
    "n_mels": (
        lambda folder: replaced(folder, torch.rand(4, 6)),
        f"{FIRST}: 6 numbers per frame, expected 5",
    ),
    "mel_len": (
        lambda folder: replaced(folder, torch.rand(3, N_MELS)),
        f"{FIRST}: 3 frames, but its mel_len is 4",
    ),
    "rank": (
        lambda folder: replaced(folder, torch.rand(4)),
        f"{FIRST}: shape (4,), expected (frames, 5)",
    ),
    "no rank": (
        lambda folder: replaced(folder, torch.tensor(1.0)),
        f"{FIRST}: shape (), expected (frames, 5)",
    ),
    "expanded": (
        lambda folder: replaced(folder, torch.ones(1, N_MELS).expand(10**9, N_MELS)),
        f"{FIRST}: an expanded view, shape (1000000000, 5), of fewer numbers: save x.contiguous()",
    ),
    "meta": (
        lambda folder: replaced(folder, torch.ones(4, N_MELS, device="meta")),
        f"{FIRST}: holds a tensor of device meta, which has no numbers",
    ),
    "a batch": (
        lambda folder: replaced(folder, torch.ones(1, 4, N_MELS)),
        f"{FIRST}: shape (1, 4, 5), expected (frames, 5): a batch of one? save x[0]",
    ),
    "fifo": (
        lambda folder: instead(folder / FIRST, os.mkfifo),
        f"{FIRST}: cannot be read: a FIFO, expected a regular file",
    ),
    "loop": (
        lambda folder: instead(folder / FIRST, lambda path: path.symlink_to(FIRST)),
        f"{FIRST}: cannot be read: Too many levels of symbolic links",
    ),
    "flipped bit": (lambda folder: flip_bit(folder / FIRST), f"{FIRST}: CRC-32 mismatch in data/0"),
    "NaN": (
        lambda folder: replaced(folder, torch.eye(4, N_MELS) * math.nan),
        f"{FIRST}: NaN at frame 0, column 0",
    ),
    "silence": (
        lambda folder: replaced(folder, torch.rand(N_MELS).repeat(4, 1)),
        f"{FIRST}: all frames are equal: silence only",
    ),
    "logarithm of nothing": (
        lambda folder: replaced(folder, torch.full((4, N_MELS), -math.inf)),
        f"{FIRST}: all frames are equal: silence only",
    ),
}


def feature_path(value: object) -> Damage:
    return lambda folder: changed(
        folder,
        "metadata.json",
        lambda document: document["speakers"]["amy"][0].update(feature_path=value),
    )


def metadata(change: Callable[[Any], object]) -> Damage:
    return lambda folder: changed(folder, "metadata.json", change)


def mapping(change: Callable[[Any], object]) -> Damage:
    return lambda folder: changed(folder, "mapping.json", change)


def unlabelled(change: Callable[[Any], object]) -> Damage:
    return lambda folder: changed(folder, "testdata.json", change)


ENTRY = 'expected {"feature_path": FILE, "mel_len": FRAMES}'
IDS = 'expected "speaker2id": {SPEAKER: NUMBER, ...}, "id2speaker": {"NUMBER": SPEAKER, ...}'
WHOLE: dict[str, tuple[Damage, str]] = {
    "twice": (
        metadata(lambda document: document["speakers"]["zoe"].append(entries({FIRST: 4})[0])),
        f"metadata.json speakers.zoe[1]: '{FIRST}' is in {WHERE} as well",
    ),
    "in both parts": (
        unlabelled(lambda document: document["utterances"].append(entries({FIRST: 4})[0])),
        f"testdata.json utterances[2]: '{FIRST}' is in {WHERE} as well",
    ),
    "no speaker of the mapping": (
        metadata(lambda document: document["speakers"].update(bob=[])),
        "metadata.json speakers.bob: mapping.json lacks this speaker",
    ),
    "n_mels of the test part": (
        unlabelled(lambda document: document.update(n_mels=6)),
        "testdata.json n_mels: expected 5 as in metadata.json",
    ),
    "no n_mels of the test part": (
        unlabelled(lambda document: document.pop("n_mels")),
        "testdata.json n_mels: expected 5 as in metadata.json",
    ),
    "no speakers": (
        metadata(lambda document: document.update(speakers=[])),
        "metadata.json speakers: expected {SPEAKER: [...], ...}",
    ),
    "no list of a speaker": (
        metadata(lambda document: document["speakers"].update(amy={})),
        "metadata.json speakers.amy: expected a list of utterances",
    ),
    "no list of the test part": (
        unlabelled(lambda document: document.pop("utterances")),
        "testdata.json utterances: expected a list of utterances",
    ),
    "no entry": (
        metadata(lambda document: document["speakers"]["amy"].append(None)),
        f"metadata.json speakers.amy[2]: {ENTRY}",
    ),
    "no mel_len": (
        metadata(lambda document: document["speakers"]["amy"][0].pop("mel_len")),
        f"{WHERE}: {ENTRY}",
    ),
    "mel_len no integer": (
        metadata(lambda document: document["speakers"]["amy"][0].update(mel_len="4")),
        f"{WHERE}: {ENTRY}",
    ),
    "mel_len a truth value": (
        metadata(lambda document: document["speakers"]["amy"][0].update(mel_len=True)),
        f"{WHERE}: {ENTRY}",
    ),
    "a number for a name": (
        mapping(lambda document: document["id2speaker"].update({"2": 7})),
        "mapping.json id 2: 'amy' in speaker2id, a int in id2speaker",
    ),
    "lists in lists for a name": (
        mapping(lambda document: document["id2speaker"].update({"2": json.loads(DEEP)})),
        "mapping.json id 2: 'amy' in speaker2id, a list in id2speaker",
    ),
    "feature_path no text": (feature_path(4), f"{WHERE}: {ENTRY}"),
    "ids of the mapping": (mapping(lambda document: document.clear()), f"mapping.json: {IDS}"),
    "an id of the mapping": (
        mapping(lambda document: document["speaker2id"].update(amy="2")),
        f"mapping.json: {IDS}",
    ),
    "not 0..n-1": (
        mapping(
            lambda document: document.update(
                speaker2id=NUMBERS | {"amy": 4}, id2speaker=inverted(NUMBERS | {"amy": 4})
            )
        ),
        "mapping.json speaker2id: no speaker has id 2, expected 0..3",
    ),
    "one id for two": (
        mapping(lambda document: document["speaker2id"].update(amy=0)),
        "mapping.json speaker2id: no speaker has id 2, expected 0..3",
    ),
    "contradiction": (
        mapping(lambda document: document["id2speaker"].update({"2": "zoe"})),
        "mapping.json id 2: 'amy' in speaker2id, 'zoe' in id2speaker",
    ),
    "one direction only": (
        mapping(lambda document: document["id2speaker"].pop("2")),
        "mapping.json id 2: 'amy' in speaker2id, nothing in id2speaker",
    ),
}
OUTSIDE = [
    "../uttr-a0.pt",
    "/etc/uttr.pt",
    "a/uttr.pt",
    "..\\uttr.pt",
    "C:\\uttr.pt",
    "..",
    "",
    "mapping.json",
    "white space.pt",
    "two\nlines.pt",
    "bell\x07.pt",
    "\ud800.pt",
]
WHOLE |= {
    f"feature_path {value!a}": (
        feature_path(value),
        f"{WHERE}: feature_path {value!a}: no .pt file of this folder",
    )
    for value in OUTSIDE
}


@pytest.mark.parametrize("kind", [*SINGLE, *WHOLE])
def test_bad_input_is_named(home: Path, folder: Path, kind: str) -> None:
    damage, expected = (SINGLE | WHOLE)[kind]
    damage(folder)
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "who")
    head, *lines = str(caught.value).split("\n")
    assert f"  {expected}" in lines
    assert ("--skip-damaged" in head) == (kind in SINGLE)
    if kind in SINGLE:
        assert len(lines) == 1
    assert not list((home / "packs").glob("*")), "nothing may be left behind"


@pytest.mark.parametrize("kind", SINGLE)
def test_single_utterances_can_be_left_out(home: Path, folder: Path, kind: str) -> None:
    damage, expected = SINGLE[kind]
    damage(folder)
    corpus = import_corpus(folder, "who", skip_damaged=True)
    (left_out,) = corpus.header.left_out
    assert (left_out.id, left_out.part, left_out.why) == (FIRST, "train", expected)
    assert corpus.ids[0] == "uttr-a1.pt"
    assert corpus.speakers.tolist() == [2, 0, -1, -1]


@pytest.mark.parametrize("kind", WHOLE)
def test_the_set_itself_cannot_be_left_out(home: Path, folder: Path, kind: str) -> None:
    damage, expected = WHOLE[kind]
    damage(folder)
    (folder / "uttr-z0.pt").unlink()
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "who", skip_damaged=True)
    assert f"  {expected}" in str(caught.value).split("\n")
    assert "leaves out single utterances only" in str(caught.value)
    assert "uttr-z0.pt" not in str(caught.value)


def test_a_speaker_whose_every_file_is_lost_keeps_the_number(home: Path, folder: Path) -> None:
    (folder / "uttr-z0.pt").unlink()
    corpus = import_corpus(folder, "who", skip_damaged=True)
    assert corpus.header.speakers == ("zoe", "mute", "amy", "absent")
    assert corpus.speakers.tolist() == [2, 2, -1, -1]


def test_all_problems_in_one_message(home: Path, folder: Path) -> None:
    for kind in ("missing", "no speaker of the mapping", "n_mels of the test part"):
        (SINGLE | WHOLE)[kind][0](folder)
    flip_bit(folder / "uttr-t0.pt")
    with pytest.raises(UserError) as caught:
        import_corpus(folder.parent, "who")
    head, *lines = str(caught.value).split("\n")
    assert head.startswith("4 problems in ")
    assert lines == [
        "  metadata.json speakers.bob: mapping.json lacks this speaker",
        "  testdata.json n_mels: expected 5 as in metadata.json",
        f"  {WHERE}: no file {FIRST}",
        "  uttr-t0.pt: CRC-32 mismatch in data/0",
    ]


def test_half_a_download_makes_a_short_message(home: Path, folder: Path) -> None:
    lost = entries({f"uttr-{k}.pt": 200 for k in range(1000)})
    changed(folder, "metadata.json", lambda document: document["speakers"].update(zoe=lost))
    WHOLE["in both parts"][0](folder)
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "who")
    head, first, second, *rest = str(caught.value).split("\n")
    assert head.startswith("1,001 problems in ")
    assert first == f"  {WHOLE['in both parts'][1]}"
    assert second == "  metadata.json speakers.zoe[0]: no file uttr-0.pt"
    assert len(rest) == 19
    assert rest[-1] == "  and 981 more"


@pytest.mark.parametrize("file", ["metadata.json", "testdata.json", "mapping.json"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON of this layout: Expecting value"),
        (b'{"n_mels": 40,', "no JSON of this layout: Expecting property name"),
        (b"[]", "expected a JSON object"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b'{"a": ' * 20_000 + b"1" + b"}" * 20_000, "no JSON of this layout: nested too deeply"),
        (b"<html>", "cannot be read: a web page in place of the file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "cannot be read: a Git LFS pointer"),
        (
            b'{"' + b"a" * 5000 + b'": 1, "' + b"a" * 5000 + b'": 1}',
            r"no JSON .*: key 'a{40}\.\.\.'",
        ),
        (b"[" * 100_000, "no JSON of this layout: nested too deeply"),
        (b'{"n_mels": 1' + b"0" * 5000 + b"}", "no JSON of this layout: "),
        (b'{"a": {"zoe": [], "zoe": []}}', "no JSON of this layout: key 'zoe' a second time"),
        (b'{"\\u001b[2J": 1}', r"no JSON of this layout: key '\\x1b\[2J' is not printable"),
    ],
)
def test_what_is_no_json_of_this_layout(folder: Path, file: str, content: bytes, why: str) -> None:
    (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=rf"Dataset.{file}: {why}"):
        READER.scan(folder)


@pytest.mark.parametrize("value", [None, 0, -1, 40.0, "40", True, [40]])
def test_the_width_must_be_known(folder: Path, value: object) -> None:
    changed(folder, "metadata.json", lambda document: document.update(n_mels=value))
    with pytest.raises(UserError, match=r"metadata\.json: n_mels: expected a positive integer"):
        READER.scan(folder)


def test_a_pickle_is_named_and_not_run(home: Path, folder: Path, payload: Any) -> None:
    torch.save(payload, folder / FIRST)
    with pytest.raises(UserError, match=f"{FIRST}: holds a pickle that is not a tensor; it was"):
        import_corpus(folder, "who")
    assert not payload.target.exists()


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_speakers_stand_in_the_order_of_their_ids(order: list[int], places: list[int]) -> None:
    ids = {f"speaker {k}": k for k in order}
    names = {str(k): f"speaker {k}" for k in places}
    problems: list[Problem] = []
    found = _speakers({"speaker2id": ids, "id2speaker": names}, problems)
    assert found == tuple(f"speaker {k}" for k in range(6))
    assert problems == []


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(-1, 4)),
    st.dictionaries(st.sampled_from(["-1", "0", "1", "2", "3", "01"]), st.sampled_from("abcde")),
)
def test_only_a_bijection_is_sound(ids: dict[str, int], names: dict[str, str]) -> None:
    problems: list[Problem] = []
    _speakers({"speaker2id": ids, "id2speaker": names}, problems)
    sound = sorted(ids.values()) == list(range(len(ids))) and names == inverted(ids)
    assert (problems == []) == sound


def test_the_writer_numbers_unforeseen_speakers_behind_the_given(tmp_path: Path) -> None:
    with writing(
        tmp_path / "pack",
        features=FeatureSpec(kind="other", dim=1),
        classes=(),
        source=Source(reader="test", path="test"),
        speakers=("b", "a"),
    ) as writer:
        for number, speaker in enumerate(("c", "a", None, "b", "c")):
            writer.add(str(number), np.ones((1, 1)), part="train", speaker=speaker)
    corpus = Corpus(tmp_path / "pack")
    assert corpus.header.speakers == ("b", "a", "c")
    assert corpus.speakers.tolist() == [2, 1, -1, 0, 2]


def test_no_frame_labels_anywhere(home: Path, folder: Path) -> None:
    """Zero classes: shown as such, and said so where labels are wanted."""
    corpus = import_corpus(folder, "who")
    with pytest.raises(UserError, match="0 labelled utterances: too few"):
        split_corpus(corpus, SplitConfig())
    shown = CliRunner().invoke(app, ["corpus", "who", "--verify"])
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.output.splitlines()]
    assert ["speakers", "4"] in rows
    assert not any(row[:1] == ["classes"] for row in rows)
    assert CliRunner().invoke(app, ["corpus"]).exit_code == 0


def test_links_to_files_are_files(home: Path, folder: Path, tmp_path: Path) -> None:
    """Sets are often shared as a folder of links."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for file in folder.iterdir():
        (linked / file.name).symlink_to(file)
    assert import_corpus(linked, "linked").path == import_corpus(folder, "who").path
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=r"metadata\.json: cannot be read: No such file"):
        import_corpus(linked, "linked")


@pytest.mark.parametrize("file", ["metadata.json", "testdata.json", "mapping.json"])
def test_what_is_no_file_does_not_count_as_absent(folder: Path, file: str) -> None:
    (folder / file).unlink()
    (folder / file).mkdir()
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=f"{file}: cannot be read: a folder, expected a reg"):
            act(folder)
    assert isinstance(choose_reader(folder), Speaker)


def test_what_is_passed_over_is_told(folder: Path) -> None:
    assert READER.scan(folder).passed_over == []
    (folder / "uttr-new.pt").write_bytes((folder / FIRST).read_bytes())
    for name in ("notes.txt", "uttr-b.PT", "uttr-\udcff.pt", ".hidden"):
        (folder / name).touch()
    (folder / "testdata.json").unlink()
    listing = READER.scan(folder.parent)
    assert listing.problems == []
    assert listing.passed_over == [
        "1 .PT file in the folder itself",
        "4 .pt files in the folder itself",  # two of them of the test part
        "1 .txt file in the folder itself",
    ]
