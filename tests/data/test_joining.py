from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.joining import join_corpora
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus, pack_path, register
from bossline.data.writer import writing
from tests.data.packs import write_kind

SPEC = FeatureSpec(kind="other", dim=3)
SOURCE = Source(reader="test", path="")


@pytest.fixture
def labelled() -> Corpus:
    """Frames with labels: SIL t t a, then a part without any."""
    pack = pack_path("labelled")
    with writing(pack, features=SPEC, classes=("SIL", "t", "a"), source=SOURCE, note="one") as out:
        out.add("u", np.full((4, 3), 1.0), part="train", labels=np.array([0, 1, 1, 2]), speaker="x")
        out.add("v", np.full((2, 3), 2.0), part="test", speaker="x")
    register("labelled", pack)
    return open_corpus("labelled")


@pytest.fixture
def spoken() -> Corpus:
    """Strings of its own, in another order of phones, and no labels."""
    pack = pack_path("spoken")
    with writing(pack, features=SPEC, classes=(), source=SOURCE, vocabulary=("a", "n", "t")) as out:
        out.add("u", np.full((5, 3), 3.0), part="train", string=np.array([3, 1, 2]), speaker="x")
        out.add("w", np.full((1, 3), 4.0), part="train")
    register("spoken", pack)
    return open_corpus("spoken")


def test_labels_become_strings_beside_strings(labelled: Corpus, spoken: Corpus) -> None:
    both = join_corpora(["labelled", spoken], "both")
    assert both.ids == ("labelled/u", "labelled/v", "spoken/u", "spoken/w")
    assert both.header.classes == ("SIL", "t", "a")
    assert both.header.vocabulary == ("t", "a", "n")
    names = [[both.header.vocabulary[s - 1] for s in both.string(u)] for u in range(4)]
    assert names == [["t", "a"], [], ["t", "a", "n"], []]
    assert both.labelled.tolist() == [True, False, False, False]
    assert both.frame_labels(0).tolist() == [0, 1, 1, 2]
    assert [both.frames(u)[0, 0] for u in range(4)] == [1, 2, 3, 4]
    assert [both.header.parts[p] for p in both.parts] == ["train", "test", "train", "train"]
    speakers = [both.header.speakers[s] if s >= 0 else None for s in both.speakers]
    assert speakers == ["labelled/x", "labelled/x", "spoken/x", None]
    assert both.header.note == "one"
    assert open_corpus("both").key == both.key


def test_without_strings_classes_of_one_name_are_one(labelled: Corpus) -> None:
    pack = pack_path("other")
    with writing(pack, features=SPEC, classes=("a", "s"), source=SOURCE) as out:
        out.add("u", np.zeros((2, 3)), part="train", labels=np.array([1, 0]))
    register("other", pack)
    both = join_corpora([labelled, "other"], "both")
    assert both.header.classes == ("SIL", "t", "a", "s")
    assert not both.header.vocabulary
    assert both.frame_labels(2).tolist() == [3, 2]


def test_what_cannot_be_joined_is_refused(tmp_path: Path, labelled: Corpus, spoken: Corpus) -> None:
    with pytest.raises(UserError, match="two or more"):
        join_corpora([labelled], "both")
    with pytest.raises(UserError, match="two or more corpora that differ"):
        join_corpora([labelled, "labelled"], "both")
    with pytest.raises(UserError, match="holds images, not utterances"):
        join_corpora([labelled, write_kind(tmp_path / "image", "image")], "both")
    pack = tmp_path / "wide"
    with writing(pack, features=FeatureSpec(kind="other", dim=4), classes=(), source=SOURCE) as out:
        out.add("u", np.zeros((2, 4)), part="train")
    with pytest.raises(UserError, match=r"has other, 3 dimensions.*'.*wide' has other, 4 dim"):
        join_corpora([labelled, pack], "both")
    with pytest.raises(UserError, match="corpus name"):
        join_corpora([labelled, spoken], "no/name")
