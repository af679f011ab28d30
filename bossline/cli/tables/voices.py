"""Verification and identification of speakers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.tasks.prediction import LIKELIEST
from bossline.tasks.speaker.gallery import UNKNOWN
from bossline.tasks.speaker.identifying import Identification
from bossline.tasks.speaker.verification.calibration import Threshold
from bossline.tasks.speaker.verification.scores import VerificationScores
from bossline.tasks.speaker.verifying import Verification


def verification_table(scores: VerificationScores) -> Table:
    """Error rates with intervals over speakers, and whom the model knew."""
    known: dict[str, object] = {
        "count": scores.trained_on,
        "speakers": counted(scores.speakers, "speaker"),
    }
    trained_on = (
        tr("{count:,} of {speakers} was trained on", **known)
        if scores.trained_on == 1
        else tr("{count:,} of {speakers} were trained on", **known)
    )
    if scores.trained_on and scores.score_scale == "as-norm":
        trained_on += tr(", and are in the cohort")
    return facts_table(
        {
            tr("equal error rate [95 %]"): str(scores.equal_error_rate),
            **{
                tr("min DCF, p target {p:g} [95 %]", p=cost.p_target): str(cost.minimum)
                for cost in scores.min_dcf
            },
            tr("scores"): scores.score_scale,
            tr("trials"): tr(
                "{targets:,} target, {nontargets:,} non-target",
                targets=scores.targets,
                nontargets=scores.nontargets,
            ),
            tr("speakers"): trained_on,
        }
    )


def threshold_table(threshold: Threshold) -> Table:
    """A threshold and what it cost on its trials."""
    return facts_table(
        {
            tr("threshold"): f"{threshold.value:.4f} ({threshold.score_scale})",
            tr("false accepts"): tr(
                "{share:.2%}, {count:,} of {total:,} non-target trials",
                share=threshold.false_accept_rate,
                count=threshold.false_accepts,
                total=threshold.nontargets,
            ),
            tr("false rejects"): tr(
                "{share:.2%}, {count:,} of {total:,} target trials",
                share=threshold.false_reject_rate,
                count=threshold.false_rejects,
                total=threshold.targets,
            ),
        }
    )


def speaker_of(found: Identification) -> str:
    """Who it is; nobody that is enrolled, in the language that is spoken."""
    return tr("unknown") if found.speaker == UNKNOWN else found.speaker


def candidates_table(found: Identification) -> Table:
    """The nearest enrolled speakers."""
    scale = found.score_scale
    table = new_table(term("speaker"), scale, tr("enrolled from"), right=(scale,))
    for candidate in found.candidates[:LIKELIEST]:
        enrolment = candidate.enrolment
        table.add_row(enrolment.speaker, f"{candidate.score:.4f}", str(enrolment))
    return table


def identifications_table(found: Sequence[Identification]) -> Table:
    """Who each of several is."""
    scale = found[0].score_scale
    table = new_table(tr("input"), term("speaker"), tr("nearest"), scale, right=(scale,))
    for one in found:
        nearest = one.candidates[0]
        table.add_row(one.id, speaker_of(one), nearest.enrolment.speaker, f"{nearest.score:.4f}")
    return table


def verifications_table(found: Sequence[Verification]) -> Table:
    """An utterance against each of several."""
    verdicts = {True: tr("same"), False: tr("different"), None: ""}
    scale = found[0].score_scale
    table = new_table(tr("input"), scale, term("speaker"), right=(scale,))
    for one in found:
        table.add_row(one.id, f"{one.score:.4f}", verdicts[one.same_speaker])
    return table
