"""How good is an alignment: boundaries found, their errors, and phones told apart.

Two questions are answered apart. Boundaries: is there one near each of the reference's, whatever
the labels? Phones: on the path that matches labels, how far are edges off, and which are wrong?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bossline.core.config import Config
from bossline.core.errors import UserError, did_you_mean
from bossline.data.alignments import Interval as Labelled
from bossline.data.alignments import IntervalTier
from bossline.evaluation.intervals import Interval, redrawn_sums, widened
from bossline.evaluation.phone_matching import MAPPINGS, mapped, matched

Floats = npt.NDArray[np.float64]
Sums = Mapping[str, Floats]

TOLERANCES = (0.01, 0.02, 0.05)  # seconds within which a boundary is found
NEAR = (0.01, 0.02, 0.025, 0.05, 0.1)  # seconds within which an edge of a matched phone is counted
_EDITS = ("substitutions", "deletions", "insertions")
_ROUNDING = 1e-6  # seconds: 0.3 - 0.29 is within 0.01, whatever units files have


@dataclass(frozen=True)
class Compared:
    """One recording, labelled twice.

    Attributes:
        start, end: of the reference, seconds: its outer edges are no boundaries.
    """

    reference: IntervalTier
    hypothesis: IntervalTier
    start: float
    end: float


class Detection(Config):
    """Boundaries found by one way of counting."""

    precision: Interval
    recall: Interval
    f1: Interval
    r_value: Interval


class BoundaryScores(Config):
    """Boundaries within a tolerance.

    Attributes:
        tolerance: seconds.
        over_segmentation: boundaries of the hypothesis / of the reference, minus 1.
        strict: a boundary of one side is paired with one of the other at most.
        lenient: a boundary is found where any of the other side is near (Strgar and Harwath 2022,
            arXiv:2211.01461); several near one are all right.
    """

    tolerance: float
    over_segmentation: Interval
    strict: Detection
    lenient: Detection


class EdgeErrors(Config):
    """How far the edges of matched phones are off, both edges of each, in seconds.

    Attributes:
        bias, median_bias: hypothesis minus reference: above 0 is late.
        within: share of edges, by the tolerance in seconds.
    """

    mean_absolute: Interval
    median_absolute: float
    bias: Interval
    median_bias: float
    within: dict[str, Interval]


class AlignmentScores(Config):
    """How near hypotheses are to their references, with intervals over recordings.

    Attributes:
        files: recordings.
        mapping: of labels before they are compared, a key of MAPPINGS.
        phones: of the references, mapped.
        phone_error_rate: (substitutions + deletions + insertions) / phones.
        matched: phones of equal label on the path of the fewest edits.
        errors: of their edges; None where nothing matches.
    """

    files: int
    mapping: str
    boundaries: tuple[BoundaryScores, ...]
    phones: int
    substitutions: int
    deletions: int
    insertions: int
    phone_error_rate: Interval
    matched: int
    errors: EdgeErrors | None


Score = Callable[[Sums], Floats]
Scored = Callable[[Score, bool], Interval]
"""A score of totals with its interval, and whether it is a share of a whole."""


def alignment_scores(
    compared: Sequence[Compared], mapping: str = "none", *, seed: int = 0
) -> AlignmentScores:
    """Score hypotheses against references.

    A boundary is a moment at which a label begins or ends; of silence too, whether it has a label
    or is a gap. Where the reference begins and ends there is none, and what a hypothesis has there,
    within the tolerance, is neither right nor wrong.

    Args:
        compared: at least one recording.
        mapping: a key of MAPPINGS.
        seed: of the redraws of recordings.

    Raises:
        UserError: no such mapping, no recording, or no boundary or phone in any reference.
    """
    if mapping not in MAPPINGS:
        raise UserError(f"no mapping '{mapping}': {did_you_mean(mapping, MAPPINGS)}")
    if not compared:
        raise UserError("no recording to score")
    counts, errors = zip(*(_counted(one, mapping) for one in compared), strict=True)
    names = list(counts[0])
    table = np.array([[row[name] for name in names] for row in counts], np.float64)
    totals = dict(zip(names, table.sum(0), strict=True))
    for what, name in (("boundary", "edges"), ("phone", "phones")):
        if not totals[name]:
            raise UserError(f"no {what} in any reference")
    redrawn = dict(zip(names, redrawn_sums(table, seed=seed).T, strict=True))

    def scored(score: Score, share: bool) -> Interval:
        low, high = np.nanquantile(score(redrawn), [0.025, 0.975])
        found = Interval(value=float(score(totals)), low=float(low), high=float(high))
        return widened(found, len(compared)) if share else found

    return AlignmentScores(
        files=len(compared),
        mapping=mapping,
        boundaries=tuple(_boundary_scores(tolerance, scored) for tolerance in TOLERANCES),
        phones=int(totals["phones"]),
        **{name: int(totals[name]) for name in _EDITS},
        phone_error_rate=scored(
            lambda of: _ratio(sum(of[name] for name in _EDITS), of["phones"]), True
        ),
        matched=int(totals["ends"]) // 2,
        errors=_edge_errors(np.concatenate(errors), scored) if totals["ends"] else None,
    )


def r_value(recall: npt.ArrayLike, over_segmentation: npt.ArrayLike) -> Floats:
    """Distance from the ideal of all boundaries found and none too many; 1 is ideal.

    Räsänen, Laine and Altosaar (2009), An improved speech segmentation quality measure: the
    R-value, Interspeech. Unlike F1, it does not grow by boundaries put at random.

    >>> float(r_value(1, 0)), round(float(r_value(0.75, 0.5)), 4)
    (1.0, 0.4553)
    """
    recall, over = np.asarray(recall, np.float64), np.asarray(over_segmentation, np.float64)
    to_ideal = np.hypot(1 - recall, over)
    to_line = np.abs(recall - 1 - over) / np.sqrt(2)
    return np.asarray(1 - (to_ideal + to_line) / 2)


def boundaries(tier: IntervalTier) -> Floats:
    """(N,) the moments at which a label begins or ends, in order."""
    edges = {edge for one in tier.intervals for edge in (one.start, one.end)}
    return np.array(sorted(edges), np.float64)


def paired(reference: Floats, hypothesis: Floats, tolerance: float) -> list[tuple[int, int]]:
    """Places of the most pairs of boundaries within a tolerance, each in one pair at most.

    Args:
        reference, hypothesis: in order.
        tolerance: seconds.
    """
    pairs = []
    r = h = 0
    while r < len(reference) and h < len(hypothesis):
        if abs(reference[r] - hypothesis[h]) <= tolerance + _ROUNDING:
            pairs.append((r, h))
            r, h = r + 1, h + 1
        elif reference[r] < hypothesis[h]:
            r += 1
        else:
            h += 1
    return pairs


def _counted(one: Compared, mapping: str) -> tuple[dict[str, float], Floats]:
    """All that is summed over recordings, and the errors of one."""
    edits, errors = _phone_counts(one, mapping)
    near = {f"near {limit}": (abs(errors) <= limit + _ROUNDING).sum() for limit in NEAR}
    sums = {"ends": len(errors), "absolute": abs(errors).sum(), "signed": errors.sum()}
    return {**_boundary_counts(one), **edits, **sums, **near}, errors


def _boundary_counts(one: Compared) -> dict[str, float]:
    reference, hypothesis = boundaries(one.reference), boundaries(one.hypothesis)
    reference = reference[(reference > one.start) & (reference < one.end)]
    counts: dict[str, float] = {"edges": len(reference)}
    for tolerance in TOLERANCES:
        inner = (hypothesis > one.start + tolerance) & (hypothesis < one.end - tolerance)
        pairs = paired(reference, hypothesis, tolerance)
        hits = np.zeros(len(hypothesis), np.bool_)
        hits[[h for _, h in pairs]] = True
        near = _near(hypothesis, reference, tolerance)
        counts |= {
            f"hits {tolerance}": len(pairs),
            f"put {tolerance}": (inner | hits).sum(),
            f"near a reference {tolerance}": near.sum(),
            f"put, lenient {tolerance}": (inner | near).sum(),
            f"near a hypothesis {tolerance}": _near(reference, hypothesis, tolerance).sum(),
        }
    return counts


def _near(these: Floats, others: Floats, tolerance: float) -> npt.NDArray[np.bool_]:
    """Which have one of the others within the tolerance."""
    low = np.searchsorted(others, these - tolerance - _ROUNDING)
    return np.asarray(low < np.searchsorted(others, these + tolerance + _ROUNDING, "right"))


def _phone_counts(one: Compared, mapping: str) -> tuple[dict[str, float], Floats]:
    """Edits of the path, and how late the edges of its phones of equal label are."""
    reference, hypothesis = _phones(one.reference, mapping), _phones(one.hypothesis, mapping)
    counts = dict.fromkeys(_EDITS, 0.0)
    errors = []
    for r, h in matched(reference, hypothesis):
        if r is None:
            counts["insertions"] += 1
        elif h is None:
            counts["deletions"] += 1
        elif reference[r].label != hypothesis[h].label:
            counts["substitutions"] += 1
        else:
            errors.append(hypothesis[h].start - reference[r].start)
            errors.append(hypothesis[h].end - reference[r].end)
    return {"phones": len(reference), **counts}, np.array(errors, np.float64)


def _phones(tier: IntervalTier, mapping: str) -> list[Labelled]:
    return [
        Labelled(one.start, one.end, label)
        for one in tier.intervals
        if (label := mapped(one.label, mapping)) is not None
    ]


def _boundary_scores(tolerance: float, scored: Scored) -> BoundaryScores:
    def over(of: Sums) -> Floats:
        return _ratio(of[f"put {tolerance}"], of["edges"]) - 1

    def found(hits: str, right: str, put: str) -> Detection:
        def precision(of: Sums) -> Floats:
            return np.nan_to_num(_ratio(of[f"{right} {tolerance}"], of[f"{put} {tolerance}"]))

        def recall(of: Sums) -> Floats:
            return _ratio(of[f"{hits} {tolerance}"], of["edges"])

        def f1(of: Sums) -> Floats:
            p, r = precision(of), recall(of)
            return np.nan_to_num(_ratio(2 * p * r, p + r))

        return Detection(
            precision=scored(precision, True),
            recall=scored(recall, True),
            f1=scored(f1, True),
            r_value=scored(lambda of: r_value(recall(of), over(of)), False),
        )

    return BoundaryScores(
        tolerance=tolerance,
        over_segmentation=scored(over, False),
        strict=found("hits", "hits", "put"),
        lenient=found("near a hypothesis", "near a reference", "put, lenient"),
    )


def _edge_errors(errors: Floats, scored: Scored) -> EdgeErrors:
    def mean(name: str, share: bool = False) -> Interval:
        return scored(lambda of: _ratio(of[name], of["ends"]), share)

    return EdgeErrors(
        mean_absolute=mean("absolute"),
        median_absolute=float(np.median(abs(errors))),
        bias=mean("signed"),
        median_bias=float(np.median(errors)),
        within={f"{limit:g}": mean(f"near {limit}", True) for limit in NEAR},
    )


def _ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """a / b; NaN where b is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.equal(b, 0), np.nan, np.divide(a, b))
