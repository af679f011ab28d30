"""What only the speaker task does: are these two of one speaker, and who is it?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import write_json
from bossline.core.refusing import Refused
from bossline.core.runtime import Runtime
from bossline.data.duplicates import holder
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.gallery import UNKNOWN, Enrolment, Gallery, read_gallery
from bossline.tasks.speaker.verification.calibration import (
    Threshold,
    read_threshold,
    threshold_at_eer,
    threshold_at_false_accepts,
    write_threshold,
)
from bossline.tasks.speaker.verification.det import det_curve, write_det
from bossline.tasks.speaker.verification.error_rates import Floats
from bossline.tasks.speaker.verification.pairing import make_trials
from bossline.tasks.speaker.verification.scores import VerificationScores
from bossline.tasks.speaker.verification.trials import Trials, read_trials, speakers_of
from bossline.tasks.speaker.voices import (
    Embeddings,
    ScoreScale,
    Voices,
    check_speaker_run,
    refuse_silence,
)
from bossline.tasks.trained import items_of
from bossline.training.contents import GALLERY, THRESHOLD

ScoreNorm = Literal["none", "as-norm"]
"""What cosine scores go through; as-norm compares with the mean voice of each training speaker."""

_SHARES = (0.15, 0.2, 0.25, 0.34, 0.5)  # of utterances, to propose
TRIALS = 20_000  # drawn unless told, or as many as there are

_SCALES: dict[ScoreNorm, ScoreScale] = {"none": "cosine", "as-norm": "as-norm"}


@dataclass(frozen=True)
class Verification:
    """What two utterances score together, and what the run's threshold makes of it."""

    cosine: float
    score: float  # on the scale of the threshold; cosine without one
    score_scale: ScoreScale
    threshold: Threshold | None
    id: str = ""  # of the second

    def to_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        return {
            "id": self.id,
            "cosine": self.cosine,
            "score": self.score,
            "score_scale": self.score_scale,
            "threshold": None if self.threshold is None else self.threshold.value,
            "same_speaker": self.same_speaker,
        }

    @property
    def same_speaker(self) -> bool | None:
        """None without a threshold."""
        if self.threshold is None:
            return None
        return bool(self.threshold.accepts(self.score, self.score_scale))


@dataclass(frozen=True)
class Candidate:
    """An enrolled speaker and the score with an utterance."""

    enrolment: Enrolment
    score: float


@dataclass(frozen=True)
class Identification:
    """All enrolled speakers, nearest first, and who of them it is."""

    candidates: tuple[Candidate, ...]
    score_scale: ScoreScale
    threshold: Threshold | None
    id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        return {
            "id": self.id,
            "speaker": self.speaker,
            "score_scale": self.score_scale,
            "threshold": None if self.threshold is None else self.threshold.value,
            "candidates": [
                {"speaker": one.enrolment.speaker, "score": one.score} for one in self.candidates
            ],
        }

    @property
    def speaker(self) -> str:
        """The nearest speaker; "unknown" where the score is below the threshold."""
        nearest = self.candidates[0]
        if self.threshold is not None and not self.threshold.accepts(
            nearest.score, self.score_scale
        ):
            return UNKNOWN
        return nearest.enrolment.speaker


class Enrolled(NamedTuple):
    """An enrolment, and the one of the same name whose place it took."""

    enrolment: Enrolment
    replaced: Enrolment | None


def embed(
    run: OpenRun,
    inputs: Sequence[str | Path],
    *,
    refused: Refused | None = None,
    device: str = "auto",
) -> Embeddings:
    """Unit vectors of utterances.

    Args:
        run: of the speaker task.
        inputs: feature files, recordings, folders of them, utterance ids of the run's corpus, or
            "train", "validation", "test", "unlabelled".
        refused: called with the name of what cannot be embedded, and why; the others are. None:
            that is an error.

    Raises:
        UserError: no speaker run, or an input that cannot be read or embedded.
    """
    if not inputs:
        raise UserError("give at least one file, utterance or split to embed")
    voices = _voices(run, device)
    ids, vectors = voices.embed_all([str(name) for name in inputs], refused)
    return Embeddings(tuple(ids), vectors, voices.weights)


def verify(
    run: OpenRun, first: str | Path, second: str | Path, *, device: str = "auto"
) -> Verification:
    """Compare two utterances: files, or ids of the run's corpus.

    Raises:
        UserError: no speaker run, an input that cannot be read or embedded, or a damaged threshold.
    """
    found = verify_each(run, first, [second], device=device)
    if len(found) != 1:
        raise UserError(f"{second}: {len(found)} utterances: verify_each compares with each")
    return found[0]


def verify_each(
    run: OpenRun,
    first: str | Path,
    others: Sequence[str | Path],
    *,
    refused: Refused | None = None,
    device: str = "auto",
) -> list[Verification]:
    """Compare an utterance with each of several, which may be all that `embed` takes.

    Args:
        refused: as of `embed`.

    Raises:
        UserError: as `verify`; of the first utterance always.
    """
    voices = _voices(run, device)
    threshold = _threshold(voices.run)
    scale = _scale(threshold)
    against = voices.embed([str(first)], [voices.read(str(first))])
    ids, vectors = voices.embed_all([str(name) for name in others], refused)
    if not ids:
        return []
    joined, others_at = np.concatenate([against, vectors]), np.arange(1, len(ids) + 1)
    cosines, scores = (
        voices.scores(joined, np.zeros_like(others_at), others_at, kind)
        for kind in ("cosine", scale)
    )
    return [
        Verification(float(cosine), float(score), scale, threshold, id)
        for id, cosine, score in zip(ids, cosines, scores, strict=True)
    ]


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
    voices = _voices(run, device)
    corpus, scale = voices.corpus, _SCALES[score_norm]
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
    voices = _voices(run, device)
    if not voices.run.is_finished:
        raise UserError(
            f"{voices.run.path} is not finished, so its weights may change: "
            f"'bossline train --resume {voices.run.path}' first"
        )
    scale = _SCALES[score_norm]
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


