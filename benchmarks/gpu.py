"""Everything that bossline trains, on this machine's GPU: steps of each rung, then whole trainings.

    python -m benchmarks.gpu --folder libriphone/ --minutes 8
    python -m benchmarks.gpu --folder libriphone/ --speaker Dataset/ --food food11/ --json gpu.json
    python -m benchmarks.gpu --folder libriphone/ --only "boss, graphs" "training phoneme/summit"

Rungs train some steps as they are, as CUDA graphs, with batches four times as large, both, and
(whole utterances) in as many shapes as there are batches, which is what few shapes are worth. Then
the upper rungs and a larger summit train to the end in whatever time is left, with their scores.

Each measurement is a process of its own with a time limit: what fails is a row that says why, not
the end. Results are printed and written as they come. `--device cpu` tries the benchmark itself.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console

from benchmarks.common import machine, print_table
from bossline.batches import shapes
from bossline.core.errors import UserError
from bossline.core.runtime import Compile, Runtime
from bossline.data.importing import import_corpus
from bossline.data.store import open_corpus
from bossline.recipes import Recipe, load_recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson
from bossline.training.contract import StepLoss
from bossline.training.graphs import Loss, Number, steps_of

RUNGS = {
    "phoneme": ("simple", "medium", "strong", "boss-small", "boss", "summit"),
    "transcribe": ("medium", "strong", "boss", "summit"),
    "speaker": ("simple", "medium", "strong", "boss", "summit"),
    "food": ("simple", "strong", "boss"),
}
TASKS = {"phoneme": ("phoneme", "transcribe"), "speaker": ("speaker",), "food": ("food",)}
"""What learns from each folder."""

_GRAPHS = "--compile=graphs"
WHOLE = {
    "phoneme": (
        ("phoneme/strong", (_GRAPHS,)),
        ("phoneme/summit", (_GRAPHS,)),
        ("phoneme/boss", (_GRAPHS,)),
        ("transcribe/summit", (_GRAPHS,)),
        ("phoneme/summit", ("model.encoder.width=256", "model.encoder.depth=8", _GRAPHS)),
        ("phoneme/strong", ()),
        ("phoneme/summit", ()),
    ),
    "speaker": (("speaker/summit", (_GRAPHS,)),),
    "food": (("food/boss", (_GRAPHS,)),),
}
WARM = 60  # steps in which most shapes are met, and have their graphs


@dataclass(frozen=True)
class Measurement:
    """Steps of a rung in one way."""

    rung: str
    way: str = "as it is"
    larger: int = 1
    """Times the recipe's batches."""
    few_shapes: bool = True
    compile: Compile = "off"

    @property
    def name(self) -> str:
        return f"{self.rung}, {self.way}"


def measurements(task: str, device: str, inductor: bool) -> Iterator[Measurement]:
    """Those of a task, the dearest rungs first: time may run out."""
    for rung in reversed(RUNGS[task]):
        name = f"{task}/{rung}"
        yield Measurement(name)
        if device.startswith("cuda"):
            yield Measurement(name, "graphs", compile="graphs")
            yield Measurement(name, "graphs, 4 x the batch", larger=4, compile="graphs")
        if load_recipe(name).batches.kind == "utterances":
            yield Measurement(name, "a shape a batch", few_shapes=False)
        yield Measurement(name, "4 x the batch", larger=4)
        if inductor:
            yield Measurement(name, "inductor", compile="inductor")


