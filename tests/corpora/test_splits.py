from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bossline.corpora.header import Source
from bossline.corpora.packed import Corpus
from bossline.corpora.splits import SPLITS, UNHEARD, SplitConfig, split_corpus
from bossline.corpora.store import pack_path
from bossline.corpora.writer import writing
from bossline.errors import UserError
from bossline.features.spec import FeatureSpec


def write(parts: list[str], speakers: list[str | None], labelled: list[bool]) -> Corpus:
    path = pack_path("a" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=2),
        classes=("a", "b"),
        source=Source(reader="test", path=""),
    ) as writer:
        for k, (part, speaker, has) in enumerate(zip(parts, speakers, labelled, strict=True)):
            labels = np.zeros(3, np.int64) if has else None
            writer.add(f"u{k}", np.ones((3, 2)), part=part, labels=labels, speaker=speaker)
    return Corpus(path)


def test_by_utterance_80_10_10_disjoint_and_labelled_only(toy: Corpus) -> None:
    chosen = split_corpus(toy, SplitConfig())
    assert [len(chosen[name]) for name in SPLITS] == [24, 3, 3]
    assert sorted(np.concatenate([chosen[name] for name in SPLITS])) == list(range(30))


def test_the_seed_decides(toy: Corpus) -> None:
    first, again = (split_corpus(toy, SplitConfig()) for _ in range(2))
    other = split_corpus(toy, SplitConfig(seed=1))
    assert all(np.array_equal(first[name], again[name]) for name in SPLITS)
    assert not np.array_equal(first["test"], other["test"])


def test_by_speaker_no_speaker_is_on_two_sides(home: None) -> None:
    speakers = [f"s{k % 10}" for k in range(40)]
    corpus = write(["train"] * 40, list(speakers), [True] * 40)
    chosen = split_corpus(corpus, SplitConfig(by="speaker", validation=0.2, test=0.3))
    sides = [set(corpus.speakers[chosen[name]]) for name in SPLITS]
    assert [len(side) for side in sides] == [5, 2, 3]
    assert len(set.union(*sides)) == 10


def test_auto_takes_the_corpus_own_labelled_parts(home: None) -> None:
    parts = ["train", "validation", "test", "train", "test"]
    corpus = write(parts, [None] * 5, [True] * 5)
    for by in ("auto", "corpus"):
        chosen = split_corpus(corpus, SplitConfig.model_validate({"by": by}))
        assert {name: chosen[name].tolist() for name in SPLITS} == {
            "train": [0, 3],
            "validation": [1],
            "test": [2, 4],
        }
        with pytest.raises(UserError, match=r"split\.fold=1: the corpus' own parts are one split"):
            split_corpus(corpus, SplitConfig.model_validate({"by": by, "fold": 1}))


def test_an_unlabelled_test_part_is_not_taken_for_a_test_split(home: None) -> None:
    parts = ["train"] * 10 + ["validation"] * 5 + ["test"] * 5
    corpus = write(parts, [None] * 20, [True] * 15 + [False] * 5)
    for by in ("auto", "corpus"):
        chosen = split_corpus(corpus, SplitConfig.model_validate({"by": by}))
        assert chosen["test"].tolist() == list(range(10, 15))
        assert sorted([*chosen["train"], *chosen["validation"]]) == list(range(10))
        assert len(chosen["validation"]) == 1


def test_a_corpus_of_a_single_labelled_part_has_no_split_of_its_own(home: None) -> None:
    corpus = write(["train"] * 10 + ["test"] * 5, [None] * 15, [True] * 10 + [False] * 5)
    assert max(map(max, split_corpus(corpus, SplitConfig()).values())) < 10
    with pytest.raises(UserError, match=r"use split\.by=utterance"):
        split_corpus(corpus, SplitConfig(by="corpus"))


@pytest.mark.parametrize(
    ("by", "speakers", "message"),
    [
        ("utterance", [None] * 3, "3 labelled utterances are too few"),
        ("speaker", [None] * 3, "does not say who speaks"),
        ("speaker", ["x"] * 3, "1 speakers are too few"),
    ],
)
def test_too_little_is_one_clear_line(
    home: None, by: str, speakers: list[str | None], message: str
) -> None:
    corpus = write(["train"] * 3, speakers, [True] * 3)
    with pytest.raises(UserError, match=message):
        split_corpus(corpus, SplitConfig.model_validate({"by": by}))


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOSSLINE_HOME", str(tmp_path_factory.mktemp("home")))
        return write(["train"] * 60, [f"s{k % 12}" for k in range(60)], [True] * 60)


