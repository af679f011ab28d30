"""Everything there is, for small alphabets and few frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

String = tuple[int, ...]


def all_strings(symbols: int, longest: int) -> Iterator[String]:
    for length in range(longest + 1):
        yield from product(range(1, symbols + 1), repeat=length)


def collapsed(path: tuple[int, ...]) -> String:
    return tuple(symbol for symbol, _ in groupby(path) if symbol)


def path_probabilities(
    log_probs: npt.NDArray[np.float64],
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Each CTC path of (T, V + 1) and its probability."""
    frames, columns = log_probs.shape
    for path in product(range(columns), repeat=frames):
        yield path, float(np.exp(log_probs[range(frames), path].sum()))


def string_probabilities(log_probs: npt.NDArray[np.float64]) -> dict[String, float]:
    """Of each string, the sum over its CTC paths."""
    found: dict[String, float] = {}
    for path, probability in path_probabilities(log_probs):
        string = collapsed(path)
        found[string] = found.get(string, 0) + probability
    return found


def random_log_probs(*shape: int, seed: int = 0, scale: float = 1.5) -> Tensor:
    """(..., V + 1) float32."""
    draws = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return (scale * draws).log_softmax(-1)
