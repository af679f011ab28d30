"""The task from end to end, on utterances that are learnt in seconds."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register, remove_corpus
from bossline.data.writer import writing
from bossline.recipes import load_recipe
from bossline.runs import engine
from bossline.runs.run import Run
from bossline.runs.sharing import share
from bossline.tasks import TASKS, lesson_of
from bossline.tasks.trained import TrainedModel
from bossline.tasks.transcribe.frames import Posteriors
from bossline.tasks.transcribe.lesson import TranscribeLesson
from bossline.tasks.transcribe.prediction import StringPrediction
from bossline.tasks.transcribe.transcripts import best, judged
from tests.conftest import over

QUIET = Console(quiet=True)
PHONES = ("SIL", "AA", "S", "T", "M")
SHORT = ("batches.size=150", "optimiser={kind: adamw, lr: 1e-2}", "augment=null")

CTC = (
    "epochs=40",
    *SHORT,
    "model={kind: transcriber, encoder: {kind: rnn, depth: 1, width: 12}}",
)
JOINT = (
    "epochs=50",
    *over(SHORT, "optimiser={kind: adamw, lr: 2e-2}"),  # at 1e-2 some seeds need longer
    "model={kind: transcriber, encoder: {kind: rnn, depth: 1, width: 12}, frames: true}",
    "model.decoder={kind: transformer, depth: 1, width: 12, heads: 2, dropout: 0}",
    "objective={frames: 0.1, sampling: {schedule: {kind: linear, floor: 0.5}}}",
    "objective.guided={schedule: {kind: exponential, gamma: 0.9}}",
    "decoding={kind: beam, beam: 3}",
)
SPELLER = (
    "epochs=60",
    *SHORT,
    "model={kind: transcriber, ctc: false, encoder: {kind: rnn, depth: 1, width: 12}}",
    "model.decoder={kind: lstm, width: 16, attention_width: 8, filters: 2, kernel: 5, dropout: 0}",
    "objective={sampling: {form: token, schedule: {kind: inverse-sigmoid, k: 20}}}",
    "objective.guided={}",
    "decoding={kind: greedy}",
)
FLOOR = (
    "epochs=20",
    *SHORT,
    "model={kind: tagger, encoder: {kind: tdnn, width: 12}}",
    "smoothing={kind: viterbi}",
)


def write_spoken(key: str, name: str, *, odd: bool = False, noise: float = 0.5) -> Corpus:
    """40 utterances of clear phones that last 3 to 6 frames, and 4 that are unlabelled.

    Args:
        odd: with one of silence alone, and one with more phones than half its frames.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(PHONES), 6)) * 3
    path = pack_path(key)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=6),
        classes=PHONES,
        source=Source(reader="test", path="test"),
    ) as writer:
        for number in range(44):
            phones = rng.permutation(len(PHONES))
            labels = np.repeat(phones, rng.integers(3, 7, len(PHONES)))
            if odd and number == 3:
                labels[:] = 0
            if odd and number == 4:
                labels = np.resize([1, 2], 12)
            frames = centres[labels] + rng.normal(size=(len(labels), 6)) * noise
            labelled = number < 40
            writer.add(
                f"u-{number:02d}",
                frames.astype(np.float32),
                part="train" if labelled else "test",
                labels=labels if labelled else None,
            )
    register(name, path)
    return Corpus(path)


@pytest.fixture
def spoken(home: Path) -> Corpus:
    return write_spoken("a" * 64, "spoken")


def trained(overrides: tuple[str, ...], run: str, recipe: str = "transcribe/boss") -> Run:
    return api.train(recipe, "spoken", overrides, run=run, device="cpu", threads=1, console=QUIET)