def enroll(
    run: OpenRun,
    speaker: str,
    recordings: Sequence[str | Path],
    *,
    joined: bool = False,
    device: str = "auto",
) -> Enrolled:
    """Keep a speaker's voice in the run's gallery, in place of one of the same name.

    Args:
        run: of the speaker task.
        speaker: a name.
        recordings: files, or ids of the run's corpus.
        joined: join the frames and embed them at once; else average the recordings' unit vectors.

    Raises:
        UserError: no speaker run, no name, a recording that cannot be read or embedded, or a
            gallery that is damaged or made by other weights.
    """
    if not speaker.strip() or not speaker.isprintable() or speaker == UNKNOWN:
        raise UserError(f"speaker {speaker!a}: expected a name, printable and not '{UNKNOWN}'")
    if not recordings:
        raise UserError(f"give at least one recording of {speaker}")
    voices = _voices(run, device)
    names = [str(name) for name in recordings]
    pieces = [voices.read(name) for name in names]
    if joined:
        refuse_silence(names, pieces)
        (mean,) = voices.embed([", ".join(names)], [np.concatenate(pieces)])
    else:
        mean = voices.embed(names, pieces).mean(0)
    enrolment = Enrolment(speaker=speaker, recordings=tuple(names), joined=joined)
    with voices.run.locked():
        gallery = _gallery(voices, len(mean))
        length = np.linalg.norm(mean)
        if not length:
            raise UserError(f"{', '.join(names)}: the recordings cancel each other out")
        with voices.run.replacing(GALLERY) as temporary:
            gallery.enrol(enrolment, mean / length).write(temporary)
    return Enrolled(enrolment, gallery.find(speaker))


def identify(run: OpenRun, recording: str | Path, *, device: str = "auto") -> Identification:
    """Who of the enrolled speakers is nearest: of a file, or an id of the run's corpus.

    Raises:
        UserError: no speaker run, a recording that cannot be read or embedded, nobody enrolled,
            or a gallery or threshold that is damaged or made by other weights.
    """
    found = identify_each(run, [recording], device=device)
    if len(found) != 1:
        raise UserError(f"{recording}: {len(found)} utterances: identify_each names each")
    return found[0]


def identify_each(
    run: OpenRun,
    inputs: Sequence[str | Path],
    *,
    refused: Refused | None = None,
    device: str = "auto",
) -> list[Identification]:
    """Who of the enrolled speakers is nearest to each of several utterances, as `embed` takes them.

    Args:
        refused: as of `embed`.

    Raises:
        UserError: as `identify`.
    """
    voices = _voices(run, device)
    threshold = _threshold(voices.run)
    ids, vectors = voices.embed_all([str(name) for name in inputs], refused)
    if not ids:
        return []
    gallery = _gallery(voices, vectors.shape[1])
    if not gallery.enrolled:
        raise UserError(
            f"nobody is enrolled in {voices.run.path}: "
            f"bossline enroll {voices.run.path} --speaker NAME FILES"
        )
    known, scale = len(gallery.enrolled), _scale(threshold)
    enrolled, asked = np.meshgrid(np.arange(known), np.arange(known, known + len(ids)))
    joined = np.concatenate([gallery.vectors, vectors])
    scores = voices.scores(joined, enrolled.ravel(), asked.ravel(), scale)
    return [
        Identification(
            tuple(
                Candidate(gallery.enrolled[k], float(row[k]))
                for k in np.argsort(-row, kind="stable")
            ),
            scale,
            threshold,
            id,
        )
        for id, row in zip(ids, scores.reshape(len(ids), known), strict=True)
    ]


def _voices(run: OpenRun, device: str) -> Voices:
    return Voices(run, Runtime.choose(device))


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


def _gallery(voices: Voices, dim: int) -> Gallery:
    """See read_gallery; held against its checksum, too."""
    run = voices.run
    with suppress(FileNotFoundError):
        run.read(GALLERY)
    return read_gallery(run.path / GALLERY, voices.weights, dim)


def _threshold(run: OpenRun) -> Threshold | None:
    """The calibrated threshold, if there is one."""
    path = run.path / THRESHOLD
    if not path.exists():
        return None
    threshold = read_threshold(path)
    run.read(THRESHOLD)
    return threshold


def _scale(threshold: Threshold | None) -> ScoreScale:
    """The kind of score that a threshold judges."""
    if threshold is None:
        return "cosine"
    for scale in _SCALES.values():
        if scale == threshold.score_scale:
            return scale
    raise UserError(
        f"the threshold is for {threshold.score_scale} scores: calibrate again for one of "
        f"{', '.join(_SCALES.values())}"
    )
