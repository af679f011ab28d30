"""The forward pass and loss of every recipe are one graph to torch.compile, without a break."""

from __future__ import annotations

import math

import pytest
import torch

from bossline.models.tagger import TaggerConfig
from bossline.models.transcriber import TranscriberConfig
from bossline.recipes import load_recipe
from tests.lessons import STEPPED, lesson, small

# Torch traces a recurrence step by step: short utterances and one layer are as good as more.
SHORT, SHALLOW = "batches.longest=6", "model.encoder.depth=1"

# The loss of CTC in torch asks how long its strings are, which no graph can tell. What has a
# decoder beside it is traced without.
TRACED = [
    name
    for name in STEPPED
    if not getattr(model := load_recipe(name).model, "ctc", False)
    or getattr(model, "decoder", None)
]


def overrides(name: str) -> tuple[str, ...]:
    recipe = load_recipe(name)
    if recipe.batches.kind != "utterances":
        return ()
    assert isinstance(recipe.model, TaggerConfig | TranscriberConfig)
    smaller = (SHORT, SHALLOW) if hasattr(recipe.model.encoder, "depth") else (SHORT,)
    without_ctc = ("model.ctc=false", "objective.ctc=0", "decoding={kind: beam, ctc_weight: 0}")
    return (*smaller, *without_ctc) if isinstance(recipe.model, TranscriberConfig) else smaller


@pytest.mark.parametrize("name", TRACED)
def test_a_step_is_traced_whole(name: str) -> None:
    opened = lesson(small(name, *overrides(name)))
    model = opened.build_model()
    opened.prepare(model)
    model.train()
    batch = opened.batch(0, 0)
    torch._dynamo.reset()

    @torch.compile(fullgraph=True, backend="eager", dynamic=False)
    def mean() -> torch.Tensor:
        return opened.loss(model, batch).mean

    traced = mean()
    traced.backward()  # type: ignore[no-untyped-call]
    learnt = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in learnt)
    # Dropout draws in another way; with the same weights the losses are about the same.
    plain = opened.loss(model, batch).mean
    assert math.isclose(float(traced.detach()), float(plain.detach()), rel_tol=0.3)
