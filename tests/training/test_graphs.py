"""Steps as graphs, by a tape that stands for CUDA's: whole trainings, interrupted ones too."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from bossline import api
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.recipes import Recipe, load_recipe
from bossline.runs.run import Run
from bossline.training import graphs, loop
from bossline.training.buffers import Buffers, Unfit, shape_of
from bossline.training.contents import WEIGHTS
from bossline.training.contract import StepLoss
from bossline.training.tally import Tally
from tests.lessons import STEPPED, lesson, small
from tests.training.tape import NeverRecords, TapeRecorder

CPU = torch.device("cpu")
WHOLE = ("batches.longest=20", "batches.size=50", "epochs=4", "precision=float32")
RECIPES = {
    "mlp": load_recipe(
        "phoneme/strong",
        ["epochs=3", "batches.size=64", "batches.frames=3", "model.width=8", "precision=float32",
         "averaging={kind: swa, start: 0.4}"],
    ),
    "lstm": load_recipe(
        "phoneme/boss",
        [*WHOLE, "model.encoder.width=8", "model.encoder.front_width=8", "model.encoder.depth=2"],
    ),
    "conformer": load_recipe(
        "phoneme/summit",
        [*WHOLE, "model.encoder.width=8", "model.encoder.depth=1",
         "averaging={kind: ema, decay: 0.9}"],
    ),
    "transcriber": load_recipe(
        "transcribe/summit",
        ["batches.size=60", "epochs=4", "precision=float32", "decoding={kind: greedy}",
         "model.encoder.width=8", "model.encoder.depth=1", "model.decoder.width=8",
         "model.decoder.depth=1"],
    ),
    "guided": load_recipe(
        "transcribe/strong",
        ["batches.size=60", "epochs=4", "precision=float32", "decoding={kind: greedy}",
         "model.encoder.width=8", "model.encoder.depth=1", "model.decoder.width=8"],
    ),
    "speaker": small("speaker/strong", "epochs=2", "precision=float32"),
}  # fmt: skip


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[TapeRecorder]:
    """Runtimes of the CPU have graphs, by these recorders one after the other."""
    left: list[TapeRecorder] = []
    choose = Runtime.choose

    def with_graphs(*given: Any, **named: Any) -> Runtime:
        return replace(choose("cpu", 1), compile="graphs" if left else "off")

    monkeypatch.setattr(Runtime, "choose", with_graphs)
    monkeypatch.setattr(graphs, "CudaGraphs", lambda device: left.pop(0))
    return left


def train(recipe: Recipe, folder: Path) -> Run:
    path, console = lesson(recipe).corpus.path, Console(record=True, width=200, file=StringIO())
    run = api.train(recipe, path, run=folder, console=console)
    assert "not compiled" not in (said := console.export_text()), said
    return run


def weights(run: Run) -> dict[str, Any]:
    found = run.tensors(WEIGHTS)
    assert found is not None
    return found


def same(one: Run, other: Run, tolerance: float = 0) -> None:
    mine, theirs = weights(one), weights(other)
    assert mine.keys() == theirs.keys()
    for key, value in mine.items():
        torch.testing.assert_close(
            torch.from_numpy(theirs[key]), torch.from_numpy(value), rtol=tolerance, atol=tolerance
        )
    losses = [
        [record["train_loss"] for record in run.metrics() if record["kind"] == "epoch"]
        for run in (one, other)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=max(tolerance, 1e-12))


@pytest.mark.parametrize("name", RECIPES)
def test_graphs_train_to_the_same_weights_and_go_on_where_they_were_cut(
    name: str,
    tmp_path: Path,
    recorders: list[TapeRecorder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = RECIPES[name]
    tape = TapeRecorder()
    recorders[:] = [NeverRecords()]
    plain = train(recipe, tmp_path / "plain")
    recorders[:] = [tape]
    taped = train(recipe, tmp_path / "taped")
    assert tape.recorded >= (1 if name in ("mlp", "speaker") else 2)  # shapes
    assert tape.replayed > tape.recorded
    same(plain, taped)

    add, added = Tally.add, 0

    def add_then_fail(self: Tally, loss: StepLoss) -> None:
        nonlocal added
        add(self, loss)
        added += 1
        if added == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.train, "__defaults__", (loop.Cadence(checkpoint_seconds=0), None))
        patch.setattr(Tally, "add", add_then_fail)
        recorders[:] = [TapeRecorder()]
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "cut")
    recorders[:] = [TapeRecorder()]
    same(plain, api.resume(tmp_path / "cut", console=Console(quiet=True)))


@pytest.mark.parametrize("name", STEPPED)
def test_every_lesson_counts_a_batch_as_its_loss_does(name: str) -> None:
    opened = lesson(small(name))
    model = opened.build_model()
    opened.prepare(model)
    batch = opened.batch(0, 0)
    assert opened.counted(batch) == opened.loss(model.train(), batch).count > 0


@pytest.mark.parametrize("name", STEPPED)
def test_a_batch_in_buffers_is_learnt_from_as_the_batch_itself(name: str) -> None:
    opened = lesson(small(name, "precision=float32"))
    model = opened.build_model()
    opened.prepare(model)
    model.train()
    batch = opened.batch(0, 0)
    try:
        buffers = Buffers(batch, CPU)
    except Unfit:
        pytest.skip("is trained without")
    buffers.fill(batch)
    found = []
    for one in (batch, buffers.batch(batch)):
        torch.manual_seed(0)
        loss = opened.loss(model, one)
        loss.mean.backward()  # type: ignore[no-untyped-call]
        gradients = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
        found.append(
            {"loss": loss.mean.detach().double(), "score": loss.score.double(), **gradients}
        )
        model.zero_grad()
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-5)


class Asking(TapeRecorder):
    """Refuses, as CUDA does where a model asks the device."""

    def record(self, work: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")


def test_what_cannot_be_recorded_is_done_without_and_said_once(
    tmp_path: Path, recorders: list[TapeRecorder]
) -> None:
    recipe = RECIPES["lstm"]
    recorders[:] = [NeverRecords()]
    plain = train(recipe, tmp_path / "plain")
    recorders[:] = [Asking()]
    console = Console(record=True, width=200, file=StringIO())
    path = lesson(recipe).corpus.path
    run = api.train(recipe, path, run=tmp_path / "failed", console=console)
    same(plain, run, tolerance=1e-3)  # dropout draws the same, sums of another shape round
    said = console.export_text()
    line = "steps are not compiled, and taken as with compile=off: operation not permitted when"
    assert said.count(line) == 1
    assert "more lines" not in said


def test_a_batch_in_buffers_is_the_batch() -> None:
    frames, labels = torch.randn(2, 5, 3), torch.tensor([[1, 2, 3, 4, -100], [1, 2, -100, 0, 0]])
    batch = Padded.of(frames, torch.tensor([4, 2])), labels, 0.25, None
    other = Padded.of(frames + 1, torch.tensor([3, 2])), labels + 1, 0.5, None
    assert shape_of(batch) == shape_of(other)
    buffers = Buffers(batch, CPU)
    for one in (batch, other):
        buffers.fill(one)
        held, its_labels, share, nothing = buffers.batch(one)
        assert torch.equal(held.frames, one[0].frames)
        assert torch.equal(held.mask, one[0].mask)
        assert held.padding.traced
        assert torch.equal(its_labels, one[1])
        assert float(share) == one[2]
        assert nothing is None


def test_shapes_differ_where_models_decide_otherwise() -> None:
    frames = torch.zeros(2, 20, 3)
    lengths = [[20, 20], [20, 12], [20, 9], [20, 6], [20, 5]]
    shapes = [shape_of(Padded.of(frames, torch.tensor(each))) for each in lengths]
    full, some, same, short, shorter = shapes
    assert some == same
    assert len({full, some, short, shorter}) == 4
    with pytest.raises(Unfit, match="a batch with a list has no fixed shape"):
        shape_of((frames, [1, 2]))


def test_adagrad_is_left_without_graphs() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(Unfit, match="Adagrad counts its steps on the host"):
        graphs.hold(torch.optim.Adagrad(model.parameters()), CPU)


@pytest.mark.parametrize("name", ["mlp", "conformer"])
def test_a_compiled_step_is_the_step(name: str) -> None:
    """Of torch's compiler as far as its kernels; those are its own affair."""
    torch._dynamo.reset()
    recipe = without_chance(name)
    plain, compiled = (stepped(recipe, compiled) for compiled in (False, True))
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)