@given(
    labelled=st.lists(st.booleans(), min_size=60, max_size=60).map(np.array),
    validation=st.floats(0.01, 0.4),
    test=st.floats(0.04, 0.4),
    seed=st.integers(0, 99),
)
def test_folds_divide_one_permutation(
    sixty: Corpus, labelled: np.ndarray, validation: float, test: float, seed: int
) -> None:
    known = np.flatnonzero(labelled)
    held_out = [round(len(known) * validation), round(len(known) * test)]
    assume(min(held_out) > 0)
    assume(len(known) > 2 / test)  # enough for every fold
    config = SplitConfig(by="utterance", validation=validation, test=test, seed=seed)

    first = split_corpus(sixty, config, labelled)
    order = np.random.default_rng(seed).permutation(known)
    parts = np.split(order, np.cumsum(held_out))
    for name, members in zip(("validation", "test", "train"), parts, strict=True):
        assert first[name].tolist() == sorted(members)

    tested: list[int] = []
    for fold in range(config.folds):
        chosen = split_corpus(sixty, config.model_copy(update={"fold": fold}), labelled)
        assert sorted(np.concatenate(list(chosen.values()))) == known.tolist()
        assert len(chosen["validation"]) == held_out[0]
        assert len(chosen["test"]) <= held_out[1]
        tested += chosen["test"].tolist()
    assert len(set(tested)) == len(tested) == min(len(known), held_out[1] * config.folds)


def test_folds_by_speaker_test_each_speaker_once(sixty: Corpus) -> None:
    tested: list[int] = []
    for fold in range(4):
        config = SplitConfig(by="speaker", validation=0.25, test=0.25, fold=fold)
        chosen = split_corpus(sixty, config)
        sides = [set(sixty.speakers[chosen[name]]) for name in SPLITS]
        assert [len(side) for side in sides] == [6, 3, 3]
        assert len(set.union(*sides)) == 12
        tested += sorted(sides[2])
    assert sorted(tested) == list(range(12))


@given(
    labelled=st.lists(st.booleans(), min_size=60, max_size=60).map(np.array),
    unheard=st.floats(0.2, 0.5),
    seed=st.integers(0, 9),
)
def test_speakers_set_aside_are_on_no_side(
    sixty: Corpus, labelled: np.ndarray, unheard: float, seed: int
) -> None:
    present = np.unique(sixty.speakers[labelled])
    count = round(len(present) * unheard)
    assume(2 <= count < len(present) - 3)
    config = SplitConfig(by="utterance", validation=0.2, test=0.2, seed=seed)
    aside = config.model_copy(update={"unheard": unheard})
    chosen = split_corpus(sixty, aside, labelled)
    speakers = {name: set(sixty.speakers[members]) for name, members in chosen.items()}
    assert len(speakers[UNHEARD]) == count
    for name in SPLITS:
        assert not speakers[name] & speakers[UNHEARD]
    # All else is as if the corpus had no label of theirs.
    others = labelled & ~np.isin(sixty.speakers, list(speakers[UNHEARD]))
    assert chosen[UNHEARD].tolist() == np.flatnonzero(labelled & ~others).tolist()
    for name, members in split_corpus(sixty, config, others).items():
        assert chosen[name].tolist() == members.tolist()


@pytest.mark.parametrize(
    ("keys", "speaker", "message"),
    [
        ({"unheard": 0.1}, "s", "sets 0 of 4 speakers aside"),
        ({"unheard": 0.9}, "s", "sets 4 of 4 speakers aside"),
        ({"unheard": 0.5, "by": "corpus"}, "s", "leave no speakers to set aside"),
        ({"unheard": 0.5}, None, "does not say who speaks"),
    ],
)
def test_too_few_or_unknown_speakers_to_set_aside(
    home: None, keys: dict[str, object], speaker: str | None, message: str
) -> None:
    speakers = [f"s{k % 4}" if speaker else None for k in range(40)]
    corpus = write(["train"] * 40, speakers, [True] * 40)
    with pytest.raises(UserError, match=message):
        split_corpus(corpus, SplitConfig.model_validate(keys))
