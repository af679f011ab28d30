"""A window as a sequence, of which the middle frame has its say."""

from __future__ import annotations

import pytest
import torch
from rich.console import Console

import bossline
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.models.encoders.rnn import RnnConfig
from bossline.models.window_tagger import WindowTaggerConfig
from bossline.recipes import load_recipe


@pytest.mark.parametrize("both_ways", [False, True])
def test_it_reads_up_to_the_middle_frame(both_ways: bool) -> None:
    """And, both ways, what comes after it."""
    torch.manual_seed(0)
    encoder = RnnConfig(depth=1, width=6, bidirectional=both_ways)
    model = WindowTaggerConfig(frames=5, encoder=encoder).build(5 * 4, 3).eval()
    window = torch.randn(1, 5, 4, requires_grad=True)
    model(window.flatten(1)).sum().backward()
    assert window.grad is not None
    told = window.grad.abs().sum(2)[0] > 0
    assert told.tolist() == [True, True, True, both_ways, both_ways]


def test_windows_do_not_know_each_other() -> None:
    torch.manual_seed(0)
    model = WindowTaggerConfig(frames=3, encoder=RnnConfig(depth=2, width=6)).build(12, 3).eval()
    windows = torch.randn(6, 12)
    alone = torch.cat([model(window[None]) for window in windows])
    torch.testing.assert_close(model(windows), alone)


OVERRIDES = {
    "model": {"kind": "window-tagger", "frames": 5, "encoder": {"kind": "rnn", "width": 8}},
    "batches.frames": 5,
    "batches.size": 64,
    "epochs": 2,
}


def test_it_trains(toy: Corpus) -> None:
    run = bossline.train(
        "phoneme/simple", "toy", OVERRIDES, device="cpu", threads=1, console=Console(quiet=True)
    )
    assert run.recipe.model.kind == "window-tagger"
    assert run.scores["test"].score.value > 0.2  # five classes


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batches.frames": 7}, "model.frames=5, but windows have batches.frames=7"),
        ({"model.encoder": {"kind": "subsample"}}, "must not subsample|encoder"),
        ({"batches": {"kind": "utterances"}}, "takes windows: set batches.kind=windows"),
    ],
)
def test_what_does_not_fit(changed: dict[str, object], message: str) -> None:
    given = {key: value for key, value in OVERRIDES.items() if key.split(".")[0] not in changed}
    with pytest.raises(UserError, match=message):
        load_recipe("phoneme/simple", {**given, **changed})
