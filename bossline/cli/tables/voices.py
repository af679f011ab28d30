"""Verification and identification of speakers."""

from __future__ import annotations

from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.cli.tables.predictions import LIKELIEST_SHOWN
from bossline.tasks.speaker.verbs import Identification
from bossline.tasks.speaker.verification.calibration import Threshold
from bossline.tasks.speaker.verification.scores import VerificationScores


def verification_table(scores: VerificationScores) -> Table:
    """Error rates with intervals over speakers, and whom the model knew."""
    trained_on = f"{scores.trained_on:,} of {scores.speakers:,} speakers were trained on"
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
    for candidate in found.candidates[:LIKELIEST_SHOWN]:
        enrolment = candidate.enrolment
        table.add_row(enrolment.speaker, f"{candidate.score:.4f}", str(enrolment))
    return table
