"""Several processes train what one would: the same batches, the same weights, one message."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.core.launch import Launch, launched
from bossline.core.ranks import Part, Ranks
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.transcribe.objective import Targets
from tests.conftest import over, write_toy
from tests.lessons import STEPPED, lesson, small
from tests.ranks import (
    all_exactly,
    bossline,
    ended,
    exactly,
    said,
    slowly,
    started,
    with_full_disk,
    with_own_seed,
)

SGD = "optimiser={kind: sgd, lr: 0.05, momentum: 0.9}"
FLAT = "schedule={kind: constant}"

# What of a batch is whose.


class Sharing(Ranks):
    """One of several that exchange nothing."""

    def __init__(self, rank: int, world: int) -> None:
        super().__init__(Launch(rank, world, rank))
        self.part = Part(rank, world)

    def batch(self, steps: Any, seed: int, epoch: int, step: int) -> Any:
        return steps.batch(seed, epoch, step, self.part)


@given(st.integers(1, 20), st.integers(1, 8))
def test_parts_are_disjoint_and_none_is_empty(count: int, world: int) -> None:
    parts = [Part(rank, world) for rank in range(world)]
    rows = [part.of(np.arange(count)) for part in parts]
    assert all(len(each) for each in rows)
    own = [each for each, part in zip(rows, parts, strict=True) if not part.idle]
    assert sorted(np.concatenate(own)) == list(range(count))
    assert {part.whole for part in parts} == {count}


def rows_of(batch: Any) -> list[list[bytes]]:
    """What a batch has of each of its rows."""
    first = batch[0]
    count = len(first.lengths) if isinstance(first, Padded) else len(first)
    each: list[list[bytes]] = [[] for _ in range(count)]
    for part in batch:
        if isinstance(part, Padded):
            pieces: Sequence[Tensor] = [
                frames[:length]
                for frames, length in zip(part.frames, part.lengths.tolist(), strict=True)
            ]
        elif isinstance(part, Targets):
            rows = zip(part.symbols, part.on_device.tolist(), strict=True)
            pieces = [symbols[:length] for symbols, length in rows]
        elif isinstance(part, Tensor) and len(part) == count:
            pieces = list(part)
        elif isinstance(part, Tensor):
            pieces = torch.split(part, first.lengths.tolist())
        else:
            pieces = [torch.tensor(part or 0.0)] * count
        for row, piece in zip(each, pieces, strict=True):
            row.append(piece.numpy().tobytes())
    return each


@pytest.mark.parametrize("name", STEPPED)
def test_rows_of_all_ranks_are_those_of_one_process(name: str) -> None:
    """With all that augmentation draws for them, to the bit."""
    recipe = small(name)
    one = lesson(recipe)
    for place in [(0, 0), (1, 1)]:
        whole = rows_of(one.batch(*place))
        for world in (2, 3):
            for rank in range(world):
                runtime = Runtime(torch.device("cpu"), 1, False, Sharing(rank, world))
                shared = lesson_of(recipe, one.corpus, runtime)
                mine = rows_of(shared.batch(*place))
                assert mine == (whole[rank::world] or whole[:1])


# What they learn.


TRAININGS = {
    "windows": (
        "phoneme/strong", "toy", "batches.size=50", "model.width=12", "model.depth=2",
        "model.norm=batch", "model.dropout=0", "clip=0.5",
    ),
    "utterances": (
        "phoneme/boss", "toy", "batches.size=150",
        "augment={kind: spec-augment, time_warp: {}, frequency_masks: {}, time_masks: {}}",
        "model={kind: tagger, encoder: {kind: tdnn, width: 8}, dropout: 0}",
    ),
    "fewer utterances than ranks": (
        "phoneme/boss", "toy", "batches.size=50", "augment=null",
        "model={kind: tagger, encoder: {kind: tdnn, width: 8, dilations: [1]}, dropout: 0}",
    ),
    "segments": (
        "speaker/strong", "voices", "batches.frames=12", "batches.size=7",
        "batches.valid_every=8", "model.embedding=8", "model.encoder={kind: tdnn, width: 8}",
        "model.head={kind: aam-softmax, scale: 5}",
    ),
    "fewer segments than ranks": (
        "speaker/medium", "voices", "batches.frames=12", "batches.size=2",
        "batches.valid_every=6", "model.embedding=8", "model.encoder={kind: tdnn, width: 8}",
    ),
    "images": (
        "food/strong", "dishes", "batches.side=16", "batches.size=15",
        "model={kind: resnet, widths: [4, 8], blocks: [1, 1], stem: patch}",
    ),
    "mixed images": (
        "food/boss", "dishes", "batches.side=16", "batches.size=15",
        "model={kind: resnet, widths: [4, 8], blocks: [1, 1], squeeze_excitation: true}",
    ),
    "strings": (
        "transcribe/boss", "toy", "batches.size=120", "augment=null", "decoding={kind: greedy}",
        "model={kind: transcriber, frames: true, encoder: {kind: tdnn, width: 8}}",
        "model.decoder={kind: transformer, depth: 1, width: 8, heads: 2, dropout: 0}",
        "objective.guided={schedule: {kind: exponential, gamma: 0.9}}",
    ),
    "a penalty": (
        "phoneme/floor", "toy", "batches={kind: windows, frames: 3, size: 50}",
        "model={kind: logistic, c: 0.01}",
    ),
    "rows": (
        "covid/medium", "survey", "batches.size=13", "model.columns={kind: all}",
        "model.network={kind: linear}", "model.skip=false", "model.l2=5", "optimiser.lr=1e-3",
        "split.validation=0.01",  # one row: fewer than ranks
    ),
}  # fmt: skip


def trainings(world: int) -> dict[str, Sequence[str]]:
    same = ("epochs=1", "precision=float32", SGD, FLAT)
    return {
        f"runs/{world}/{name}": (*of, *same[: 3 + (name != "rows")])
        for name, of in TRAININGS.items()
    }


def test_weights_are_those_of_one_process(
    toy: Corpus, voices: Corpus, dishes: Corpus, survey: Corpus
) -> None:
    worlds = (1, 2, 3)
    for world in worlds:
        processes = started(world, all_exactly, trainings(world))
        assert ended(processes) == [0] * world, said(world)
    for name in TRAININGS:
        one, *others = (load_file(Run(f"runs/{world}/{name}").best_weights) for world in worlds)
        for other in others:
            for key, weight in one.items():
                torch.testing.assert_close(other[key], weight, rtol=1e-10, atol=1e-10, msg=name)
        first, *rest = (numbers_of(Run(f"runs/{world}/{name}")) for world in worlds)
        for numbers in rest:
            assert numbers == pytest.approx(first, rel=1e-9), name


def numbers_of(run: Run) -> list[float]:
    """What a run has written down of its steps and epochs, but for the time that they took."""
    return [
        float(value)
        for record in run.metrics()
        for key, value in record.items()
        if key not in ("kind", "seconds", "per_second")
    ]


# How they end.


SMALL = (
    "phoneme/strong", "-c", "toy", "--run", "runs/r", "--device", "cpu", "--threads", "1",
    "epochs=3", "batches.size=64", "model.width=12", "model.depth=1", "model.norm=batch",
    "precision=float32", SGD,
)  # fmt: skip
PLAIN = (*SMALL, "model.dropout=0")


RESUME = ("train", "--resume", "runs/r", "--device", "cpu")


def running(world: int, *arguments: str) -> list[ForkServerProcess]:
    """Processes that have come so far as to write a checkpoint, a new one if there was one."""
    checkpoint = Path("runs/r/checkpoint.pt")
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    processes = started(world, slowly, *arguments)
    deadline = time.monotonic() + 60
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline, said(world)
        assert all(process.is_alive() for process in processes), said(world)
        time.sleep(0.01)
    return processes


def kill(processes: Sequence[ForkServerProcess]) -> None:
    for process in processes:
        process.kill()
    ended(processes)


def finish(world: int) -> dict[str, Tensor]:
    assert ended(started(world, exactly, *RESUME)) == [0] * world, said(world)
    assert Run("runs/r").is_finished
    return load_file(Run("runs/r").best_weights)


def left_alone(world: int, *training: str) -> dict[str, Tensor]:
    """The weights that a training comes to that nothing interrupts."""
    arguments = [word.replace("runs/r", "runs/whole") for word in training]
    assert ended(started(world, exactly, "train", *arguments)) == [0] * world, said(world)
    return load_file(Run("runs/whole").best_weights)


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for key, weight in expected.items():
        torch.testing.assert_close(found[key], weight, rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """Of PLAIN."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder := tmp_path_factory.mktemp("alone"))
        patch.setenv("BOSSLINE_HOME", str(folder / "home"))
        write_toy("0" * 64)
        return left_alone(1, *PLAIN)


