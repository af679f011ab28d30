"""A run on trial lists: drawn, scored for error rates, and for a threshold."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import write_json
from bossline.core.runtime import Runtime
from bossline.data.duplicates import holder
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.verification.calibration import (
    Threshold,
    threshold_at_eer,
    threshold_at_false_accepts,
    write_threshold,
)
from bossline.tasks.speaker.verification.det import det_curve, write_det
from bossline.tasks.speaker.verification.error_rates import Floats
from bossline.tasks.speaker.verification.normalisation import SCALES, ScoreNorm, ScoreScale
from bossline.tasks.speaker.verification.pairing import make_trials
from bossline.tasks.speaker.verification.scores import VerificationScores
from bossline.tasks.speaker.verification.trials import Trials, read_trials, speakers_of
from bossline.tasks.speaker.voices import Voices, check_speaker_run
from bossline.tasks.trained import items_of
from bossline.training.contents import THRESHOLD

_SHARES = (0.15, 0.2, 0.25, 0.34, 0.5)  # of utterances, to propose
TRIALS = 20_000  # drawn unless told, or as many as there are


def draw_trials(
    run: OpenRun, *, count: int | None = None, split: str = "test", seed: int = 0
) -> Trials:
    """Half target, half non-target trials of a split's utterances; see `make_trials`.

    Args:
        run: of the speaker task.
        count: of the trials; None: 20,000, or as many as a smaller split makes.
        split: "train", "validation", "test", or "unheard" where the recipe sets speakers aside.
        seed: another seed, another list.

    Raises:
        UserError: no speaker run, no such split, or too few utterances or speakers in it.
    """
    opened = check_speaker_run(run)
    corpus = opened.corpus()
    utterances = items_of([opened], corpus, split)
    speakers = corpus.speakers[utterances]
    if (speakers < 0).any():
        raise UserError(f"trials of {split}: the corpus does not say who speaks there")
    sizes = np.bincount(speakers)
    targets = int((sizes * (sizes - 1) // 2).sum())
    if not targets:
        heard = counted(int((sizes > 0).sum()), "speaker")
        raise UserError(
            f"no target trials: none of the {heard} of {split} has two utterances there"
            f"{_share_for_trials(opened, corpus, split)}"
        )
    if count is None:
        nontargets = len(speakers) * (len(speakers) - 1) // 2 - targets
        count = min(TRIALS, max(2, 2 * min(targets, nontargets)))
    return make_trials(
        [corpus.ids[u] for u in utterances],
        [corpus.header.speakers[speaker] for speaker in speakers],
        count=count,
        seed=seed,
    )


def _share_for_trials(run: OpenRun, corpus: Corpus, split: str) -> str:
    """Which share of the utterances gives most speakers two in a split that is held out."""
    config, labelled = run.recipe.split, run.task.labelled(corpus)
    if split not in ("validation", "test"):
        return ""
    for share in _SHARES:
        with suppress(UserError):
            larger = config.model_copy(update={split: share})
            sizes = np.bincount(corpus.speakers[split_corpus(corpus, larger, labelled)[split]])
            if 2 * (sizes > 1).sum() > (sizes > 0).sum():
                return f": train with split.{split}={share}"
    return ""


def evaluate_trials(
    run: OpenRun,
    trials: str | Path,
    *,
    score_norm: ScoreNorm = "none",
    device: str = "auto",
) -> VerificationScores:
    """Error rates of a run on a trial list, kept in its folder: verification.json, det.safetensors.

    Args:
        run: of the speaker task; its corpus says who speaks.
        trials: a trial list of the corpus' utterances, or of files: whose voice a file holds, the
            corpus tells where it holds the same recording, else the target trials.
        score_norm: what the cosine scores go through.

    Raises:
        UserError: no speaker run, a list that does not fit the corpus, or an utterance that
            cannot be read or embedded.
    """
    voices = Voices(run, Runtime.choose(device))
    corpus, scale = voices.corpus, SCALES[score_norm]
    listed = read_trials(Path(trials), corpus.ids)
    names = corpus.header.speakers
    known = {
        id: names[speaker]
        for id, speaker in zip(corpus.ids, corpus.speakers.tolist(), strict=True)
        if speaker >= 0
    }
    pieces = _pieces(voices, listed)
    for name in pieces.keys() - set(corpus.ids):
        item = holder(corpus, pieces[name])  # a file may be what the corpus was made of
        if item is not None and corpus.speakers[item] >= 0:
            known[name] = names[corpus.speakers[item]]
    heard = pieces.keys()
    if unknown := sorted((heard & set(corpus.ids)) - set(known)):
        raise UserError(
            f"{trials}: the corpus does not say who speaks in {len(unknown)} of its utterances, "
            f"as in '{unknown[0]}': intervals over speakers need to know"
        )
    speakers = speakers_of(listed, known)
    trained_on = corpus.speakers[items_of([voices.run], corpus, "train")]
    scores = _scores(voices, listed, pieces, scale)
    found = VerificationScores.of(
        str(trials),
        scale,
        scores,
        listed.labels,
        [speakers[name] for name in listed.enrol],
        [speakers[name] for name in listed.test],
        {names[speaker] for speaker in trained_on},
    )
    with voices.run.locked():
        write_json(voices.run.path / "verification.json", found.model_dump(mode="json"))
        write_det(voices.run, *det_curve(scores, listed.labels))
    return found


def calibrate(
    run: OpenRun,
    trials: str | Path,
    *,
    false_accepts: float | None = None,
    score_norm: ScoreNorm = "none",
    device: str = "auto",
) -> Threshold:
    """Choose the threshold of a run on a trial list; kept in its folder as threshold.json.

    Args:
        run: of the speaker task, finished.
        trials: a trial list of the corpus' utterances, or of files.
        false_accepts: share of the non-target trials that may be accepted; None: the threshold
            whose two error rates are equal.
        score_norm: what the cosine scores go through, here and in `verify` and `identify`.

    Raises:
        UserError: no finished speaker run, a list that does not fit the corpus, or an utterance
            that cannot be read or embedded.
    """
    voices = Voices(run, Runtime.choose(device))
    if not voices.run.is_finished:
        raise UserError(
            f"{voices.run.path} is not finished, so its weights may change: "
            f"'bossline train --resume {voices.run.path}' first"
        )
    scale = SCALES[score_norm]
    listed = read_trials(Path(trials), voices.corpus.ids)
    scores = _scores(voices, listed, _pieces(voices, listed), scale)
    if false_accepts is None:
        threshold = threshold_at_eer(scores, listed.labels, score_scale=scale)
    else:
        threshold = threshold_at_false_accepts(
            scores, listed.labels, false_accepts, score_scale=scale
        )
    with voices.run.locked(), voices.run.replacing(THRESHOLD) as temporary:
        write_threshold(temporary, threshold)
    return threshold


def _pieces(voices: Voices, trials: Trials) -> dict[str, npt.NDArray[Any]]:
    """Features (T, dim) of what the trials name, in order of the names."""
    return {name: voices.read(name) for name in sorted({*trials.enrol, *trials.test})}


def _scores(
    voices: Voices, trials: Trials, pieces: dict[str, npt.NDArray[Any]], scale: ScoreScale
) -> Floats:
    """(N,) scores of the trials."""
    names = list(pieces)
    vectors = voices.embed(names, list(pieces.values()))
    return voices.scores(vectors, *trials.rows(names), scale)
