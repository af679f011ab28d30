"""Sentences drawn from a model of words, as text for a model of phones.

    pip install pocketsphinx
    python -c "from pocketsphinx import Config, LogMath, NGramModel, get_model_path
    m = NGramModel(Config(), LogMath(), get_model_path('en-us/en-us.lm.bin'))
    m.write('words.arpa', m.str_to_type('arpa'))"
    python -m benchmarks.sampled words.arpa --sentences 400000 -o sampled.txt

(NGramModel.readfile of pocketsphinx 5.1.1 writes logarithms of a wrong base. Where its writer
crashes behind the bigrams, that file will do: sentences are drawn from the n-grams that it has.)

Text of everyday English that may be passed on is rare; models of words made of much of it are not.
Sentences of two words to --longest are written, a line each. A word that is no n-gram behind its
context comes from the shorter context, as the model's backoff has it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BEGIN, END = "<s>", "</s>"
_TRIES = 20
_LAST = np.iinfo(np.int64).max


class Words:
    """An n-gram model of words as numbers, in the order of a file's unigrams.

    Attributes:
        words: of each number.
        codes: of each length the n-grams, sorted, the digits of one number each, and a last one.
        before: of each length, what the n-grams up to each have of probability, from 0 on.
    """

    def __init__(self, path: Path, most: int) -> None:
        """
        Args:
            path: an ARPA file.
            most: words that are spoken, the most frequent ones; others are never drawn.
        """
        levels = _levels(path)
        grams, probs = levels[0]
        spoken = np.array([word.replace("'", "").isalpha() for (word,) in grams])
        spoken &= np.array([word.isascii() for (word,) in grams])
        rank = np.argsort(np.where(spoken, -np.array(probs), np.inf), kind="stable")
        chosen = [grams[k][0] for k in rank[:most] if spoken[k]]
        self.words = [*chosen, BEGIN, END]
        number = {word: k for k, word in enumerate(self.words)}
        self.codes: list[Ints] = []
        self.before: list[Floats] = []
        for n, (grams, probs) in enumerate(levels, start=1):
            kept = [k for k, gram in enumerate(grams) if all(word in number for word in gram)]
            numbers = [number[word] for k in kept for word in grams[k]]
            codes = np.array(numbers, np.int64).reshape(-1, n) @ self._digits(n)
            order = codes.argsort()
            told = 10.0 ** np.array([probs[k] for k in kept])
            if n == 1:
                told[codes == number[BEGIN]] = 0.0
                told /= told.sum()
            self.codes.append(np.append(codes[order], _LAST))
            self.before.append(np.append(0.0, told[order].cumsum()))

    @property
    def end(self) -> int:
        return len(self.words) - 1

    def _digits(self, n: int) -> Ints:
        return len(self.words) ** np.arange(n - 1, -1, -1)

    def following(self, context: Ints, rng: np.random.Generator) -> Ints:
        """(B,) a word behind each context, (B, n)."""
        n, size = context.shape[1], len(self.words)
        codes, before = self.codes[n], self.before[n]
        first = context @ self._digits(n) * size
        low, high = np.searchsorted(codes, first), np.searchsorted(codes, first + size)
        draws = before[low] + rng.random(len(context))
        seen = draws < before[high]
        found = np.empty(len(context), np.int64)
        place = np.searchsorted(before, draws[seen], side="right") - 1
        found[seen] = codes[place] % size
        left = np.flatnonzero(~seen)
        for _ in range(_TRIES):  # what is no n-gram here: what is one has had its chance
            if not len(left):
                break
            found[left] = self.following(context[left, 1:], rng)
            at = np.searchsorted(codes, first[left] + found[left])
            left = left[codes[at] == first[left] + found[left]]
        return found

    def sentences(self, count: int, longest: int, rng: np.random.Generator) -> list[list[str]]:
        """So many, those left out that are one word, or not at an end after the longest."""
        said: list[list[str]] = [[] for _ in range(count)]
        alive = np.arange(count)
        context = np.full((count, 1), len(self.words) - 2)
        for _ in range(longest + 1):
            drawn = self.following(context, rng)
            going = drawn != self.end
            alive, context = alive[going], np.column_stack((context, drawn))[going]
            context = context[:, -(len(self.codes) - 1) :]
            for place, word in zip(alive.tolist(), context[:, -1].tolist(), strict=True):
                said[place].append(self.words[word])
        return [one for one in said if 2 <= len(one) <= longest]


def _levels(path: Path) -> list[tuple[list[list[str]], list[float]]]:
    """Of each length the n-grams and their logarithms of base 10."""
    levels: list[tuple[list[list[str]], list[float]]] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            if line.startswith("\\") and "-grams" in line:
                levels.append(([], []))
            elif levels and len(fields) > len(levels):
                levels[-1][0].append(
                    [
                        word.lower() if word[0] != "<" else word
                        for word in fields[1 : len(levels) + 1]
                    ]
                )
                levels[-1][1].append(float(fields[0]))
    return levels


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--sentences", type=int, default=400_000)
    parser.add_argument("--words", type=int, default=20_000, help="the most frequent, at most")
    parser.add_argument("--longest", type=int, default=14, help="words of a sentence")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    model = Words(arguments.model, arguments.words)
    rng = np.random.default_rng(arguments.seed)
    drawn = model.sentences(arguments.sentences, arguments.longest, rng)
    arguments.output.write_text("".join(f"{' '.join(one)}\n" for one in drawn), encoding="utf-8")


if __name__ == "__main__":
    main()
