"""Verification held against scores computed by hand from the embeddings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from bossline import api as verification
from bossline.core.errors import UserError
from bossline.core.files import read_json
from bossline.data.splits import SplitConfig
from bossline.runs.run import Run
from bossline.tasks.speaker.pictures import voices_of
from bossline.tasks.speaker.verification.det import det_curve, read_det
from bossline.tasks.speaker.verification.error_rates import equal_error_rate, min_dcf
from bossline.tasks.speaker.verification.normalisation import ScoreNorm
from bossline.tasks.speaker.verification.scores import VerificationScores
from bossline.tasks.speaker.verification.trials import Trials, speakers_of, write_trials
from tests.conftest import SPEAKERS, train_on_voices

KNOWN = [f"u{number:02d}.pt" for number in range(80)]  # number % 4 is the speaker
NORMS: tuple[ScoreNorm, ...] = ("none", "as-norm")


@pytest.fixture
def trials(speaker_run: Run) -> Trials:
    drawn = verification.draw_trials(speaker_run, count=201, split="train", seed=3)
    write_trials(Path("trials.txt"), drawn)
    return drawn


def by_hand(run: Run, trials: Trials, norm: ScoreNorm) -> np.ndarray:
    found = verification.embed(run, KNOWN)
    vectors = dict(zip(found.ids, found.vectors.astype(np.float64), strict=True))
    a = np.array([vectors[id] for id in trials.enrol])
    b = np.array([vectors[id] for id in trials.test])
    scores = (a * b).sum(1)
    if norm == "none":
        return np.asarray(scores)
    train = verification.embed(run, ["train"])
    speakers = np.array([int(id[1:3]) % 4 for id in train.ids])
    means = np.array([train.vectors[speakers == number].mean(0) for number in range(4)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    sides = [(scores - (x @ means.T).mean(1)) / (x @ means.T).std(1) for x in (a, b)]
    return np.asarray(sum(sides) / 2)


def test_trials_are_of_the_split_and_as_the_corpus_says(speaker_run: Run, trials: Trials) -> None:
    train = set(verification.embed(speaker_run, ["train"]).ids)
    assert {*trials.enrol, *trials.test} <= train
    assert len(trials) == 201
    for label, enrol, test in zip(trials.labels, trials.enrol, trials.test, strict=True):
        assert label == (int(enrol[1:3]) % 4 == int(test[1:3]) % 4)


def test_names_with_blanks_of_any_script(speaker_run: Run) -> None:
    corpus = speaker_run.corpus()
    names = []
    for number in range(4):
        name = f'Ann "Lee" {number}/录音 [b] 1.npy'
        Path(name).parent.mkdir()
        np.save(name, corpus.frames(number).astype(np.float32))
        names.append(name)
    rows = [(True, names[0], KNOWN[4]), (False, names[1], names[2])]
    write_trials(Path("trials.txt"), Trials.of(rows))
    found = verification.evaluate_trials(speaker_run, "trials.txt")
    plain = [(True, KNOWN[0], KNOWN[4]), (False, KNOWN[1], KNOWN[2])]
    write_trials(Path("plain.txt"), Trials.of(plain))
    expected = verification.evaluate_trials(speaker_run, "plain.txt")
    assert found.equal_error_rate == expected.equal_error_rate
    verification.calibrate(speaker_run, "trials.txt")
    assert verification.verify(speaker_run, names[0], KNOWN[0]).cosine == pytest.approx(1, abs=1e-5)
    verification.enroll(speaker_run, "Ann Lee 王", names[:1])
    assert verification.identify(speaker_run, names[0]).speaker == "Ann Lee 王"


def test_trials_of_speakers_that_were_never_heard(speaker_run: Run) -> None:
    run = train_on_voices("split.unheard=0.5", run="runs/unheard")
    drawn = verification.draw_trials(run, split="unheard")
    heard = {int(id[1:3]) % 4 for id in verification.embed(run, ["train", "test"]).ids}
    for id in {*drawn.enrol, *drawn.test}:
        assert int(id[1:3]) % 4 not in heard
    assert len(heard) == 2
    with pytest.raises(UserError, match=r"heard all speakers: train with split\.unheard=0\.1"):
        verification.draw_trials(speaker_run, split="unheard")


def test_a_small_split_makes_as_many_trials_as_it_can(speaker_run: Run) -> None:
    drawn = verification.draw_trials(speaker_run)
    tested = verification.embed(speaker_run, ["test"]).ids
    pairs = [int(a[1:3]) % 4 == int(b[1:3]) % 4 for a, b in combinations(tested, 2)]
    assert int(drawn.labels.sum()) * 2 == len(drawn) == 2 * sum(pairs)


@pytest.mark.parametrize("norm", NORMS)
def test_error_rates_are_those_of_the_scores(
    speaker_run: Run, trials: Trials, norm: ScoreNorm
) -> None:
    before = (speaker_run.path / "scores.json").read_bytes()
    found = verification.evaluate_trials(speaker_run, "trials.txt", score_norm=norm)
    scores = by_hand(speaker_run, trials, norm)
    assert found.equal_error_rate.value == pytest.approx(
        equal_error_rate(scores, trials.labels).rate, abs=1e-6
    )
    assert [cost.p_target for cost in found.min_dcf] == [0.01, 0.05]
    for cost in found.min_dcf:
        expected = min_dcf(scores, trials.labels, cost.p_target)
        assert cost.minimum.value == pytest.approx(expected, abs=1e-6)
        assert cost.minimum.low <= cost.minimum.high
    assert (found.targets, found.nontargets) == (100, 101)
    assert (found.trained_on, found.speakers) == (4, 4)
    kept = read_json(speaker_run.path / "verification.json")
    assert VerificationScores.model_validate(kept) == found
    assert (speaker_run.path / "scores.json").read_bytes() == before


def test_trials_of_files_are_scored_as_those_of_the_same_utterances(
    speaker_run: Run, trials: Trials, tmp_path: Path
) -> None:
    """What the corpus was made of is known again under any name; of others the trials tell."""
    expected = verification.evaluate_trials(speaker_run, "trials.txt")
    threshold = verification.calibrate(speaker_run, "trials.txt")
    corpus = speaker_run.corpus()
    files = {id: str(tmp_path / f"{id}.npy") for id in {*trials.enrol, *trials.test}}
    for id, file in files.items():
        np.save(file, corpus.frames(corpus.ids.index(id)))
    of_files = Trials(
        trials.labels,
        tuple(files[id] for id in trials.enrol),
        tuple(files[id] for id in trials.test),
    )
    write_trials(tmp_path / "files.txt", of_files)
    found = verification.evaluate_trials(speaker_run, tmp_path / "files.txt")
    assert found.equal_error_rate.value == pytest.approx(expected.equal_error_rate.value)
    assert (found.trained_on, found.speakers) == (4, 4)
    assert found.min_dcf == expected.min_dcf
    assert verification.calibrate(speaker_run, tmp_path / "files.txt") == threshold
    for file in files.values():
        np.save(file, np.load(file)[:-1])
    others = verification.evaluate_trials(speaker_run, tmp_path / "files.txt")
    assert others.trained_on == 0
    assert others.speakers == len(set(speakers_of(of_files, {}).values()))


def test_what_a_report_draws_is_kept(speaker_run: Run, trials: Trials) -> None:
    verification.evaluate_trials(speaker_run, "trials.txt")
    curve = read_det(speaker_run)
    assert curve is not None
    np.testing.assert_allclose(
        curve, det_curve(by_hand(speaker_run, trials, "none"), trials.labels)
    )
    voices = voices_of(speaker_run)
    assert voices is not None
    assert voices.embeddings is not None
    by_file = verification.embed(speaker_run, ["test"]).vectors
    np.testing.assert_allclose(voices.embeddings, by_file, atol=1e-3)


def test_speakers_who_were_not_trained_on_are_counted(speaker_run: Run, trials: Trials) -> None:
    """Two of four are set aside."""
    run = train_on_voices("split.unheard=0.5", run="runs/b")
    found = verification.evaluate_trials(run, "trials.txt")
    assert (found.trained_on, found.speakers) == (2, 4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("false_accepts", [None, 0.05])
def test_a_threshold_judges_as_it_did_on_its_trials(
    speaker_run: Run, trials: Trials, norm: ScoreNorm, false_accepts: float | None
) -> None:
    threshold = verification.calibrate(
        speaker_run, "trials.txt", false_accepts=false_accepts, score_norm=norm
    )
    scores = by_hand(speaker_run, trials, norm)
    accepted = scores >= threshold.value
    assert threshold.false_accepts == (accepted & ~trials.labels).sum()
    assert threshold.false_rejects == (~accepted & trials.labels).sum()
    if false_accepts is not None:
        assert threshold.false_accept_rate <= false_accepts
    for k in range(5):
        found = verification.verify(speaker_run, trials.enrol[k], trials.test[k])
        assert found.threshold == threshold
        assert found.score == pytest.approx(scores[k], abs=1e-4)
        assert found.same_speaker == accepted[k]
        assert found.cosine == pytest.approx(by_hand(speaker_run, trials, "none")[k], abs=1e-5)


def test_verifying_is_symmetric_and_an_utterance_is_itself(speaker_run: Run) -> None:
    np.save("a.npy", speaker_run.corpus().frames(0))
    for first, second in (("u00.pt", "u01.pt"), ("a.npy", "u10.pt")):
        there = verification.verify(speaker_run, first, second)
        back = verification.verify(speaker_run, second, first)
        assert there.cosine == there.score == pytest.approx(back.score, abs=1e-6)
        assert (there.threshold, there.same_speaker) == (None, None)
    assert verification.verify(speaker_run, "a.npy", "u00.pt").score == pytest.approx(1, abs=1e-5)


def test_the_enrolled_are_found_and_strangers_are_unknown(speaker_run: Run, trials: Trials) -> None:
    """Cid is enrolled by nobody; all else is as the cosines with the enrolled say."""
    for number, speaker in enumerate(SPEAKERS[:3]):
        ids = KNOWN[number::4][:6]
        assert verification.enroll(speaker_run, speaker, ids).replaced is None
    nearest = verification.identify(speaker_run, KNOWN[3])
    assert nearest.threshold is None
    assert nearest.speaker in SPEAKERS[:3]  # nothing says that it is none of them
    threshold = verification.calibrate(speaker_run, "trials.txt")
    vectors = verification.embed(speaker_run, KNOWN).vectors
    means = np.array([vectors[number:24:4].mean(0) for number in range(3)])
    cosines = vectors @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    answers = []
    for u in range(40, 60):
        found = verification.identify(speaker_run, KNOWN[u])
        best = int(cosines[u].argmax())
        accepted = cosines[u, best] >= threshold.value
        assert found.speaker == (SPEAKERS[best] if accepted else "unknown")
        assert [c.enrolment.speaker for c in found.candidates] == [
            SPEAKERS[k] for k in (-cosines[u]).argsort()
        ]
        assert found.candidates[0].score == pytest.approx(cosines[u, best], abs=1e-5)
        answers.append(found.speaker)
    right = [answers[k] == (*SPEAKERS[:3], "unknown")[k % 4] for k in range(20)]
    assert sum(right) >= 14  # chance is 5


def test_identifying_by_normalised_scores(speaker_run: Run, trials: Trials) -> None:
    for number, speaker in enumerate(SPEAKERS):
        verification.enroll(speaker_run, speaker, [KNOWN[number]])
    verification.calibrate(speaker_run, "trials.txt", score_norm="as-norm")
    found = verification.identify(speaker_run, KNOWN[42])
    pairs = Trials.of([(True, KNOWN[number], KNOWN[42]) for number in range(4)])
    scores = by_hand(speaker_run, pairs, "as-norm")
    assert [c.score for c in found.candidates] == pytest.approx(
        sorted(scores, reverse=True), abs=1e-4
    )
    assert found.candidates[0].enrolment.speaker == SPEAKERS[int(scores.argmax())]


def test_several_recordings_are_averaged_or_joined(speaker_run: Run) -> None:
    corpus = speaker_run.corpus()
    np.save("joined.npy", np.concatenate([corpus.frames(0), corpus.frames(4)]))
    one, other, joined = verification.embed(speaker_run, ["u00.pt", "u04.pt", "joined.npy"]).vectors
    mean = (one + other) / np.linalg.norm(one + other)
    probe = verification.embed(speaker_run, ["u09.pt"]).vectors[0]
    for flag, vector in ((False, mean), (True, joined)):
        verification.enroll(speaker_run, "zoe", ["u00.pt", "u04.pt"], joined=flag)
        (found,) = verification.identify(speaker_run, "u09.pt").candidates
        assert found.score == pytest.approx(float(vector @ probe), abs=1e-5)
        assert (found.enrolment.recordings, found.enrolment.joined) == (("u00.pt", "u04.pt"), flag)


def test_enrolling_again_replaces(speaker_run: Run) -> None:
    first = verification.enroll(speaker_run, "zoe", ["u00.pt", "u04.pt"])
    verification.enroll(speaker_run, "ann", ["u01.pt"])
    again = verification.enroll(speaker_run, "zoe", ["u08.pt"])
    assert again.replaced == first.enrolment
    found = verification.identify(speaker_run, "u08.pt").candidates
    assert {c.enrolment.speaker for c in found} == {"zoe", "ann"}
    assert found[0].enrolment == again.enrolment


def test_a_gallery_of_other_weights_is_refused(speaker_run: Run) -> None:
    verification.enroll(speaker_run, "zoe", ["u00.pt"])
    other = train_on_voices("seed=9", run="runs/other")
    speaker_run.write("best.safetensors", other.best_weights.read_bytes())
    for use in (
        lambda: verification.identify(speaker_run, "u00.pt"),
        lambda: verification.enroll(speaker_run, "ann", ["u01.pt"]),
    ):
        with pytest.raises(UserError, match=r"by other weights .*: delete it and enroll"):
            use()


def test_silence_is_not_enrolled(speaker_run: Run) -> None:
    np.save("silence.npy", np.zeros((9, 5)))
    for joined in (False, True):
        with pytest.raises(UserError, match=r"silence\.npy: all frames are equal"):
            verification.enroll(speaker_run, "zoe", ["u00.pt", "silence.npy"], joined=joined)
    with pytest.raises(UserError, match="at least one recording of zoe"):
        verification.enroll(speaker_run, "zoe", [])
    with pytest.raises(UserError, match="nobody is enrolled"):
        verification.identify(speaker_run, "u00.pt")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "1 u00.pt x00.pt\n",
            r"trials\.txt line 1: 'x00\.pt' is neither a file nor one of.*did you mean 'u00\.pt'",
        ),
        ("1 u00.pt u01.pt\n0 u00.pt u02.pt\n", "trial 1 is labelled target, but its speakers are"),
        ("1 u00.pt u80.pt\n", r"does not say who speaks in 1 of its utterances, as in 'u80\.pt'"),
        ("1 u00.pt u04.pt\n", "error rates need trials of both kinds"),
    ],
)
def test_trials_that_do_not_fit_are_refused(speaker_run: Run, lines: str, message: str) -> None:
    Path("trials.txt").write_text(lines)
    with pytest.raises(UserError, match=message):
        verification.evaluate_trials(speaker_run, "trials.txt")
    assert not (speaker_run.path / "verification.json").exists()


def test_calibrating_waits_for_the_last_weights(speaker_run: Run, trials: Trials) -> None:
    speaker_run.update(state="training")
    with pytest.raises(UserError, match="runs/a is not finished, so its weights may change"):
        verification.calibrate(speaker_run, "trials.txt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("cosine", "plda"),
            r"threshold\.json is damaged: it is not what the run wrote; calibrate",
        ),
        (('"value"', '"worth"'), "calibrate the threshold again"),
        (("{", "["), "not readable as JSON"),
    ],
)
def test_a_damaged_threshold_is_refused(
    speaker_run: Run, trials: Trials, change: tuple[str, str], message: str
) -> None:
    verification.calibrate(speaker_run, "trials.txt")
    verification.enroll(speaker_run, "zoe", ["u00.pt"])
    path = speaker_run.path / "threshold.json"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(UserError, match=message):
        verification.verify(speaker_run, "u00.pt", "u01.pt")
    with pytest.raises(UserError, match=message):
        verification.identify(speaker_run, "u00.pt")


def test_of_few_recordings_the_share_to_test_on_is_said(speaker_run: Run) -> None:
    """Of 20 recordings a speaker a twentieth is one: no two of it are of one speaker."""
    kept = speaker_run.recipe
    few = SplitConfig(by="each-speaker", test=0.05)
    speaker_run.recipe = kept.model_copy(update={"split": few})
    with pytest.raises(UserError, match=r"none of the 4 speakers of test .* split\.test=0\.15"):
        verification.draw_trials(speaker_run)
    speaker_run.recipe = kept.model_copy(update={"split": few.model_copy(update={"test": 0.15})})
    assert verification.draw_trials(speaker_run).labels.any()