def stepped(recipe: Recipe, compiled: bool) -> torch.Tensor:
    """All weights after three steps."""
    opened = lesson(recipe)
    model = opened.build_model()
    opened.prepare(model)
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)

    def learn(loss_of: graphs.Loss, batch: Any, kept: graphs.Number) -> StepLoss:
        loss = loss_of(model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.mean.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss

    said: list[str] = []
    plain = graphs.Plain(learn, opened.loss, optimiser)
    steps: graphs.Steps = plain
    if compiled:
        steps = graphs.Compiled(plain, opened, CPU, 0, said.append, backend="aot_eager")
    for step in range(3):
        batch = opened.batch(0, step % opened.steps_per_epoch)
        assert steps(batch, 0.1, 1.0, step).count == opened.counted(batch)
    assert not said
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def without_chance(name: str) -> Recipe:
    dropout = {"mlp": "model.dropout=0", "conformer": "model.encoder.dropout=0"}[name]
    rest = () if name == "mlp" else (*WHOLE, "model.dropout=0", "model.shifts=1", "augment=null",
                                     "model.encoder.width=8", "model.encoder.depth=1")  # fmt: skip
    rung = {"mlp": "phoneme/strong", "conformer": "phoneme/summit"}[name]
    return load_recipe(rung, [dropout, *rest])


def test_what_a_device_or_several_processes_cannot_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="compile=graphs is for CUDA, and this runs on cpu"):
        Runtime.choose("cpu", 1, "graphs")
    monkeypatch.setattr("bossline.core.runtime.current", lambda: SimpleNamespace(world=2))
    with pytest.raises(UserError, match="compile=inductor is for one process"):
        Runtime.choose("cpu", 1, "inductor")


def test_a_runtime_s_precision_goes_before_a_recipe_s() -> None:
    plain, asked = Runtime.choose("cpu", 1), Runtime.choose("cpu", 1, precision="bfloat16")
    x = torch.ones(2, 2)
    for runtime, dtype in ((plain, torch.float32), (asked, torch.bfloat16)):
        with runtime.autocast("float32"):
            assert (x @ x).dtype == dtype
    assert asked.describe("float32") == "CPU, 1 thread, bfloat16"
