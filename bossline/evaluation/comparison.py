"""Is one run better than another? Asked utterance by utterance, on the same test set."""

from __future__ import annotations

from typing import Literal

from bossline.config import Config
from bossline.errors import UserError
from bossline.evaluation.intervals import Interval, accuracy_interval
from bossline.evaluation.scores import Scores

Verdict = Literal["better", "worse", "no evidence of a difference"]


class Comparison(Config):
    """The difference in accuracy of two runs, first minus second, and what it allows to say."""

    difference: Interval
    verdict: Verdict

    def __str__(self) -> str:
        d = self.difference
        return f"{d.value:+.4f} [{d.low:+.4f}, {d.high:+.4f}], {self.verdict}"


def paired_difference(a: Scores, b: Scores) -> Comparison:
    """Accuracy of `a` minus that of `b`, with a paired bootstrap interval over utterances.

    Both runs meet the same hard and easy utterances, so the difference is known far better than
    the two intervals side by side suggest.

    Raises:
        UserError: the two were not scored on the same utterances.
    """
    rows_a = sorted(zip(a.utterances, a.lengths, a.correct, strict=True))
    rows_b = sorted(zip(b.utterances, b.lengths, b.correct, strict=True))
    if [row[:2] for row in rows_a] != [row[:2] for row in rows_b]:
        raise UserError(
            "cannot compare: the two runs were scored on different utterances "
            f"({len(rows_a)} with {a.count} {a.unit}, {len(rows_b)} with {b.count} {b.unit})"
        )
    # A gain per frame is redrawn just as an accuracy is: sum over utterances / sum of lengths.
    gain = [here[2] - there[2] for here, there in zip(rows_a, rows_b, strict=True)]
    difference = accuracy_interval(gain, [row[1] for row in rows_a])
    verdict: Verdict = "no evidence of a difference"
    if difference.low > 0:
        verdict = "better"
    elif difference.high < 0:
        verdict = "worse"
    return Comparison(difference=difference, verdict=verdict)
