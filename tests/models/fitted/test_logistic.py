"""Logistic regression by gradient descent and by L-BFGS, against scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from rich.console import Console
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from bossline import api
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.models.logistic import Logistic, LogisticLbfgs, LogisticLbfgsConfig
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def points(count: int = 400, dims: int = 5) -> tuple[Floats, Ints]:
    """Three classes that overlap, far from the origin, in columns of different units."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    x = rng.normal(size=(3, dims))[labels] + rng.normal(size=(count, dims))
    x = x * 10.0 ** np.linspace(-1, 1, dims) + 4
    return x.astype(np.float32).astype(np.float64), labels


def fitted(x: Floats, labels: Ints, classes: int = 3, batch: int = 90, **keys: float) -> Logistic:
    model = LogisticLbfgsConfig(**{"tolerance": 1e-7, **keys}).build(x.shape[1], classes)
    rows = torch.arange(len(x)).split(batch)  # type: ignore[no-untyped-call]
    whole = torch.tensor(x).float(), torch.from_numpy(labels)
    model.fit([(whole[0][some], whole[1][some]) for some in rows])
    return model


@torch.no_grad()
def log_posteriors(model: Logistic, x: Floats) -> Floats:
    logits = model(torch.tensor(x).float()).double().numpy()
    return np.asarray(log_softmax(logits, axis=1))


def objective(weights: Floats, log_probabilities: Floats, labels: Ints, c: float) -> float:
    """Per vector what scikit-learn minimises: c times the summed loss, and half the squares."""
    losses = -log_probabilities[np.arange(len(labels)), labels]
    return float(losses.mean() + np.square(weights).sum() / (2 * c * len(labels)))


def reference(x: Floats, labels: Ints, c: float) -> LogisticRegression:
    return LogisticRegression(C=c, tol=1e-10, max_iter=20_000).fit(x, labels)


@pytest.mark.parametrize("c", [1e-3, 0.1, 1.0, 100.0])
def test_lbfgs_finds_the_optimum_of_scikit_learn(c: float) -> None:
    x, labels = points()
    expected, model = reference(x, labels, c), fitted(x, labels, c=c)
    ours, theirs = log_posteriors(model, x), expected.predict_log_proba(x)
    np.testing.assert_allclose(np.exp(ours), np.exp(theirs), atol=1e-4)
    weights = model.linear.weight.detach().double().numpy()
    assert objective(weights, ours, labels, c) == pytest.approx(
        objective(expected.coef_, theirs, labels, c), abs=1e-7
    )


def test_how_the_data_are_cut_into_batches_changes_nothing() -> None:
    x, labels = points()
    one, many = (log_posteriors(fitted(x, labels, batch=size), x) for size in (400, 7))
    np.testing.assert_allclose(np.exp(one), np.exp(many), atol=2e-4)


def test_a_constant_column_and_a_class_without_vectors_change_nothing() -> None:
    x, labels = points()
    wider = np.concatenate([x, np.full((len(x), 1), np.float32(7.1))], axis=1)
    found = np.exp(log_posteriors(fitted(wider, labels, classes=4), wider))
    assert found[:, 3].max() < 1e-9
    np.testing.assert_allclose(found[:, :3], reference(x, labels, 1).predict_proba(x), atol=1e-4)


def test_it_says_whether_it_converged() -> None:
    x, labels = points()
    batches = [(torch.tensor(x).float(), torch.from_numpy(labels))]

    def account(**keys: float) -> str:
        model = LogisticLbfgsConfig(**keys).build(x.shape[1], 3)
        assert isinstance(model, LogisticLbfgs)
        return model.fit(batches)

    assert "more model.iterations may help" in account(iterations=2)
    assert "may help" not in account()


def test_gradient_descent_and_lbfgs_reach_one_optimum(toy: Corpus) -> None:
    """The steps of the training loop on all frames at once, against the fitted model."""
    c = 0.01
    whole = ["batches.size=100000", "batches.frames=3"]
    by_gradient = load_recipe(
        "phoneme/simple",
        [f"model={{kind: logistic, c: {c}}}", "optimiser={kind: sgd, lr: 0.1}", *whole],
    )
    by_lbfgs = load_recipe(
        "phoneme/floor", [f"model={{kind: logistic-lbfgs, c: {c}, tolerance: 1e-7}}", *whole]
    )
    task = lesson_of(by_gradient, toy, Runtime.choose("cpu", 1))
    batch = task.batch(0, 0)
    descended = task.build_model()
    assert by_gradient.optimiser is not None
    optimiser = by_gradient.optimiser.build(descended)
    for _ in range(600):
        optimiser.zero_grad()
        task.loss(descended, batch).mean.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    found = lesson_of(by_lbfgs, toy, task.runtime).build_model()
    assert isinstance(descended, Logistic)
    assert isinstance(found, LogisticLbfgs)
    found.fit([batch])

    losses = [task.loss(model, batch).mean.item() for model in (descended, found)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    x, labels = batch[0].double().numpy(), batch[1].numpy()
    expected = reference(x, labels, c).predict_proba(x)
    for model in (descended, found):
        np.testing.assert_allclose(np.exp(log_posteriors(model, x)), expected, atol=1e-3)


def test_its_recipes_train_and_score(toy: Corpus) -> None:
    for run, overrides in (
        ("runs/descended", ["model.kind=logistic", "epochs=2", "optimiser={kind: adam, lr: 0.01}"]),
        ("runs/fitted", ["model.kind=logistic-lbfgs"]),
        ("runs/bayes", ["model.kind=naive-bayes"]),
    ):
        found = api.train(
            "phoneme/floor", "toy", ["batches.size=64", *overrides], run=run, device="cpu",
            threads=1, console=Console(quiet=True),
        )  # fmt: skip
        assert found.scores["test"].score.value > 0.5  # five classes: chance is about 0.2
