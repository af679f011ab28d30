"""What holds of every head; a kind without a case here fails the first test."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.nn import functional

from bossline.models.heads import Head, HeadConfig
from tests.kinds import kinds

INPUTS, CLASSES = 6, 5
CASES: dict[str, dict[str, object]] = {
    "linear": {"kind": "linear"},
    "mlp": {"kind": "mlp", "width": 7},
    "am-softmax": {"kind": "am-softmax"},
    "am-softmax, sub-centres": {"kind": "am-softmax", "subcentres": 3},
    "aam-softmax": {"kind": "aam-softmax"},
    "aam-softmax, sub-centres": {"kind": "aam-softmax", "subcentres": 3},
}
every_case = pytest.mark.parametrize("case", CASES)
parse = TypeAdapter(HeadConfig).validate_python


def fresh(case: str) -> Head:
    torch.manual_seed(1)
    head: Head = parse(CASES[case]).build(INPUTS, CLASSES)
    return head


def test_every_kind_has_a_case() -> None:
    assert {case["kind"] for case in CASES.values()} == kinds(HeadConfig)


@every_case
def test_without_a_margin_it_is_cross_entropy_of_the_scores(case: str) -> None:
    head, embeddings = fresh(case), torch.randn(8, INPUTS)
    labels = torch.randint(CLASSES, (8,))
    loss, scores = head.loss(embeddings, labels, 0.0)
    assert scores.shape == (8, CLASSES)
    assert torch.equal(scores, head(embeddings))
    torch.testing.assert_close(loss, functional.cross_entropy(scores, labels))


@every_case
def test_the_margin_moves_the_loss_and_never_the_scores(case: str) -> None:
    head, embeddings = fresh(case), torch.randn(8, INPUTS)
    labels = torch.randint(CLASSES, (8,))
    without, scores = head.loss(embeddings, labels, 0.0)
    half, _ = head.loss(embeddings, labels, 0.5)
    full, scores_with = head.loss(embeddings, labels, 1.0)
    assert torch.equal(scores, scores_with)
    assert without < half < full if "am-softmax" in case else without == half == full


@every_case
def test_a_few_steps_learn_the_classes(case: str) -> None:
    head = fresh(case)
    labels = torch.arange(CLASSES).repeat(8)
    embeddings = (torch.eye(CLASSES, INPUTS) * 3)[labels] + torch.randn(len(labels), INPUTS) * 0.3
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(60):
        loss, _ = head.loss(embeddings, labels, 1.0)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
    assert torch.equal(head(embeddings).argmax(1), labels)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"kind": "aam-softmax", "margin": 1.6}, "less than 1.57"),
        ({"kind": "am-softmax", "scale": 0}, "greater than 0"),
        ({"kind": "am-softmax", "subcentres": 0}, "greater than or equal to 1"),
        ({"kind": "linear", "margin": 0.2}, "Extra inputs"),
    ],
)
def test_a_bad_config_is_refused(config: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse(config)
