"""Frames are labelled by what is said in them alone, and the labels come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import bossline
from bossline import cli
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import names, open_corpus, pack_path, register
from bossline.data.writer import writing
from bossline.runs import labelling
from bossline.runs.labelling import Labelled, label

PHONES = ("AA", "M", "S", "T")
WORDS = {"mass": "M AA1 S", "sat": "S AA1 T", "tom": "T AA1 M", "mat": "M AA1 T", "ma": "M AA1"}
SMALL = {"epochs": 4, "batches.size": 64, "model.width": 32, "optimiser.lr": 5e-3}


@pytest.fixture
def spoken(home: Path) -> Corpus:
    """40 utterances of five words with pauses, each phone a noisy point of 4 to 9 frames; their
    texts are in text, the words in mine.dict. The last utterance has no text."""
    rng = np.random.default_rng(3)
    classes = ("SIL", *PHONES)
    centres = rng.normal(size=(5, 6)) * 2
    lines = []
    pack = pack_path("5" * 64)
    spec = FeatureSpec(kind="other", dim=6)
    with writing(pack, features=spec, classes=classes, source=Source(reader="t", path="")) as out:
        for number in range(40):
            words = rng.choice(list(WORDS), 5)
            units = ["SIL"]
            for word in words:
                units += [p.rstrip("1") for p in WORDS[word].split()]
                units += ["SIL"] if rng.random() < 0.3 else []
            units += [] if units[-1] == "SIL" else ["SIL"]
            places = [classes.index(unit) for unit in units]
            labels = np.repeat(places, rng.integers(4, 10, len(units)))
            frames = centres[labels] + rng.normal(size=(len(labels), 6)) * 0.5
            id, speaker = f"s{number % 4}/u{number:02d}", f"s{number % 4}"
            out.add(id, frames.astype(np.float32), part="train", labels=labels, speaker=speaker)
            if number < 39:
                lines.append(f"{id} {' '.join(words)}")
    register("spoken", pack)
    Path("text").write_text("\n".join(lines) + "\n")
    Path("mine.dict").write_text("".join(f"{word} {way}\n" for word, way in WORDS.items()))
    return open_corpus("spoken")


def labelled(corpus: Corpus | str, name: str = "new", **settings: object) -> Labelled:
    return label(
        corpus,
        name,
        device="cpu",
        threads=1,
        console=Console(quiet=True),
        **settings,  # type: ignore[arg-type]
    )


def test_from_text_through_a_network(spoken: Corpus) -> None:
    found = labelled("spoken", text="text", dictionary="mine.dict", overrides=SMALL)
    assert found.corpus.header.classes == ("SIL", *PHONES)  # without stress
    assert found.count == 39
    assert found.at_first is not None
    assert found.agreement is not None
    assert found.at_first.value > 0.9
    assert found.agreement.value > 0.9
    assert found.run is not None
    assert found.run.path == Path("runs/label-new")
    assert found.run.corpus_name == "new-flat"
    assert names() == ["new", "new-flat", "spoken"]
    assert "found by the network of label-new from what is said" in found.corpus.header.note
    new = open_corpus("new")
    assert new.ids == spoken.ids
    assert not new.labelled[39]
    assert np.array_equal(new.frames(7), spoken.frames(7))
    assert new.header.speakers == spoken.header.speakers
    assert (np.diff(new.frame_labels(0)) != 0).sum() >= 10


def test_what_was_done_is_not_done_again(spoken: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    first = labelled("spoken", text="text", dictionary="mine.dict", overrides=SMALL)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("done again")

    monkeypatch.setattr(labelling, "flat_start", never)
    monkeypatch.setattr(labelling, "train", never)
    monkeypatch.setattr(labelling, "Aligner", never)
    again = labelled("spoken", text="text", dictionary="mine.dict", overrides=SMALL)
    assert again.corpus.key == first.corpus.key
    with pytest.raises(UserError, match="runs/label-new learnt other labels or by another recipe"):
        labelled("spoken", text="text", dictionary="mine.dict")


def test_times_of_labels_are_not_looked_at(spoken: Corpus) -> None:
    """Labels whose times are wrong, in the same order, give the same ones."""
    found = labelled("spoken", recipe=None)
    assert found.agreement is not None
    assert found.agreement.value > 0.9
    pack = pack_path("6" * 64)
    header = spoken.header
    with writing(
        pack, features=header.features, classes=header.classes, source=header.source
    ) as out:
        for item, id in enumerate(spoken.ids):
            labels = spoken.frame_labels(item)
            order = labels[np.append(True, np.diff(labels) != 0)]
            evenly = order[np.arange(len(labels)) * len(order) // len(labels)]
            out.add(id, spoken.frames(item), part="train", labels=evenly)
    register("wrong", pack)
    other = labelled("wrong", "newer", recipe=None)
    for item in range(40):
        assert np.array_equal(found.corpus.frame_labels(item), other.corpus.frame_labels(item))
    assert other.agreement is not None
    assert other.agreement.value < found.agreement.value


def test_strings_of_its_own_and_a_run_that_knows_the_phones(spoken: Corpus) -> None:
    run = bossline.train(
        "phoneme/simple", "spoken", SMALL, run="runs/a", device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    pack = pack_path("7" * 64)
    with writing(
        pack,
        features=spoken.header.features,
        classes=(),
        source=Source(reader="t", path=""),
        vocabulary=PHONES,
    ) as out:
        for item, id in enumerate(spoken.ids):
            labels = spoken.frame_labels(item)
            order = labels[np.append(True, np.diff(labels) != 0)]
            out.add(id, spoken.frames(item), part="train", string=order[order > 0])
    register("strings", pack)
    found = labelled("strings", by=run)
    assert found.agreement is None
    assert found.count == 40
    same = [found.corpus.frame_labels(u) == spoken.frame_labels(u) for u in range(40)]
    assert np.concatenate(same).mean() > 0.9
    from_nothing = labelled("strings", "flat", recipe=None)
    assert from_nothing.corpus.header.classes == ("SIL", *PHONES)
    assert from_nothing.corpus.header.vocabulary == PHONES


def test_each_that_cannot_be_labelled_is_named(
    spoken: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Path("text").read_text().splitlines()
    lines[0] = "s0/u00 mass [cough]"
    lines[1] = "s1/u01 " + "mass " * 400
    lines[2] = "s2/u02 ..."
    lines.append("nobody mass")
    Path("text").write_text("\n".join(lines))
    monkeypatch.setenv("COLUMNS", "200")
    words = "label spoken --text text --dictionary mine.dict --name new --recipe none --threads 1"
    monkeypatch.setattr("sys.argv", ["bossline", *words.split()])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    out, err = capsys.readouterr()
    assert "36 of them labelled" in out
    assert "of frames have the label that the corpus had" in out
    assert "1 text of no utterance: 'nobody'" in out
    assert "not labelled: s0/u00: nobody knows how '[cough]' is said" in err
    assert "not labelled: s1/u01: 1,601 phones and pauses take 3,600 frames at least" in err
    assert "not labelled: s2/u02: no word in the text '...'" in err


def test_what_cannot_be_is_refused_before_all_work(spoken: Corpus) -> None:
    lines = [line.split()[0] + " [x]" for line in Path("text").read_text().splitlines()]
    Path("marked").write_text("\n".join(lines))
    with pytest.raises(UserError, match="none of 39 utterances can be labelled; s0/u00: nobody"):
        labelled("spoken", text="marked")
    with pytest.raises(UserError, match="epochs=2: there is no network to train"):
        labelled("spoken", recipe=None, overrides={"epochs": 2})
    with pytest.raises(UserError, match="learnt by the phoneme task"):
        labelled("spoken", recipe="transcribe/simple")
    pack = pack_path("8" * 64)
    spec = FeatureSpec(kind="log-mel", dim=6)
    with writing(pack, features=spec, classes=(), source=Source(reader="t", path="")) as out:
        out.add("u", np.zeros((9, 6)), part="train")
    register("mel", pack)
    with pytest.raises(UserError, match="leave silence out"):
        labelled("mel", text="text")
    with pytest.raises(UserError, match=r"phoneme-en takes mfcc.* again, --like phoneme-en$"):
        labelled("spoken", by="phoneme-en")
    assert names() == ["mel", "spoken"]
