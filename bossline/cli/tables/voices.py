"""Verification and identification of speakers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.core.counting import counted
from bossline.tasks.prediction import LIKELIEST
from bossline.tasks.speaker.verbs import Identification, Verification
from bossline.tasks.speaker.verification.calibration import Threshold
from bossline.tasks.speaker.verification.scores import VerificationScores


def verification_table(scores: VerificationScores) -> Table:
    """Error rates with intervals over speakers, and whom the model knew."""
    trained_on = (
        f"{scores.trained_on:,} of {counted(scores.speakers, 'speaker')} "
        f"{'was' if scores.trained_on == 1 else 'were'} trained on"
    )
    if scores.trained_on and scores.score_scale == "as-norm":
        trained_on += ", and are in the cohort"
    return facts_table(
        {
            "equal error rate [95 %]": str(scores.equal_error_rate),
            **{
                f"min DCF, p target {cost.p_target:g} [95 %]": str(cost.minimum)
                for cost in scores.min_dcf
            },
            "scores": scores.score_scale,
            "trials": f"{scores.targets:,} target, {scores.nontargets:,} non-target",
            "speakers": trained_on,
        }
    )


def threshold_table(threshold: Threshold) -> Table:
    """A threshold and what it cost on its trials."""
    return facts_table(
        {
            "threshold": f"{threshold.value:.4f} ({threshold.score_scale})",
            "false accepts": f"{threshold.false_accept_rate:.2%}, {threshold.false_accepts:,} of "
            f"{threshold.nontargets:,} non-target trials",
            "false rejects": f"{threshold.false_reject_rate:.2%}, {threshold.false_rejects:,} of "
            f"{threshold.targets:,} target trials",
        }
    )


def candidates_table(found: Identification) -> Table:
    """The nearest enrolled speakers."""
    table = new_table("speaker", found.score_scale, "enrolled from", right=(found.score_scale,))
    for candidate in found.candidates[:LIKELIEST]:
        enrolment = candidate.enrolment
        table.add_row(enrolment.speaker, f"{candidate.score:.4f}", str(enrolment))
    return table


def identifications_table(found: Sequence[Identification]) -> Table:
    """Who each of several is."""
    scale = found[0].score_scale
    table = new_table("input", "speaker", "nearest", scale, right=(scale,))
    for one in found:
        nearest = one.candidates[0]
        table.add_row(one.id, one.speaker, nearest.enrolment.speaker, f"{nearest.score:.4f}")
    return table


def verifications_table(found: Sequence[Verification]) -> Table:
    """An utterance against each of several."""
    verdicts = {True: "same", False: "different", None: ""}
    scale = found[0].score_scale
    table = new_table("input", scale, "speaker", right=(scale,))
    for one in found:
        table.add_row(one.id, f"{one.score:.4f}", verdicts[one.same_speaker])
    return table
