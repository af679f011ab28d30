from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import Parameter

from bossline.training.muon import Muon, orthogonal

SETTINGS = {"ns_coefficients": (3.4445, -4.7750, 2.0315), "ns_steps": 5, "eps": 1e-7}
SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(
    shapes=st.lists(SIDES, min_size=1, max_size=6),
    decay=st.sampled_from([0.0, 0.1]),
    momentum=st.sampled_from([0.0, 0.95]),
    lacking=st.booleans(),
    seed=st.integers(0, 100),
)
def test_steps_are_those_of_torch(
    shapes: list[tuple[int, int]], decay: float, momentum: float, lacking: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    ours = [Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [Parameter(p.detach().clone()) for p in ours]
    settings: dict[str, Any] = {"lr": 0.1, "weight_decay": decay, "momentum": momentum}
    own = Muon(ours, **settings)
    reference = torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings)
    for step in range(3):
        for number, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
            its.grad = torch.randn(mine.shape)
            mine.grad = its.grad.clone()
            if lacking and step == 1 and number == 0:
                mine.grad = its.grad = None
        own.step()
        reference.step()  # type: ignore[no-untyped-call]
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=0.02, atol=0.01)  # steps are in bfloat16
    states = own.state_dict()["state"], reference.state_dict()["state"]
    assert states[0].keys() == states[1].keys()
    for place, state in states[0].items():
        assert state.keys() == states[1][place].keys()
        torch.testing.assert_close(state, states[1][place], rtol=1e-6, atol=1e-6)


def test_a_step_is_about_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((3, 40, 20), (3, 20, 40)):
        singular = torch.linalg.svdvals(orthogonal(torch.randn(shape), SETTINGS).float())
        assert 0.5 < float(singular.min()) <= float(singular.max()) < 1.3
