"""N-gram models, against counting by hand, and as tables and files."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bossline.core.errors import UserError
from bossline.tasks.transcribe.decoding.arpa import arpa_of, packed_arpa, read_arpa
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ngram import Ngram, estimate
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig, prefix_beam_search
from tests.tasks.transcribe.decoding.enumeration import random_log_probs, string_probabilities

texts = st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=1, max_size=8)
NAMES = ("aa", "b", "ch")


BEGIN = -1


def every_gram(strings: list[list[int]], length: int) -> Counter[tuple[int, ...]]:
    found: Counter[tuple[int, ...]] = Counter()
    for string in strings:
        path = (BEGIN, *string, 0)
        found.update(path[k : k + length] for k in range(len(path) + 1 - length))
    return found


def counted(strings: list[list[int]], length: int, order: int) -> Counter[tuple[int, ...]]:
    """How often n-grams are there; shorter ones behind how many different words."""
    grams = every_gram(strings, length)
    if length < order:
        behind = every_gram(strings, length + 1)
        for gram in grams:
            if gram[0] != BEGIN:
                grams[gram] = sum(longer[1:] == gram for longer in behind)
    return grams


def discount(grams: Counter[tuple[int, ...]], count: int) -> float:
    """Modified Kneser-Ney's, from how many n-grams were counted k times; else 0.5, 1, 1.5."""
    n = [list(grams.values()).count(k) for k in range(5)]
    wanted = [0.5, 1.0, 1.5]
    if all(n[1:]):
        share = n[1] / (n[1] + 2 * n[2])
        found = [k - (k + 1) * share * n[k + 1] / n[k] for k in (1, 2, 3)]
        wanted = found if min(found) > 0 else wanted
    return wanted[min(count, 3) - 1] if count else 0.0


def probability(strings: list[list[int]], symbols: int, gram: tuple[int, ...], order: int) -> float:
    """Kneser and Ney's formula as Chen and Goodman have it, word for word; 0 ends strings."""
    if not gram:
        return 1 / (symbols + 1)
    context = gram[:-1]
    grams = counted(strings, len(gram), order)
    if len(gram) == 1:
        del grams[(BEGIN,)]
    shorter = probability(strings, symbols, gram[1:], order)
    followers = [count for one, count in grams.items() if one[:-1] == context]
    if not followers:
        return shorter
    left = sum(discount(grams, count) for count in followers)
    own = grams[gram] - discount(grams, grams[gram])
    return (own + left * shorter) / sum(followers)


def random_text(count: int, symbols: int, seed: int = 0) -> list[list[int]]:
    draws = np.random.default_rng(seed)
    return [draws.integers(1, symbols + 1, draws.integers(0, 12)).tolist() for _ in range(count)]


@settings(max_examples=30, deadline=None)
@given(texts, st.integers(1, 6), st.lists(st.integers(1, 3), max_size=7))
def test_strings_are_as_probable_as_the_formula_says(
    strings: list[list[int]], order: int, string: list[int]
) -> None:
    path = [-1, *string, 0]
    grams = [tuple(path[: k + 1][-order:]) for k in range(1, len(path))]
    expected = sum(math.log(probability(strings, 3, gram, order)) for gram in grams)
    assert backed_off(estimate(strings, 3, order), string) == pytest.approx(expected)


def test_discounts_of_a_text_that_has_them() -> None:
    strings = random_text(200, 9, seed=5)
    # From counts of counts, not what stands in for these.
    assert discount(counted(strings, 3, 3), 1) != 0.5
    path = [BEGIN, *strings[7], 0]
    grams = [tuple(path[: k + 1][-3:]) for k in range(1, len(path))]
    expected = sum(math.log(probability(strings, 9, gram, 3)) for gram in grams)
    assert backed_off(estimate(strings, 9, 3), strings[7]) == pytest.approx(expected)


def backed_off(model: Ngram, string: list[int]) -> float:
    """As ARPA files are to be read, word by word."""
    tables = [
        {
            tuple(gram): (log_prob, backoff)
            for gram, log_prob, backoff in zip(
                level.grams.tolist(), level.log_probs, level.backoffs, strict=True
            )
        }
        for level in model.levels
    ]

    def word(gram: tuple[int, ...]) -> float:
        if gram in tables[len(gram) - 1]:
            return float(tables[len(gram) - 1][gram][0])
        _, backoff = tables[len(gram) - 2].get(gram[:-1], (0.0, 0.0))
        return float(backoff) + word(gram[1:])

    path = [model.symbols + 1, *string, 0]
    return sum(word(tuple(path[: k + 1][-model.order :])) for k in range(1, len(path)))