class Steps:
    """A rung's training, step by step, with a device that is waited for where it is asked.

    Attributes:
        said: why steps are not compiled, where they were to be.
    """

    def __init__(self, lesson: Lesson[Any], recipe: Recipe) -> None:
        self._lesson, self._recipe, self._device = lesson, recipe, lesson.runtime.device
        self._model = lesson.build_model()
        lesson.prepare(self._model)
        self._model.train()
        assert recipe.optimiser is not None  # only rungs that step are measured
        self._rate, self._optimiser = recipe.optimiser.lr, recipe.optimiser.build(self._model)
        self.said = Console(file=StringIO(), record=True, width=200)
        self._take = steps_of(
            lesson.runtime, self._learn, lesson, self._optimiser, recipe.seed, self.said
        )
        self._done = 0
        self._marks: list[float] | None = None
        self.shapes: set[tuple[int, ...]] = set()

    def wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def step(self, parts: list[list[float]] | None = None) -> int:
        """One step; appends the ms of batch, forward, backward and optimiser, waiting after each;
        of a compiled step those of batch and all the rest.

        Returns:
            How many frames, utterances or images it learnt from.
        """
        self._marks = None if parts is None else []
        self._mark()
        batch = self._lesson.batch(*divmod(self._done, self._lesson.steps_per_epoch))
        frames = getattr(batch[0], "frames", batch[0])
        if isinstance(frames, torch.Tensor):
            self.shapes.add(tuple(frames.shape[:2]))
        self._mark()
        loss = self._take(batch, self._rate, 1.0, self._done)
        self._mark()
        self._done += 1
        if parts is not None and self._marks is not None:
            parts.append([1000 * (after - before) for before, after in pairwise(self._marks)])
        return loss.count

    def _learn(self, loss_of: Loss, batch: Any, kept: Number) -> StepLoss:
        loss = loss_of(self._model, batch)
        self._mark(within=True)
        self._optimiser.zero_grad(set_to_none=True)
        loss.mean.backward()  # type: ignore[no-untyped-call]
        self._mark(within=True)
        if self._recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._recipe.clip)
        self._optimiser.step()
        return loss

    def _mark(self, within: bool = False) -> None:
        if self._marks is None or (within and self._lesson.runtime.compile != "off"):
            return
        self.wait()
        self._marks.append(time.perf_counter())

    def busy(self, steps: int) -> float | None:
        """Share of the time of some steps in which the GPU computes."""
        if self._device.type != "cuda":
            return None
        activities = [torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            began = time.perf_counter()
            for _ in range(steps):
                self.step()
            self.wait()
            seconds = time.perf_counter() - began
        kernels = sum(event.self_device_time_total for event in profile.key_averages())
        return float(kernels / 1e6 / seconds)


def measured(what: Measurement, corpus: str, device: str, steps: int) -> dict[str, Any]:
    """In this process."""
    began = time.perf_counter()
    if not what.few_shapes:
        shapes.MOST_SHAPES, shapes.MIXING = sys.maxsize, 1
    recipe = load_recipe(what.rung)
    runtime = Runtime.choose(device, compile=what.compile)
    if what.larger > 1:
        size = what.larger * recipe.batches.on(runtime.device).size
        recipe = load_recipe(what.rung, [f"batches.size={size}", "batches.size_on_cuda=null"])
    training = Steps(lesson_of(recipe, open_corpus(corpus), runtime), recipe)
    training.step()
    training.wait()
    first = time.perf_counter() - began
    for _ in range(WARM if what.compile != "off" else min(WARM, steps)):
        training.step()
    training.wait()
    count, began = 0, time.perf_counter()
    for _ in range(steps):
        count += training.step()
    training.wait()
    seconds = time.perf_counter() - began
    parts: list[list[float]] = []
    for _ in range(max(3, steps // 4)):
        training.step(parts)
    if device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "first_step_s": first,
        "per_s": count / seconds,
        "step_ms": 1000 * seconds / steps,
        "parts_ms": [median(part) for part in zip(*parts, strict=True)],
        "shapes": len(training.shapes),
        "peak_gb": peak / 1e9,
        "kernels": training.busy(3),  # of an LSTM a step is 20,000 of them
        "said": training.said.export_text().strip(),
    }


def in_a_process(arguments: Sequence[str], seconds: float) -> dict[str, Any]:
    """What `python -m benchmarks.gpu ...` prints, or why it failed."""
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done within {seconds:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"failed": lines[-1][:200]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def trained(
    recipe: str, given: Sequence[str], corpus: str, device: str, seconds: float
) -> dict[str, Any]:
    """A whole training by the command, its time and its score."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [
            sys.executable, "-m", "bossline", "train", recipe, "--corpus", corpus,
            "--device", device, "--run", str(run), *given,
        ]  # fmt: skip
        began = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return {"failed": f"not done within {seconds:.0f} s"}
        if done.returncode:
            return {"failed": (done.stderr.strip().splitlines() or ["?"])[-1][:200]}
        finished = Run(run)
        test = finished.scores["test"].score
        return {
            "command_s": time.perf_counter() - began,
            "training_s": finished.info.seconds,
            "test": [test.value, test.low, test.high],
        }


def _row(result: dict[str, Any]) -> list[str]:
    head = [result["rung"], result["way"]]
    if "failed" in result:
        return [*head, result["failed"], *[""] * 6]
    if result["said"]:
        head[1] += f" ({result['said']})"
    kernels = result["kernels"]
    return [
        *head,
        f"{result['per_s']:,.0f}",
        f"{result['step_ms']:.1f}",
        " / ".join(f"{part:.1f}" for part in result["parts_ms"]),
        "" if kernels is None else f"{kernels:.0%}",
        str(result["shapes"]),
        f"{result['peak_gb']:.2f}",
        f"{result['first_step_s']:.1f}",
    ]


def _whole_row(result: dict[str, Any]) -> list[str]:
    name = " ".join([result["recipe"], *result["given"]])
    if "failed" in result:
        return [name, result["failed"], "", ""]
    value, low, high = result["test"]
    seconds = (f"{result[key]:.0f} s" for key in ("training_s", "command_s"))
    return [name, f"{value:.4f} [{low:.4f}, {high:.4f}]", *seconds]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="LibriPhone's")
    parser.add_argument("--speaker", type=Path, help="the speaker set's")
    parser.add_argument("--food", type=Path, help="the food set's")
    parser.add_argument("--minutes", type=float, default=8, help="in all")
    parser.add_argument("--seconds", type=float, default=60, help="of one measurement at most")
    parser.add_argument("--steps", type=int, default=60, help="that are timed")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="PART", help="what has one of these in its name"
    )
    parser.add_argument("--inductor", action="store_true", help="torch.compile too; takes minutes")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"), help="all results")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a measurement, in this process
    parser.add_argument("--corpus", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        what = Measurement(**json.loads(arguments.one))
        print(json.dumps(measured(what, arguments.corpus, arguments.device, arguments.steps)))
        return
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("no GPU here; --device cpu tries the benchmark itself")
    folders = {"phoneme": arguments.folder, "speaker": arguments.speaker, "food": arguments.food}
    if not any(folders.values()):
        parser.error("give at least one folder: --folder, --speaker or --food")
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as home:
        os.environ["BOSSLINE_HOME"] = home
        run_all({task: path for task, path in folders.items() if path}, arguments, end)


def run_all(folders: dict[str, Path], arguments: argparse.Namespace, end: float) -> None:
    """Measure and print until the time is over."""
    results: dict[str, Any] = {"machine": machine(), "steps": [], "trainings": []}

    def wanted(name: str) -> bool:
        return time.monotonic() < end and any(part in name for part in arguments.only)

    def keep(kind: str, result: dict[str, Any], row: Sequence[str]) -> None:
        results[kind].append(result)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(" | ".join(row), flush=True)

    for corpus, folder in folders.items():
        try:
            import_corpus(folder, corpus)
        except UserError as error:
            sys.exit(f"error: {error}")
    for corpus in folders:
        for task in TASKS[corpus]:
            for what in measurements(task, arguments.device, arguments.inductor):
                if wanted(what.name):
                    result = asdict(what) | in_a_process(
                        ["--one", json.dumps(asdict(what)), "--corpus", corpus,
                         "--device", arguments.device, "--steps", str(arguments.steps)],
                        min(arguments.seconds, end - time.monotonic()),
                    )  # fmt: skip
                    keep("steps", result, _row(result))
    for corpus in folders:
        for recipe, given in WHOLE[corpus]:
            if wanted(" ".join(["training", recipe, *given])):
                left = end - time.monotonic()
                result = {"recipe": recipe, "given": given} | trained(
                    recipe, given, corpus, arguments.device, left
                )
                keep("trainings", result, _whole_row(result))
    print_table(
        ["rung", "way", "frames, utterances or images a second", "ms a step",
         "batch / forward / backward / optimiser, each waited for", "GPU computes", "shapes",
         "peak GB", "first step after s"],
        [_row(result) for result in results["steps"]],
    )  # fmt: skip
    print_table(
        ["whole training", "test", "training", "command"],
        [_whole_row(result) for result in results["trainings"]],
    )


if __name__ == "__main__":
    main()
