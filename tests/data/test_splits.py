from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.splits import SPLITS, UNHEARD, SplitConfig, split_corpus
from bossline.data.store import pack_path
from bossline.data.writer import writing


def write(
    parts: list[str],
    speakers: list[str | None],
    labelled: list[bool],
    content: list[int] | None = None,
) -> Corpus:
    """Utterances of equal frames where `content` is equal; by default all are different."""
    path = pack_path("a" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=2),
        classes=("a", "b"),
        source=Source(reader="test", path=""),
    ) as writer:
        for k, (part, speaker, has) in enumerate(zip(parts, speakers, labelled, strict=True)):
            labels = np.zeros(3, np.int64) if has else None
            frames = np.full((3, 2), k if content is None else content[k])
            writer.add(f"u{k}", frames, part=part, labels=labels, speaker=speaker)
    return Corpus(path)


def test_by_utterance_80_10_10_disjoint_and_labelled_only(toy: Corpus) -> None:
    chosen = split_corpus(toy, SplitConfig())
    assert [len(chosen[name]) for name in SPLITS] == [24, 3, 3]
    assert sorted(np.concatenate([chosen[name] for name in SPLITS])) == list(range(30))


@pytest.mark.parametrize("by", ["utterance", "speaker", "each-speaker"])
def test_without_validation_it_trains_and_the_same_is_tested_on(home: None, by: str) -> None:
    speakers = [f"s{k % 20}" for k in range(200)]
    corpus = write(["train"] * 200, list(speakers), [True] * 200)
    for fold in (0, 3):
        config = SplitConfig.model_validate({"by": by, "fold": fold})
        with_some = split_corpus(corpus, config)
        none = split_corpus(corpus, config.model_copy(update={"validation": 0.0}))
        assert len(none["validation"]) == 0
        if fold == 0 or by == "each-speaker":
            assert np.array_equal(none["test"], with_some["test"])
        assert sorted([*none["train"], *none["test"]]) == list(range(200))


@pytest.mark.parametrize("tested", [True, False])
def test_without_validation_the_corpus_own_part_for_it_trains(home: None, tested: bool) -> None:
    parts = ["train"] * 6 + ["validation"] * 3 + ["test"] * 3
    corpus = write(parts, [None] * 12, [True] * 9 + [tested] * 3)
    chosen = split_corpus(corpus, SplitConfig(validation=0))
    assert len(chosen["validation"]) == 0
    assert chosen["train"].tolist() == list(range(9 if tested else 6))
    assert chosen["test"].tolist() == list(range(9, 12) if tested else range(6, 9))


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
        (
            "utterance",
            [None] * 3,
            r"3 labelled utterances: too few .* split\.validation=0\.2 split\.test=0\.2",
        ),
        ("speaker", [None] * 3, "does not say who speaks"),
        ("speaker", ["x"] * 3, "1 speaker: too few to train, validate and test on; import more"),
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
        ({"unheard": 0.1}, "s", r"sets 0 of 4 speakers aside: .* set split\.unheard=0\.5"),
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


WAYS = ("auto", "corpus", "utterance", "speaker", "each-speaker")
SPLIT_BEFORE = "3b55739bad0e5f4169818dbb64c0cab70a9bfe5f4e45f643e2be3cccd23b2b17"