@pytest.mark.parametrize(
    ("recipe", "overrides", "bar"),
    [
        ("transcribe/simple", CTC, 0.4),
        ("transcribe/simple", (*CTC, "decoding={kind: prefix-beam, ngram: {order: 2}}"), 0.2),
        ("transcribe/boss", JOINT, 0.3),
        ("transcribe/medium", SPELLER, 0.6),
        ("transcribe/floor", FLOOR, 0.2),
    ],
    ids=["ctc", "ngram", "joint", "speller", "floor"],
)
def test_each_kind_learns_and_answers(
    spoken: Corpus, recipe: str, overrides: tuple[str, ...], bar: float
) -> None:
    run = trained(overrides, "runs/one", recipe)
    test = run.scores["test"]
    assert test.score.value < bar
    assert api.evaluate("runs/one")["test"] == test
    predictions = api.predict(run, "test")
    assert [one.id for one in predictions] == list(test.ids)
    for one in predictions:
        assert isinstance(one, StringPrediction)
        assert set(one.phones) <= set(PHONES[1:])
        rows = list(one.records())
        assert len(rows) == len(one.phones)
        for _, _, start, end, _, probability in rows:
            assert 0 <= float(str(start)) <= float(str(end))
            assert 0 <= float(str(probability)) <= 1
    assert api.submit(run, "phones.csv") == 4
    with Path("phones.csv").open() as stream:
        header, *lines = csv.reader(stream)
    assert header == ["id", "phones"]
    assert [id for id, _ in lines] == [f"u-{number}" for number in range(40, 44)]
    api.submit(run, "letters.csv", letters=True)
    assert Path("letters.csv").read_text().startswith("index,label\n0,")


