"""Who of the speakers that were enrolled is it?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bossline.core.errors import UserError
from bossline.core.refusing import Refused
from bossline.core.runtime import Runtime
from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.gallery import UNKNOWN, Enrolment, Gallery, read_gallery
from bossline.tasks.speaker.verification.calibration import Threshold, scale_of, threshold_of
from bossline.tasks.speaker.verification.normalisation import ScoreScale
from bossline.tasks.speaker.voices import Voices, refuse_silence
from bossline.training.contents import GALLERY


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
    voices = Voices(run, Runtime.choose(device))
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
    voices = Voices(run, Runtime.choose(device))
    threshold = threshold_of(voices.run)
    ids, vectors = voices.embed_all([str(name) for name in inputs], refused)
    if not ids:
        return []
    gallery = _gallery(voices, vectors.shape[1])
    if not gallery.enrolled:
        raise UserError(
            f"nobody is enrolled in {voices.run.path}: "
            f"bossline enroll {voices.run.path} --speaker NAME FILES"
        )
    known, scale = len(gallery.enrolled), scale_of(threshold)
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


def _gallery(voices: Voices, dim: int) -> Gallery:
    """See read_gallery; held against its checksum, too."""
    run = voices.run
    with suppress(FileNotFoundError):
        run.read(GALLERY)
    return read_gallery(run.path / GALLERY, voices.weights, dim)