def some_corpora() -> Iterator[Corpus]:
    """Without copies: with parts of their own and without, of speakers, with pseudo-labels."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(60, 120))
        names = [["train", "test"], ["train", "validation"], list(SPLITS), ["train", "pseudo"]]
        parts = rng.choice(names[seed % 4], count).tolist()
        speakers = [f"s{k}" for k in rng.integers(0, 9, count)]
        labelled = [part != "test" or seed % 4 == 2 for part in parts]
        yield write(parts, list(speakers), labelled)


def test_without_copies_splits_are_what_they_always_were(home: None) -> None:
    found = hashlib.sha256()
    for corpus in some_corpora():
        for by, seed, fold, unheard in product(WAYS, (0, 7), (0, 3), (0.0, 0.3)):
            if unheard and "pseudo" in corpus.header.parts:
                continue
            keys = {"by": by, "seed": seed, "fold": fold, "unheard": unheard, "test": 0.2}
            try:
                chosen = split_corpus(corpus, SplitConfig.model_validate(keys))
            except UserError:
                found.update(b"refused")
                continue
            for name, members in sorted(chosen.items()):
                found.update(f"{name} {members.tolist()}".encode())
    assert found.hexdigest() == SPLIT_BEFORE


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.lists(st.integers(0, 60), min_size=60, max_size=60),
    by=st.sampled_from(["utterance", "speaker", "each-speaker"]),
    unheard=st.sampled_from([0.0, 0.3]),
    pseudo=st.booleans(),
    seed=st.integers(0, 9),
    fold=st.integers(0, 4),
    own=st.booleans(),
)
def test_copies_are_on_one_side(
    home: None, content: list[int], by: str, unheard: float, pseudo: bool, seed: int, fold: int,
    own: bool,
) -> None:  # fmt: skip
    """Copies of the own speaker's, or of anybody's."""
    if own:
        content = [100 * (k % 12) + number % 4 for k, number in enumerate(content)]
    parts = ["pseudo" if pseudo and k >= 50 else "train" for k in range(60)]
    corpus = write(parts, [f"s{k % 12}" for k in range(60)], [True] * 60, content)
    keys = {"by": by, "test": 0.2, "unheard": unheard, "seed": seed, "fold": fold}
    try:
        chosen = split_corpus(corpus, SplitConfig.model_validate(keys))
    except UserError as error:
        assert re.search(r"too few|so few|speakers aside|so many", str(error))  # noqa: PT017
        return
    sides = {name: {content[u] for u in members} for name, members in chosen.items()}
    for one, other in combinations(sides.values(), 2):
        assert not one & other
    members = np.concatenate(list(chosen.values())).tolist()
    assert len(set(members)) == len(members)
    if not unheard and not pseudo:
        assert sorted(members) == list(range(60))
    if by == "speaker":
        speakers = [set(corpus.speakers[chosen[name]]) for name in SPLITS]
        if not pseudo:
            assert not any(one & other for one, other in combinations(speakers, 2))


def test_copies_of_train_that_validate(home: None) -> None:
    parts = ["train"] * 60 + ["validation"] * 5
    content = [*range(30), *range(30), *range(100, 105)]
    corpus = write(parts, [None] * 65, [True] * 65, content)
    chosen = split_corpus(corpus, SplitConfig(by="corpus"))
    sides = [{content[u] for u in chosen[name]} for name in SPLITS]
    assert chosen["test"].tolist() == [60, 61, 62, 63, 64]
    assert sorted([*chosen["train"], *chosen["validation"]]) == list(range(60))
    assert not any(one & other for one, other in combinations(sides, 2))


@given(copied=st.sets(st.integers(1, 59), max_size=9), seed=st.integers(0, 9))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("by", ["utterance", "each-speaker"])
def test_only_copies_change_sides(home: None, by: str, copied: set[int], seed: int) -> None:
    """A run of an earlier version is scored on what it has not seen, but for copies."""
    speakers = [f"s{k % 3}" for k in range(60)]
    content = [0 if k in copied else k for k in range(60)]
    config = SplitConfig.model_validate({"by": by, "seed": seed})
    different = split_corpus(write(["train"] * 60, list(speakers), [True] * 60), config)
    some = split_corpus(write(["train"] * 60, list(speakers), [True] * 60, content), config)
    (side,) = (name for name in SPLITS if 0 in different[name])
    for name in SPLITS:
        expected = set(different[name]) - copied | (copied if name == side else set())
        assert set(some[name]) == expected


def test_own_parts_are_taken_as_they_are(home: None) -> None:
    corpus = write(list(SPLITS) * 2, [None] * 6, [True] * 6, [1] * 6)
    assert [split_corpus(corpus, SplitConfig())[name].tolist() for name in SPLITS] == [
        [0, 3], [1, 4], [2, 5],
    ]  # fmt: skip


def test_speakers_who_share_all_cannot_be_told_apart(home: None) -> None:
    corpus = write(["train"] * 40, [f"s{k % 10}" for k in range(40)], [True] * 40, [1] * 40)
    for by in ("speaker", "utterance", "each-speaker"):
        with pytest.raises(UserError, match="so many items hold the same values"):
            split_corpus(corpus, SplitConfig.model_validate({"by": by}))