@pytest.mark.parametrize("overrides", [JOINT, SPELLER], ids=["two-pass", "token"])
def test_resuming_is_exact_with_what_decoders_draw(
    spoken: Corpus, overrides: tuple[str, ...]
) -> None:
    few = tuple(each for each in overrides if not each.startswith("epochs"))
    whole = trained((*few, "epochs=4"), "runs/whole")

    def stop(epoch: int, score: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train(
            "transcribe/boss", "spoken", (*few, "epochs=4"), run="runs/cut", device="cpu",
            threads=1, console=QUIET, watch=stop,
        )  # fmt: skip
    cut = engine.resume("runs/cut", console=QUIET)
    assert cut.best_weights.read_bytes() == whole.best_weights.read_bytes()
    assert Run("runs/cut").scores == whole.scores


def test_a_search_may_be_asked_for_later(spoken: Corpus) -> None:
    run = trained(CTC, "runs/one", "transcribe/simple")
    kept = Path("runs/one/scores.json").read_bytes()
    wide = api.evaluate(run, decoding=["kind=prefix-beam", "beam=4", "ngram.order=2"])
    assert wide["test"].ids == run.scores["test"].ids
    assert Path("runs/one/scores.json").read_bytes() == kept
    (first, *_) = api.predict(run, "test", decoding=["kind=prefix-beam", "beam=4"])
    assert isinstance(first, StringPrediction)
    assert 1 <= len(first.alternatives) <= 3
    with pytest.raises(UserError, match="beam"):
        api.evaluate(run, decoding=["kind=prefix-beam", "beam=0"])
    with pytest.raises(UserError, match="--decoding"):
        api.evaluate(run, smoothing="viterbi")
    with pytest.raises(UserError, match="asks a decoder"):
        api.evaluate(run, decoding=["kind=beam"])


def test_several_runs_answer_as_one(spoken: Corpus) -> None:
    runs = [trained((*CTC, f"seed={seed}"), f"runs/{seed}", "transcribe/simple") for seed in (1, 2)]
    together = api.evaluate(runs)["test"].score.value
    alone = [run.scores["test"].score.value for run in runs]
    assert together <= max(alone)


def test_silence_and_strings_without_a_path_are_left_out(home: Path) -> None:
    corpus = write_spoken("b" * 64, "odd", odd=True)
    recipe = load_recipe(
        "transcribe/simple",
        [*CTC, "model.frame_stack=2", "split={validation: 0.05, test: 0.05, seed: 3}"],
    )
    lesson = lesson_of(recipe, corpus, Runtime.choose("cpu", 1))
    assert "u-03" not in {id for split in lesson.splits for id in lesson.ids(split)}
    assert "u-04" in lesson.ids("train")
    assert lesson.description.endswith(
        "1 utterance left out: more phones than steps of the encoder"
    )
    assert isinstance(lesson, TranscribeLesson)
    assert len(lesson.strings) == len(lesson.ids("train")) - 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("model.ctc=false",), "nothing writes strings"),
        (("decoding={kind: beam}",), "asks a decoder"),
        (("decoding={kind: prefix-beam, beam: 0}",), "beam"),
        (("decoding={kind: prefix-beam, rescore: 0.5}",), "asks a decoder"),
        (("objective.frames=0.1",), "model.frames"),
        (("objective.ctc=0.5",), "there is none"),
        (("objective.sampling={}",), "for a decoder"),
        (("smoothing={kind: viterbi}",), "decoding instead"),
        (("model.frame_stack=0",), "frame_stack"),
    ],
)
def test_what_does_not_go_together_is_refused(overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_recipe("transcribe/simple", overrides)


def test_posteriors_agree_by_the_mean_of_their_logarithms() -> None:
    rng = np.random.default_rng(0)
    members = [rng.dirichlet(np.ones(4), 7).astype(np.float32) for _ in range(3)]
    lengths = np.array([3, 4])
    answers = [Posteriors(torch.from_numpy(rows), lengths) for rows in members]
    agreed = TASKS["transcribe"].agree(answers)
    assert isinstance(agreed, Posteriors)
    expected = scipy.stats.gmean(members, axis=0)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(agreed.array, expected, rtol=1e-5)


def test_what_is_passed_on_has_the_phone_model_of_its_search(spoken: Corpus) -> None:
    overrides = (*CTC, "decoding={kind: prefix-beam, ngram: {order: 2}}")
    run = trained(overrides, "runs/one", "transcribe/simple")
    search = ("ngram.order=3", "ngram.weight=0.8")
    asked = api.predict(run, "test", decoding=search)
    folder = share(run, Path("passed-on"), decoding=search)
    assert b"ngram 3=" in gzip.decompress((folder / "phones.arpa.gz").read_bytes())
    assert b"ngram 3=" not in gzip.decompress((run.path / "phones.arpa.gz").read_bytes())
    remove_corpus("spoken")
    told = api.load(folder).predict([spoken.frames(spoken.ids.index(one.id)) for one in asked])
    strings = [[one.phones for one in answers] for answers in (told, asked)]  # type: ignore[attr-defined]
    assert strings[0] == strings[1]


def test_what_is_passed_on_is_as_sure_of_strangers_as_it_is_right(spoken: Corpus) -> None:
    run = trained(CTC, "runs/one", "transcribe/simple")
    strangers = write_spoken("b" * 64, "strangers", noise=3.0)
    search = ("kind=prefix-beam", "beam=4")  # several strings each, of which the best counts
    folder = share(run, Path("passed-on"), decoding=search, calibrate="strangers")
    frames = [strangers.frames(u) for u in range(40)]
    truth = TASKS["transcribe"].truth(strangers, np.arange(40))
    gaps = []
    for path in (run.path, folder):
        model = TrainedModel(Run.of(path), Runtime.choose("cpu"))
        sure, right = judged(best(model.answers(frames)), truth)
        gaps.append(abs(float(sure.mean() - right.mean())))
    assert gaps[0] > 0.1 > 0.02 > gaps[1]
    with pytest.raises(UserError, match="other phones"):
        share(run, Path("never"), calibrate=write_other(spoken))
    assert not Path("never").exists()


def write_other(spoken: Corpus) -> Corpus:
    """The same with other phones."""
    path = pack_path("c" * 64)
    source = Source(reader="test", path="test")
    with writing(path, features=spoken.speech, classes=("SIL", "B"), source=source) as writer:
        writer.add("u", spoken.frames(0), part="train", labels=np.ones(len(spoken.frames(0)), int))
    register("other", path)
    return Corpus(path)
