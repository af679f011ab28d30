from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.features.spec import Features, FeatureSpec, ImageSpec, TableSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path
from bossline.data.writer import writing
from bossline.runs.answers import asked_about, write_submission
from bossline.tasks import TASKS
from bossline.tasks.base import Answers
from bossline.tasks.food.prediction import ImagePrediction
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.prediction import Prediction


def unlabelled(damaged: bool) -> Corpus:
    path = pack_path("b" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=1),
        classes=("a", "b"),
        source=Source(reader="test", path=""),
    ) as writer:
        for id, length in (("x", 3), ("y", 2)):
            writer.add(id, np.zeros((length, 1)), part="test")
        if damaged:
            writer.leave_out("z", part="test", why="truncated")
    return Corpus(path)


def of_frames(*labels: list[int]) -> list[Prediction]:
    spec = FeatureSpec(kind="other", dim=1)
    return [
        FramePrediction(f"u{k}", np.eye(2, dtype=np.float32)[row], np.array(row), ("a", "b"), spec)
        for k, row in enumerate(labels)
    ]


def test_rows_count_frames_in_order(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "prediction.csv"
    predictions = of_frames([1, 0, 1], [1, 0])
    assert write_submission(path, unlabelled(False), np.array([0, 1]), predictions, 5) == 5
    assert path.read_text() == "Id,Class\n0,1\n1,0\n2,1\n3,1\n4,0\n"


def test_a_wrong_number_of_rows_is_not_written(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="4 predictions for 5"):
        write_submission(
            tmp_path / "p.csv", unlabelled(False), np.array([0, 1]), of_frames([0, 0], [0, 0]), 5
        )
    assert not list(tmp_path.glob("*p.csv*"))


def test_a_split_with_damaged_utterances_is_not_submitted(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 utterance of this split was left out .* \(z\)"):
        write_submission(
            tmp_path / "p.csv", unlabelled(True), np.array([0, 1]), of_frames([0, 0, 0], [0, 0]), 5
        )


def images(*parts: str) -> Corpus:
    path = pack_path("c" * 64)
    with writing(
        path, features=ImageSpec(), classes=("a", "b"), source=Source(reader="test", path="")
    ) as writer:
        for number, part in enumerate(parts):
            writer.add(f"{part}/{number}", np.zeros((2, 2, 3), np.uint8), part=part)
    return Corpus(path)


def of_images(*ids: str) -> list[Prediction]:
    row = np.eye(2, dtype=np.float32)[:1]
    return [ImagePrediction(id, row, ("a", "b")) for id in ids]


def test_rows_of_one_id_are_not_written(home: Path, tmp_path: Path) -> None:
    predictions = of_images("testing/00/0012", "testing/01/0012")
    with pytest.raises(UserError, match=r"'testing/00/0012' and 'testing/01/0012'.* '0012'"):
        write_submission(
            tmp_path / "p.csv", images("test", "test"), np.arange(2), predictions, None
        )
    assert not list(tmp_path.glob("*p.csv*"))


def test_images_to_train_on_have_no_row(home: Path) -> None:
    corpus = images("unlabelled", "test", "unlabelled", "test", "training")
    for items, expected in (
        ([0, 1, 2, 3], [False, True, False, True]),
        ([2, 0], [True, True]),  # a set without images of the test: they are what is asked
        ([4, 3], [True, True]),
    ):
        assert asked_about(corpus, np.array(items)).tolist() == expected


ROWS = np.array([[0.1, 0.9], [0.7, 0.3]], np.float32)


def test_speakers_are_named_by_utterance(home: Path, tmp_path: Path) -> None:
    path, features = tmp_path / "prediction.csv", FeatureSpec(kind="other", dim=1)
    answers = Answers.of(ROWS)
    predictions = TASKS["speaker"].predict(
        ["x", "y"], answers, TASKS["speaker"].decide(answers), features, ("id07", "id03")
    )
    assert write_submission(path, unlabelled(False), np.array([0, 1]), predictions, 2) == 2
    assert path.read_text() == "Id,Category\nx,id03\ny,id07\n"


@pytest.mark.parametrize(
    ("features", "outputs", "text"),
    [
        (ImageSpec(), ROWS, "Id,Category\n0007,1\n0010,0\n"),
        (
            TableSpec(columns=("a",), target="tested_positive.2"),
            np.array([1.5, 20.25], np.float32),
            "id,tested_positive\n0007,1.5\n0010,20.25\n",
        ),
    ],
)
def test_images_and_rows_go_by_the_ids_of_their_source(
    home: Path, tmp_path: Path, features: Features, outputs: np.ndarray, text: str
) -> None:
    path = tmp_path / "prediction.csv"
    task = TASKS["food" if features.kind == "image" else "covid"]
    answers = Answers.of(outputs)
    predictions = task.predict(
        ["test/0007", "test/0010"], answers, task.decide(answers), features, ("bread", "egg")
    )
    assert write_submission(path, unlabelled(False), np.array([0, 1]), predictions, 2) == 2
    assert path.read_text() == text
