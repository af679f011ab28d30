"""A model of phones from several sources: strings, corpora, and texts that a dictionary says.

    python -m benchmarks.phone_model --corpus libriphone --strings learners.txt \\
        --text examples.txt --dictionary dictionary.txt --vocabulary phones.txt \\
        --tune heldout.txt --order 5 --grams 80000 -o phones.arpa.gz

Each source gets a model of its own (modified Kneser-Ney). Their probabilities are mixed, by weights
under which the strings of --tune are most probable (expectation maximisation), and of the n-grams
are kept that matter most (relative entropy: Stolcke 1998, "Entropy-based pruning of backoff
language models", arXiv cs/0006025). `ngram.file=phones.arpa.gz` of a decoding reads it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.store import open_corpus
from bossline.tasks.transcribe.decoding.arpa import arpa_of, packed_arpa
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ngram import MOST_WORDS, Level, Ngram, estimate
from bossline.tasks.transcribe.strings import Spoken

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Table = list[tuple[Ints, Floats]]  # of each length n-grams, (M, n), sorted, and probabilities


def log_probs(model: Ngram, grams: Ints) -> Floats:
    """(K,) natural logarithms of the last word behind the others, (K, n), backed off."""
    grams = grams[:, -model.order :]
    level = model.levels[grams.shape[1] - 1]
    place = level.places(grams, model.words)
    found = np.where(place >= 0, level.log_probs[place], 0.0)
    missing = place < 0
    if missing.any() and grams.shape[1] > 1:
        context = grams[missing, :-1]
        shorter = model.levels[grams.shape[1] - 2]
        place = shorter.places(context, model.words)
        backoff = np.where(place >= 0, shorter.backoffs[place], 0.0)
        found[missing] = backoff + log_probs(model, grams[missing, 1:])
    return found


def normalised(symbols: int, table: Table) -> Ngram:
    """The backoff model of these probabilities; of each n-gram its context is there too."""
    levels: list[Level] = []
    for n, (grams, probs) in enumerate(table, start=1):
        with np.errstate(divide="ignore"):
            level = Level(grams, np.log(probs), np.zeros(len(grams)))
        if n < len(table):
            longer, following = table[n]
            at = level.places(longer[:, :-1], symbols + 2)
            so_far = Ngram(symbols, (*levels, level))
            shorter = np.exp(log_probs(so_far, longer[:, 1:]))
            left = 1 - np.bincount(at, following, len(grams))
            without = 1 - np.bincount(at, shorter, len(grams))
            is_context = np.bincount(at, minlength=len(grams)) > 0
            share = np.maximum(left, 1e-9) / np.maximum(without, 1e-9)
            level = replace(level, backoffs=np.log(np.where(is_context, share, 1.0)))
        levels.append(level)
    return Ngram(symbols, tuple(levels))


def mixed(models: Sequence[Ngram], weights: Sequence[float]) -> Ngram:
    """All n-grams of the models, each as probable as the weighted models say together."""
    table: Table = []
    for n in range(1, models[0].order + 1):
        grams = np.unique(np.concatenate([model.levels[n - 1].grams for model in models]), axis=0)
        probs = sum(
            weight * np.exp(log_probs(model, grams))
            for weight, model in zip(weights, models, strict=True)
        )
        table.append((grams, np.asarray(probs, np.float64)))
    return normalised(models[0].symbols, table)


def pruned(model: Ngram, least: float) -> Ngram:
    """Without n-grams of three words and more that change the model by less relative entropy."""
    table = [(level.grams, np.exp(level.log_probs)) for level in model.levels]
    for n in range(model.order, 2, -1):
        grams, probs = table[n - 1]
        keep = _cost(model, n) > least
        if n < len(table):
            # What longer ones begin with or end in stays.
            longer = table[n][0]
            for part in (longer[:, :-1], longer[:, 1:]):
                place = model.levels[n - 1].places(part, model.words)
                keep[place[place >= 0]] = True
        table[n - 1] = grams[keep], probs[keep]
        model = normalised(model.symbols, table)
    return model


def _cost(model: Ngram, n: int) -> Floats:
    """Relative entropy between the model and what it is without each n-gram of n words."""
    level, contexts = model.levels[n - 1], model.levels[n - 2]
    at = contexts.places(level.grams[:, :-1], model.words)
    probs, shorter = np.exp(level.log_probs), np.exp(log_probs(model, level.grams[:, 1:]))
    left = (1 - np.bincount(at, probs, len(contexts.grams)))[at]
    without = (1 - np.bincount(at, shorter, len(contexts.grams)))[at]
    backoff = np.log((left + probs) / (without + shorter))
    context = level.grams[:, :-1]
    seen = np.zeros(len(context))
    for k in range(1, n):
        told = log_probs(model, context[:, :k])
        seen += np.where(context[:, k - 1] == model.words - 1, 0.0, told)  # the begin is certain
    change = probs * (np.log(shorter) + backoff - level.log_probs)
    change += left * (backoff - contexts.backoffs[at])
    return -np.exp(seen) * change


def best_weights(models: Sequence[Ngram], strings: Sequence[Sequence[int]]) -> list[float]:
    """Under which the mixture finds strings most probable."""
    order, begin = models[0].order, models[0].words - 1
    by_length: dict[int, list[list[int]]] = {}
    for string in strings:
        path = [begin, *string, 0]
        for k in range(1, len(path)):
            gram = path[max(0, k + 1 - order) : k + 1]
            by_length.setdefault(len(gram), []).append(gram)
    told = np.exp(
        [
            np.concatenate([log_probs(model, np.array(grams)) for grams in by_length.values()])
            for model in models
        ]
    )
    weights = np.full(len(models), 1 / len(models))
    for _ in range(300):
        shares = weights[:, None] * told
        weights = (shares / shares.sum(0)).mean(1)
    return [float(weight) for weight in weights]


def said(text: Path, dictionary: Path | None, numbers: dict[str, int]) -> list[list[int]]:
    """Lines of words as phones, as a dictionary says them first; lines of one word are left out."""
    pronouncer, known = Pronouncer.of(dictionary), dict[str, list[int]]()
    found = []
    for line in text.read_text(encoding="utf-8").splitlines():
        words = [word.strip("'") for word in re.findall("[a-z']+", line.lower())]
        for word in words:
            if word not in known:
                ways = pronouncer.ways(word) if word else ((),)
                known[word] = [numbers[phone.rstrip("012")] for phone in ways[0]] if ways else []
        if len(words) > 1:
            found.append([phone for word in words for phone in known[word]])
    return found


def strings_of(path: Path, numbers: dict[str, int]) -> list[list[int]]:
    """Lines 'id PHONE PHONE ...'."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[numbers[phone] for phone in line.split()[1:]] for line in lines]


