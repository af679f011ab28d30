"""Verdicts on many comparisons at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bossline.evaluation.comparison import Comparison

LEVEL = 0.05


def holm_adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with adjusted p values, and verdicts that hold for all together.

    Of many differences that are none, some look like one. Here the chance that any verdict of
    "better" or "worse" is wrong stays below 5 %, however the comparisons depend on each other:
    the smallest of m p values is multiplied by m, the next by m - 1, and so on, none falling
    below the one before (Holm 1979). The intervals stay those of each comparison by itself.
    """
    p = np.array([comparison.p for comparison in comparisons])
    order = p.argsort(kind="stable")
    adjusted = np.empty_like(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [
        comparison.model_copy(
            update={
                "p": float(value),
                "verdict": (
                    comparison.verdict if value <= LEVEL else "no evidence of a difference"
                ),
            }
        )
        for comparison, value in zip(comparisons, adjusted, strict=True)
    ]