def padded(strings: list[list[int]]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(string) for string in strings])
    symbols = torch.full((len(strings), max(map(len, strings))), 3)
    for row, string in zip(symbols, strings, strict=True):
        row[: len(string)] = torch.tensor(string, dtype=torch.int64)
    return symbols, lengths


@settings(max_examples=30, deadline=None)
@given(texts, st.integers(1, 6), st.lists(st.integers(1, 3), max_size=9))
def test_the_table_is_the_model(strings: list[list[int]], order: int, string: list[int]) -> None:
    model = estimate(strings, 3, order)
    automaton = Automaton.of(model)
    told = [string, *strings]
    expected = [backed_off(model, one) for one in told]
    assert automaton.scores(*padded(told)).tolist() == pytest.approx(expected, abs=1e-4)
    assert torch.allclose(automaton.log_probs.exp().sum(1), torch.ones(len(automaton.log_probs)))


def test_probabilities_sum_to_one_in_every_state() -> None:
    automaton = Automaton.of(estimate(random_text(300, 39), 39, 4))
    assert len(automaton.log_probs) > 1000
    assert torch.allclose(automaton.log_probs.exp().sum(1), torch.ones(len(automaton.log_probs)))


def test_perplexity() -> None:
    uniform = Automaton.of(estimate([[1, 2, 3]], 3, 1))  # of three symbols and the end
    assert uniform.perplexity(*padded([[1, 2, 3], [2], []])) == pytest.approx(4)
    text = [[1, 2, 3, 1, 2, 3, 1, 2]] * 30
    one, two, three = (
        Automaton.of(estimate(text, 3, order)).perplexity(*padded(text)) for order in (1, 2, 3)
    )
    assert one > 3 > 1.3 > two > three > 1


def test_no_strings() -> None:
    with pytest.raises(UserError, match="needs strings"):
        estimate([], 3, 2)


def test_fusion_in_a_prefix_beam_of_all() -> None:
    model = estimate(random_text(50, 2, seed=3), 2, 3)
    log_probs = random_log_probs(1, 5, 3, seed=4)
    config = PrefixBeamConfig.model_validate(
        {"beam": 63, "bonus": 0.3, "ngram": {"order": 3, "weight": 0.8}}
    )
    found = prefix_beam_search(log_probs, torch.tensor([5]), config, Automaton.of(model))
    exact = string_probabilities(log_probs[0].double().numpy())
    strings = found.each()[0]
    assert len(strings) == len(exact)
    for string, score in zip(strings, found.scores[0].tolist(), strict=False):
        expected = (
            math.log(exact[tuple(string)]) + 0.8 * backed_off(model, string) + 0.3 * len(string)
        )
        assert score == pytest.approx(expected, abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(texts, st.integers(1, 6))
def test_a_file_holds_the_model(
    tmp_path_factory: pytest.TempPathFactory, strings: list[list[int]], order: int
) -> None:
    folder = tmp_path_factory.mktemp("arpa")
    path, packed = folder / "phones.arpa", folder / "phones.arpa.gz"
    model = estimate(strings, 3, order)
    path.write_text(arpa_of(model, NAMES))
    packed.write_bytes(packed_arpa(path.read_text()))
    assert gzip.decompress(packed.read_bytes()) == path.read_bytes()
    found = read_arpa(path, NAMES)
    for ours, theirs in zip(found.levels, read_arpa(packed, NAMES).levels, strict=True):
        np.testing.assert_array_equal(ours.log_probs, theirs.log_probs)
    assert found.order == order
    for string in random_text(10, 3):
        assert backed_off(found, string) == pytest.approx(backed_off(model, string), rel=1e-3)
        assert float(Automaton.of(found).scores(*padded([string]))) == pytest.approx(
            backed_off(model, string), rel=1e-3
        )


# As SRILM may write it: an unknown word, contexts pruned away, spaces and empty lines.
FOREIGN = """

\\data\\
ngram 1=6
ngram 2=2
ngram 3=1

\\1-grams:
-0.5\t</s>
-99\t<s>\t-0.1
-1.0\t<unk>
-0.4\taa\t-0.2
-0.8 b -0.3
-0.9\tch

\\2-grams:
-0.3\t<s> aa\t-0.05
-0.6\taa b

\\3-grams:
-0.2\t<s> aa b

\\end\\
"""


def test_a_file_of_others(tmp_path: Path) -> None:
    path = tmp_path / "foreign.arpa"
    path.write_text(FOREIGN)
    model = read_arpa(path, NAMES)
    # aa behind <s>, b behind <s> aa, ch behind aa b (0) and b, the end behind b ch (0) and ch (0)
    expected = -0.3 - 0.2 + (-0.3 - 0.9) - 0.5
    assert backed_off(model, [1, 2, 3]) == pytest.approx(expected * math.log(10))
    # b behind <s>, aa behind b, b behind b aa (none) and aa, the end behind aa b (0) and b
    expected = (-0.1 - 0.8) + (-0.3 - 0.4) - 0.6 + (-0.3 - 0.5)
    assert backed_off(model, [2, 1, 2]) == pytest.approx(expected * math.log(10))
    for string in ([1, 2, 3], [2, 1, 2], [], [3, 3], [1, 1, 2]):
        found = float(Automaton.of(model).scores(*padded([string])))
        assert found == pytest.approx(backed_off(model, string), abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("\\data\\", "data", 3, "expected .data."),
        ("ngram 2=2", "ngram 3=2", 5, "expected ngram 2"),
        ("ngram 2=2", "ngram 2=x", 5, "expected ngram 2"),
        ("ngram 2=2", "ngram 2=3", 20, "3 such lines were promised"),
        ("ngram 2=2", "ngram 2=1", 18, "expected .3-grams"),
        ("-0.8 b", "-o.8 b", 13, "expected a number"),
        ("-0.8 b", "nan b", 13, "expected a number"),
        ("-0.8 b", "0.8 b", 13, "at most 0"),
        ("-0.8 b", "-0.8 aa", 13, "there before"),
        ("aa b\n\n", "aa bb\n\n", 18, "no phone 'bb'"),
        ("-0.6\taa b", "-0.6\taa </s> b c", 18, "expected a log-probability, 2 words"),
        ("-0.6\taa b", "-0.6\t</s> b", 18, "stands last"),
        ("<s> aa b\n\n\\end", "b aa b\n\n\\end", 21, "no n-gram themselves"),
        ("\\end\\", "", 24, "found the end"),
    ],
)
def test_bad_files_are_told_with_their_line(
    tmp_path: Path, old: str, new: str, line: int, why: str
) -> None:
    path = tmp_path / "bad.arpa"
    assert old in FOREIGN
    path.write_text(FOREIGN.replace(old, new, 1))
    with pytest.raises(UserError, match=why) as caught:
        read_arpa(path, NAMES)
    assert f"{path}, line {line}:" in str(caught.value)