def of_corpus(name: str, numbers: dict[str, int]) -> list[list[int]]:
    """What is said in a corpus' utterances: its strings, else the order of its labels."""
    spoken = Spoken(open_corpus(name))
    own = [0, *(numbers[name] for name in spoken.vocabulary.names)]
    found = spoken.strings(np.flatnonzero(spoken.known))
    each = np.split(found.symbols, np.cumsum(found.lengths)[:-1])
    return [[own[symbol] for symbol in string] for string in each]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--strings", type=Path, action="append", default=[])
    parser.add_argument("--text", type=Path, action="append", default=[])
    parser.add_argument("--dictionary", type=Path)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--tune", type=Path, required=True)
    parser.add_argument("--order", type=int, default=5, choices=range(2, MOST_WORDS + 1))
    parser.add_argument("--grams", type=int, default=80_000, help="kept at most")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    names = arguments.vocabulary.read_text().split()
    numbers = {name: k for k, name in enumerate(names, start=1)}
    sources = {
        **{name: of_corpus(name, numbers) for name in arguments.corpus},
        **{str(path): strings_of(path, numbers) for path in arguments.strings},
        **{str(path): said(path, arguments.dictionary, numbers) for path in arguments.text},
    }
    held_out = strings_of(arguments.tune, numbers)
    models = [estimate(strings, len(names), arguments.order) for strings in sources.values()]
    weights = best_weights(models, held_out)
    for name, strings, weight in zip(sources, sources.values(), weights, strict=True):
        print(f"{name}: {len(strings)} strings, {sum(map(len, strings))} phones, {weight:.3f}")
    model = mixed(models, weights)
    print(f"together: {_size(model)} n-grams, perplexity {_perplexity(model, held_out):.2f}")
    least = 1e-8
    while _size(model) > arguments.grams:
        model = pruned(model, least)
        least *= 1.15
    print(f"pruned: {_size(model)} n-grams, perplexity {_perplexity(model, held_out):.2f}")
    text = arpa_of(model, names)
    packed = arguments.output.suffix == ".gz"
    arguments.output.write_bytes(packed_arpa(text) if packed else text.encode())


def _size(model: Ngram) -> int:
    return sum(len(level.grams) for level in model.levels)


def _perplexity(model: Ngram, strings: list[list[int]]) -> float:
    lengths = torch.tensor([len(string) for string in strings])
    symbols = torch.nn.utils.rnn.pad_sequence([torch.tensor(s) for s in strings], batch_first=True)
    return Automaton.of(model).perplexity(symbols, lengths)


if __name__ == "__main__":
    main()