def test_killed_and_resumed_by_another_number(toy: Corpus, expected: dict[str, Tensor]) -> None:
    kill(running(2, "train", *PLAIN))
    kill(running(1, *RESUME))
    assert_equal(finish(3), expected)


def test_killed_and_resumed_by_the_same_number_dropout_is_the_same(toy: Corpus) -> None:
    training = (*SMALL, "model.dropout=0.3")
    kill(running(2, "train", *training))
    finished, whole = finish(2), left_alone(2, *training)
    assert all(torch.equal(finished[key], weight) for key, weight in whole.items())


def test_ctrl_c_on_one_rank_stops_all_at_one_step(toy: Corpus, expected: dict[str, Tensor]) -> None:
    processes = running(2, "train", *PLAIN)
    for which in (signal.SIGINT, signal.SIGTERM):  # torchrun passes on what a terminal sent too
        os.kill(processes[1].pid or 0, which)
    assert ended(processes) == [130, 130]
    stopped = re.findall(r"^stopped at step (\d+); go on with: bossline train", said(2), re.M)
    assert len(stopped) == 1
    checkpoint = torch.load("runs/r/checkpoint.pt", weights_only=True)
    assert checkpoint["progress"]["step"] == int(stopped[0])
    assert "Traceback" not in said(2)
    assert_equal(finish(1), expected)