def test_what_is_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "bytes.arpa"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read"):
        read_arpa(path, NAMES)
    with pytest.raises(UserError, match="cannot read"):
        read_arpa(tmp_path / "none.arpa", NAMES)
    path.write_text(FOREIGN)
    with pytest.raises(UserError, match="no unigram of dh"):
        read_arpa(path, (*NAMES, "dh"))


def test_a_packed_file_that_is_damaged_or_cut_or_no_packed_one(tmp_path: Path) -> None:
    path = tmp_path / "phones.arpa.gz"
    whole = packed_arpa(FOREIGN)
    wrong = bytearray(whole)
    wrong[-6] ^= 1  # of the check sum
    for content, why in (
        (whole[:-9], "ends too soon"),
        (bytes(wrong), "damaged"),
        (FOREIGN.encode(), "not packed by gzip"),
        (packed_arpa("x"), "line 1"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=why):
            read_arpa(path, NAMES)


def test_lines_in_another_order_are_the_same_model_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    lines = arpa_of(estimate(random_text(30, 3), 3, 3), NAMES).split("\n")
    at = lines.index("\\3-grams:") + 1
    path = tmp_path / "phones.arpa"
    path.write_text("\n".join(lines))
    own = read_arpa(path, NAMES)
    path.write_text("\n".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]))
    moved = read_arpa(path, NAMES)
    for ours, theirs in zip(own.levels, moved.levels, strict=True):
        np.testing.assert_array_equal(ours.grams, theirs.grams)
        np.testing.assert_allclose(ours.log_probs, theirs.log_probs)
        np.testing.assert_allclose(ours.backoffs, theirs.backoffs)
    for wrong in ("nan\taa b ch", "0.1\taa b ch", "-1\taa b zz", "-1\taa </s> b", lines[at]):
        path.write_text("\n".join([*lines[: at + 1], wrong, *lines[at + 2 :]]))
        with pytest.raises(UserError, match=f"line {at + 2}:"):
            read_arpa(path, NAMES)
