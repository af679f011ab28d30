"""From pictures and their classes to a score, a submission and labels for more pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.splits import SPLITS, SplitConfig, split_corpus
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.base import answers_of
from bossline.tasks.food.prediction import ImagePrediction
from bossline.tasks.food.pseudo_labels import pseudo_label
from tests.conftest import over

TINY = (
    "epochs=6",
    "batches={kind: images, side: 32, size: 8}",
    "model={kind: cnn, width: 4, depth: 2, hidden: [8]}",
    "optimiser={kind: adam, lr: 1e-2}",
    "precision=float32",
)
QUIET = Console(quiet=True)


def train(*overrides: str, corpus: str = "dishes") -> Run:
    recipe = load_recipe("food/simple", over(TINY, *overrides))
    return api.train(recipe, corpus, threads=1, device="cpu", console=QUIET)


def test_learns_scores_and_submits(dishes: Corpus, tmp_path: Path) -> None:
    run = train("batches.views=flip")
    scores = run.scores["test"]
    assert scores.score.value > 0.8  # chance is a third
    assert (scores.unit, scores.count) == ("images", 18)
    assert {"test", "test, one view"} <= set(run.scores)
    predictions = {p.id: p for p in api.predict(run, "test")}
    for id, right in zip(scores.ids, scores.sums, strict=True):
        found = predictions[id]
        assert isinstance(found, ImagePrediction)
        assert (found.label == dishes.categories[dishes.ids.index(id)]) == bool(right)

    assert api.submit(run, tmp_path / "p.csv") == 9
    rows = list(csv.reader((tmp_path / "p.csv").open()))
    assert rows[0] == ["Id", "Category"]
    assert [id for id, _ in rows[1:]] == [f"{number:04d}" for number in range(78, 87)]
    assert {label for _, label in rows[1:]} <= {"0", "1", "2"}


def test_a_file_gets_what_the_corpus_gets(dishes: Corpus, tmp_path: Path) -> None:
    run = train("epochs=1")
    first = api.predict(run, "test")[0]
    pixels = dishes.image(dishes.ids.index(first.id))
    Image.fromarray(np.asarray(pixels)).save(tmp_path / "alone.png")
    (alone,) = api.predict(run, tmp_path / "alone.png")
    np.testing.assert_allclose(alone.outputs, first.outputs, atol=1e-5)


def test_without_labelled_test_images_the_validation_folder_is_tested_on(dishes: Corpus) -> None:
    chosen = split_corpus(dishes, SplitConfig())
    assert chosen["test"].tolist() == list(range(60, 78))
    assert sorted([*chosen["train"], *chosen["validation"]]) == list(range(60))
    assert len(chosen["validation"]) == 6
    other = split_corpus(dishes, SplitConfig(seed=1))
    assert chosen["validation"].tolist() != other["validation"].tolist()


class Sums(nn.Module):
    """Three logits: the mean of the left half, of the upper half, and of all."""

    def forward(self, images: Tensor) -> Tensor:
        half = images.shape[2] // 2
        halves = (images[..., :half], images[:, :, :half], images)
        return torch.stack([part.mean((1, 2, 3)) for part in halves], 1) * 20


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
@pytest.mark.parametrize(("views", "count"), [("one", 1), ("flip", 2), ("square", 8)])
def test_views_are_averaged(dishes: Corpus, views: str, count: int, mean: str) -> None:
    recipe = load_recipe(
        "food/simple", over(TINY, f"batches.views={views}", f"batches.mean={mean}")
    )
    lesson = lesson_of(recipe, dishes, Runtime.choose("cpu", 1))
    task, runtime = lesson.task, lesson.runtime
    outputs = answers_of(task, Sums(), lesson.pieces("test"), recipe, runtime).rows
    assert outputs.shape == (18, 3)
    for number, piece in enumerate(lesson.pieces("test")):
        (image, _), *_ = list(task.open(recipe, [piece], runtime).in_order())
        turned = [image.rot90(turns, (2, 3)) for turns in range(4)]
        seen = [view for turn in turned for view in (turn, turn.flip(3))]
        if views == "flip":
            seen = [image, image.flip(3)]
        probabilities = torch.cat([Sums()(view).softmax(1) for view in seen[:count]])
        expected = (
            probabilities.mean(0) if mean == "arithmetic" else probabilities.log().mean(0).exp()
        )
        torch.testing.assert_close(outputs[number], expected / expected.sum())


def test_mixed_images_have_two_labels(dishes: Corpus) -> None:
    recipe = load_recipe("food/simple", [*TINY, "augment={kind: images, mix: {mixup: 1.0}}"])
    task = lesson_of(recipe, dishes, Runtime.choose("cpu", 1))
    torch.manual_seed(0)
    images, labels, others, share = task.batch(0, 0)
    assert others is not None
    assert share is not None
    model = task.build_model().eval()
    found = task.loss(model, (images, labels, others, share)).mean
    log = model(images).log_softmax(1)
    rows = torch.arange(len(labels))
    expected = -(share * log[rows, labels] + (1 - share) * log[rows, others]).mean()
    torch.testing.assert_close(found, expected)


def test_an_interrupted_training_ends_with_the_same_weights(dishes: Corpus) -> None:
    mixed = "augment={kind: images, flip: 0.5, crop: {}, mix: {cutmix: 1.0}}"

    class Enough(Exception):
        pass

    def stop(epoch: int, score: float) -> None:
        if epoch == 2:
            raise Enough

    whole = train(mixed, "epochs=3")
    recipe = load_recipe("food/simple", over(TINY, mixed, "epochs=3"))
    with pytest.raises(Enough):
        api.train(
            recipe, "dishes", run="runs/cut", threads=1, device="cpu", console=QUIET, watch=stop
        )
    resumed = api.resume("runs/cut", console=QUIET)
    assert resumed.best_weights.read_bytes() == whole.best_weights.read_bytes()


def test_pseudo_labels_only_train(dishes: Corpus) -> None:
    teacher = train()
    outputs = np.concatenate([p.outputs for p in api.predict(teacher, "unlabelled")])
    threshold = float(np.sort(outputs.max(1))[-5])
    corpus, sure, count = pseudo_label(teacher, "more", threshold=threshold, part="test")
    assert (sure, count) == (5, 9)
    pseudo = corpus.part("pseudo")
    expected = outputs.argmax(1)[outputs.max(1) >= threshold]
    assert corpus.categories[pseudo].tolist() == expected.tolist()
    before, after = split_corpus(dishes, SplitConfig()), split_corpus(corpus, SplitConfig())
    named = {name: {corpus.ids[u] for u in after[name]} for name in SPLITS}
    for name in ("validation", "test"):
        assert named[name] == {dishes.ids[u] for u in before[name]}
    added = {corpus.ids[u] for u in pseudo}
    assert named["train"] == {dishes.ids[u] for u in before["train"]} | added
    student = train("epochs=1", corpus="more")
    assert student.scores["test"].ids == teacher.scores["test"].ids


def test_pseudo_labels_of_nothing(dishes: Corpus, toy: Corpus) -> None:
    teacher = train("epochs=1")
    with pytest.raises(UserError, match=r"no unlabelled part .unlabelled.*test"):
        pseudo_label(teacher, "more")
    with pytest.raises(UserError, match="lower the threshold"):
        pseudo_label(teacher, "more", threshold=1.0, part="test")


@pytest.mark.parametrize(
    ("recipe", "corpus", "message"),
    [
        ("food/simple", "toy", "holds utterances, and the recipe is for images"),
        ("phoneme/simple", "dishes", "holds images, and the recipe is for utterances"),
    ],
)
def test_a_corpus_of_other_things(
    dishes: Corpus, toy: Corpus, recipe: str, corpus: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        api.train(recipe, corpus, device="cpu", console=QUIET)