@pytest.mark.parametrize("rank", [0, 1])
def test_one_that_is_killed_ends_the_others_and_is_named(toy: Corpus, rank: int) -> None:
    processes = running(3, "train", *PLAIN)
    kill(processes[rank : rank + 1])
    codes = ended(processes, within=60)
    assert codes == [-signal.SIGKILL if each == rank else 2 for each in range(3)]
    assert re.findall(r"rank (\d) ended without a word", said(3)) == [str(rank)]
    assert "Traceback" not in said(3)


def test_a_full_disk_under_rank_0_ends_all_with_one_message(toy: Corpus) -> None:
    training = over(PLAIN, "model.width=200", "epochs=1")
    processes = started(2, with_full_disk, 100_000, "train", *training)
    assert ended(processes, within=60) == [2, 2]
    assert said(2).count("error: ") == 1
    assert "error: cannot write runs/r/" in said(2)
    assert "Traceback" not in said(2)
    assert not list(Path("runs/r").glob(".*.part"))
    finish(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "runs/r"), "error: 'bossline evaluate' is for one process"),
        (("train", "phoneme/floor", "-c", "toy"), "error: a model of kind lda is fitted in one go"),
        (("train", "phoneme/simple", "-c", "tyo"), "error: no corpus 'tyo'"),
    ],
)
def test_what_several_cannot_do_is_said_once(
    toy: Corpus, arguments: tuple[str, ...], message: str
) -> None:
    assert ended(started(2, bossline, *arguments)) == [2, 2]
    assert said(2).startswith(message)
    assert said(2).count("\n") == 1
    assert not Path("runs").exists()


def test_different_recipes_are_refused(toy: Corpus) -> None:
    assert ended(started(2, with_own_seed, "train", *PLAIN)) == [2, 2]
    assert said(2).startswith("error: rank 1 has another recipe than rank 0")
    assert said(2).count("\n") == 1
    assert not Path("runs").exists()


def test_what_was_not_started_by_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="but RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not"):
        launched()
