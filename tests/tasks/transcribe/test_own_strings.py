"""Corpora that say which phones follow one another, and not when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.transcribe.lesson import TranscribeLesson
from bossline.tasks.transcribe.prediction import StringPrediction
from bossline.tasks.transcribe.strings import Spoken
from bossline.training.objectives import IGNORED

VOCABULARY = ("b", "a", "c")
CLASSES = ("c", "SIL", "a", "b")
STRETCH = 4  # frames of a phone
SMALL = (
    "epochs=6",
    "batches.size=150",
    "model={kind: transcriber, frame_stack: 1, encoder: {kind: rnn, width: 16, depth: 1}}",
    "optimiser.lr=3e-2",
    "precision=float32",
)


def write_said(labels: bool = False, classes: tuple[str, ...] = CLASSES) -> Corpus:
    """40 utterances of 3 to 6 different neighbours, and 4 of which nobody says what they are.

    The frames of a phone are a noisy point. Labels of frames, where there are any, say backwards
    what the strings say, so that it shows which of the two was learnt.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 6)) * 2
    path = pack_path(("1" if labels else "0") * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=6),
        classes=classes if labels else (),
        source=Source(reader="test", path="test"),
        vocabulary=VOCABULARY,
        note="phones: of three letters",
    ) as writer:
        for number in range(44):
            steps = rng.integers(1, 3, int(rng.integers(2, 6)))
            symbols = 1 + (rng.integers(3) + np.append(0, np.cumsum(steps))) % 3
            means = centres[symbols].repeat(STRETCH, axis=0)
            known = number < 40
            names = [VOCABULARY[k - 1] for k in symbols[::-1]]
            told = [CLASSES.index(name) for name in names]
            writer.add(
                f"u{number:02d}",
                (means + rng.normal(size=means.shape) / 2).astype(np.float32),
                part="train" if known else "test",
                labels=np.repeat(told, STRETCH) if labels else None,
                string=symbols if known else None,
            )
    register("said", path)
    return Corpus(path)


@pytest.fixture
def said(home: object) -> Corpus:
    return write_said()


def lesson_on(corpus: Corpus, *overrides: str, recipe: str = "transcribe/simple") -> Any:
    loaded = load_recipe(recipe, list(overrides))
    return lesson_of(loaded, corpus, Runtime.choose("cpu", 1))


def test_what_is_said_is_what_the_corpus_says(said: Corpus) -> None:
    spoken = Spoken(said)
    assert spoken.own
    assert spoken.vocabulary.names == VOCABULARY
    assert spoken.known.tolist() == [True] * 40 + [False] * 4
    items = np.array([7, 2, 39])
    strings = spoken.strings(items)
    joined = np.concatenate([said.string(u) for u in (7, 2, 39)])
    assert strings.symbols.tolist() == joined.tolist()
    assert strings.lengths.tolist() == [said.lengths[u] // STRETCH for u in items]


def test_own_strings_come_before_those_of_labels(home: object) -> None:
    corpus = write_said(labels=True)
    spoken = Spoken(corpus)
    assert corpus.labelled.all()
    assert not spoken.known[40:].any()
    for u in range(40):
        own = corpus.string(u).tolist()
        assert spoken.strings(np.array([u])).symbols.tolist() == own
        # Labels become the symbols of the same names.
        assert spoken.frames(np.array([u])).tolist() == np.repeat(own[::-1], STRETCH).tolist()


def test_training_from_end_to_end(said: Corpus) -> None:
    run = api.train(
        "transcribe/simple", "said", [*SMALL], run="runs/a", device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    assert run.info.corpus_note == "phones: of three letters"
    scores = run.scores["test"]
    places = [said.ids.index(id) for id in scores.ids]
    assert list(scores.lengths) == [len(said.string(u)) for u in places]
    assert max(places) < 40
    assert scores.score.value < 0.2  # of noise around points that are far apart
    for prediction in api.predict(Run("runs/a"), "unlabelled"):
        assert isinstance(prediction, StringPrediction)
        frames = said.frames(said.ids.index(prediction.id))
        assert set(prediction.phones) <= set(VOCABULARY)
        assert abs(len(prediction.phones) - len(frames) // STRETCH) <= 2


def test_a_string_without_times_cannot_be_cut(said: Corpus) -> None:
    longest = int(said.lengths[said.has_string].max())
    with pytest.raises(UserError) as caught:
        lesson_on(said, "batches.longest=12")
    message = str(caught.value)
    assert "\n" not in message
    assert f"set batches.longest={longest}" in message
    assert "u0" in message
    assert len(lesson_on(said, f"batches.longest={longest}").training.lengths)


def test_strings_beyond_the_steps_are_left_out_and_counted(said: Corpus) -> None:
    """Five frames are a step, so that those of more than one phone in five frames have no path."""
    lesson: TranscribeLesson = lesson_on(said, "model.frame_stack=5")
    train = lesson.splits["train"]
    fits = [u for u in train if -(-said.lengths[u] // 5) >= len(said.string(u))]
    assert 0 < len(fits) < len(train)
    assert len(lesson.strings) == len(fits)
    assert f"{len(train) - len(fits)} utterance" in lesson.description
    assert "left out: more phones than steps" in lesson.description
    with pytest.raises(UserError, match="all others have more phones than the encoder makes steps"):
        _ = lesson_on(said, "model.frame_stack=40").training


FRAMES = ("objective.frames=0.5", "model.frames=true")


def test_labels_of_frames_are_asked_for_where_they_are_learnt(said: Corpus) -> None:
    for recipe, overrides in (("transcribe/floor", ()), ("transcribe/simple", FRAMES)):
        with pytest.raises(UserError, match=r"labels of frames too, and there are none of u\d\d"):
            lesson_on(said, *overrides, recipe=recipe)


def test_labels_beside_strings_may_be_learnt_too(home: object) -> None:
    corpus = write_said(labels=True)
    lesson: TranscribeLesson = lesson_on(corpus, *FRAMES)
    batch = lesson.batch(0, 0)
    assert batch.labels is not None
    assert batch.labels.shape == batch.inputs.mask.shape
    assert torch.equal(batch.labels != IGNORED, batch.inputs.mask)
    model = lesson.build_model()
    assert np.isfinite(float(lesson.loss(model, batch).mean.detach()))
    assert np.isfinite(lesson.validate(model).loss)


def test_labels_of_other_phones_are_refused(home: object) -> None:
    corpus = write_said(labels=True, classes=("x", "SIL", "a", "b"))
    lesson_on(corpus)
    with pytest.raises(UserError, match="their class x is none of the strings' phones"):
        lesson_on(corpus, *FRAMES)


def test_a_corpus_where_nothing_is_said(home: object) -> None:
    path = pack_path("2" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=2),
        classes=(),
        source=Source(reader="test", path="test"),
        vocabulary=VOCABULARY,
    ) as writer:
        writer.add("u", np.ones((9, 2)), part="train", string=np.zeros(0))
    with pytest.raises(UserError, match="has no phones: nothing to train on"):
        lesson_on(Corpus(path))
