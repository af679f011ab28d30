"""Trial lists: there and back, and what is wrong with a line."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.trials import (
    Trials,
    read_trials,
    speakers_of,
    write_trials,
)

IDS = ["ann-1", "ann-2", "bob/1.wav", "Ünal"]


@given(
    rows=st.lists(st.tuples(st.booleans(), st.sampled_from(IDS), st.sampled_from(IDS)), min_size=1)
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bool, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("trials") / "trials.txt"
    write_trials(path, Trials.of(rows))
    read = read_trials(path, IDS)
    assert len(read) == len(rows)
    assert list(zip(read.labels.tolist(), read.enrol, read.test, strict=True)) == rows
    enrol, test = read.rows(IDS)
    assert [(IDS[a], IDS[b]) for a, b in zip(enrol, test, strict=True)] == [r[1:] for r in rows]


def test_both_spellings_of_labels_empty_lines_and_tabs(tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    path.write_text("1 a b\n\n0\ta  c\r\ntarget b a\n nontarget c a \n", encoding="utf-8")
    read = read_trials(path, ["a", "b", "c"])
    np.testing.assert_array_equal(read.labels, [True, False, True, False])
    assert (read.enrol, read.test) == (("a", "a", "b", "c"), ("b", "c", "a", "a"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 ann-1 ann-2\n0 ann-1\n", "line 2: expected 'label enrol test', found 2 words"),
        ("1 ann-1 ann-2 x\n", "line 1: expected 'label enrol test', found 4 words"),
        ("ann-1 ann-2 1\n", "line 1: 'ann-1' is no label: expected 1 or target, 0 or nontarget"),
        ("\n  \n", "no trials; expected lines 'label enrol test'"),
        (
            "1 ann-1 ann-3\n",
            "line 1: 'ann-3' is neither a file nor one of 4 utterances; did you mean 'ann-2'\\?$",
        ),
        (
            "1 ann-1 ann-2\n0 zzz ann-2\n0 zzz yyy\n",
            "line 2: 'zzz' is neither a file nor one of 4 utterances; known: ann-1, .*Ünal"
            " \\(1 more of the list are unknown\\)",
        ),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trials.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as raised:
        read_trials(path, IDS)
    assert str(path) in str(raised.value)


def test_a_trial_may_name_files(tmp_path: Path) -> None:
    recording = tmp_path / "own.wav"
    recording.touch()
    path = tmp_path / "trials.txt"
    path.write_text(f"1 {recording} ann-1\n", encoding="utf-8")
    assert read_trials(path, IDS).enrol == (str(recording),)


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=20
    ),
    known=st.sets(st.integers(0, 11), max_size=3),
)
def test_target_trials_tell_who_speaks(rows: list[tuple[bool, int, int]], known: set[int]) -> None:
    """Held against scipy's components of the graph of target trials."""
    targets = np.array([(a, b) for target, a, b in rows if target], int).reshape(-1, 2)
    graph = coo_array((np.ones(len(targets)), tuple(targets.T)), shape=(12, 12))
    component = connected_components(graph, directed=False)[1]
    trials = Trials.of([(target, str(a), str(b)) for target, a, b in rows])
    named = {str(k): f"speaker {component[k]}" for k in known}
    found = speakers_of(trials, named)
    assert set(found) == {*trials.enrol, *trials.test}
    for one, other in combinations(sorted(found), 2):
        together = component[int(one)] == component[int(other)]
        assert (found[one] == found[other]) == together
    for name, speaker in found.items():
        assert named.get(name, speaker) == speaker


def test_an_unknown_word_in_a_large_corpus_does_not_list_it(tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    path.write_text("1 ? ?\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_trials(path, [f"utterance-{k}" for k in range(1000)])
    assert len(str(raised.value)) - len(str(path)) < 200


def test_a_word_that_no_file_can_be_called_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    path.write_text(f"1 {'x' * 5000} ann-1\n", encoding="utf-8")
    with pytest.raises(UserError, match="neither a file nor one of 4 utterances"):
        read_trials(path, IDS)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_trials(tmp_path / "none.txt", IDS)


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' "')).filter(
    str.isprintable
)


@given(rows=st.lists(st.tuples(st.booleans(), NAMES, NAMES), min_size=1))
def test_any_printable_name_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bool, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("trials") / "trials.txt"
    trials = Trials.of(rows)
    write_trials(path, trials)
    read = read_trials(path, trials.enrol + trials.test)
    assert list(zip(read.labels.tolist(), read.enrol, read.test, strict=True)) == rows


def test_names_without_blanks_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "trials.txt"
    write_trials(path, Trials.of([(True, "ann-1", 'Ünal"s'), (False, "Ann Lee/1", '"x"')]))
    assert path.read_text(encoding="utf-8").splitlines() == [
        '1 ann-1 Ünal"s',
        '0 "Ann Lee/1" """x"""',
    ]


@pytest.mark.parametrize("line", ['1 "Ann Lee bob', '1 "Ann"Lee bob'])
def test_a_quote_that_does_not_end_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "trials.txt"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 1: a double quote begins a name"):
        read_trials(path, ["Ann Lee", "bob"])


@pytest.mark.parametrize("id", ["a\nb", "a\u2003b", "\ud800"])
def test_a_name_that_no_line_can_hold_is_not_written(tmp_path: Path, id: str) -> None:
    path = tmp_path / "trials.txt"
    with pytest.raises(UserError, match="has unprintable characters"):
        write_trials(path, Trials.of([(True, "a", id)]))
    assert not path.exists()
