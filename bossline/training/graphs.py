"""Training steps as CUDA graphs, or by torch.compile: what a GPU waits for is its launches.

A step of a small model is hundreds of kernels of some microseconds each, which the CPU starts one
by one and later than the GPU would take them. A CUDA graph is all of them in one launch; of a
training there is one for each shape of its batches, which are few (batches/shapes.py).

A graph repeats kernels on the same memory. So that it repeats what a step means:

- A batch lies in buffers (buffers.py), of which a model knows a shape and no lengths. What is known
  of a step on the host beside it, the learning rate and what the average keeps, are tensors.
- A graph is recorded when a shape has come WARM times before. Those steps are taken one kernel
  after the other, as steps that count: then state that optimisers make at their first step is
  there, libraries have chosen their kernels, and nothing has to be taken back, since recording
  computes nothing.
- All graphs record into one pool of memory. They never run at the same time, and what one leaves
  to others (weights, state of the optimiser, averages, running statistics) was there before any.
  Gradients are made anew by each step; the loss and the score are copied into tensors of their own.
- Chance: before each step, recorded or not, the default generator gets a seed made of the
  training's seed and the number of the step, and so begins at offset 0. Kernels of a graph take
  seed and offset from two numbers on the device, which its replay sets to those of the generator
  (capture registers the default one, which dropout draws from), plus where they stand in the step.
  So draws are a function of seed, step and place: a step draws the same in a graph and out of it,
  and a training that is resumed, which has no graphs yet, the same as one that was not.

What cannot be recorded is done as without graphs, for good, and one line says so: a model that asks
the device something, a batch that is more than tensors, an optimiser that counts on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.optim import Adagrad

from bossline.core.errors import UserError
from bossline.core.ranks import seed_step
from bossline.core.runtime import Runtime
from bossline.training.buffers import Buffers, Unfit, shape_of
from bossline.training.contract import LessonLike, StepLoss
from bossline.training.optimisers import Stepper, Together

WARM = 2  # steps of a shape before its graph
MOST_GRAPHS = 64  # batches of whole utterances have 12 shapes; a half-empty one may be of another

Number = float | Tensor
"""A tensor () where a graph is to hold for any."""

Loss = Callable[[nn.Module, Any], StepLoss]
"""What a model makes of a batch."""

Learn = Callable[[Loss, Any, Number], StepLoss]
"""A step, from a batch and what the average keeps of itself, at the rate of the groups."""

Steps = Callable[[Any, float, float, int], StepLoss]
"""A step, from a batch, the learning rate, what the average keeps, and the number of the step."""


def steps_of(
    runtime: Runtime,
    learn: Learn,
    lesson: LessonLike,
    optimiser: Stepper,
    seed: int,
    console: Console,
) -> Steps:
    """Steps as the runtime wants them; before the optimiser's state is loaded.

    Args:
        lesson: whose loss is learnt from.
        seed: of the training.
        console: told where steps cannot be compiled.
    """

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    plain = Plain(learn, lesson.loss, optimiser)
    if runtime.compile == "graphs":
        graphs = CudaGraphs(runtime.device)
        return Graphed(plain, lesson, runtime.device, seed, say, graphs)
    if runtime.compile == "inductor":
        return Compiled(plain, lesson, runtime.device, seed, say)
    return plain


class Plain:
    """One kernel after the other."""

    def __init__(self, learn: Learn, loss: Loss, optimiser: Stepper) -> None:
        self.learn, self.loss, self.optimiser = learn, loss, optimiser

    def set_rate(self, rate: Number) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def __call__(self, batch: Any, rate: float, kept: float, number: int) -> StepLoss:
        self.set_rate(rate)
        return self.learn(self.loss, batch, kept)


class _Held:
    """Steps on batches in buffers, or plain ones once that has failed."""

    def __init__(
        self,
        plain: Plain,
        lesson: LessonLike,
        device: torch.device,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        """See steps_of."""
        self.plain, self.lesson, self.device = plain, lesson, device
        self._seed, self._say, self._failed = seed, say, False

    def __call__(self, batch: Any, rate: float, kept: float, number: int) -> StepLoss:
        seed_step(self._seed, number)
        if not self._failed:
            try:
                return self._step(batch, rate, kept)
            except UserError:
                raise
            except Exception as error:  # whatever torch raises where it cannot
                self.give_up(error)
                seed_step(self._seed, number)
        return self.plain(batch, rate, kept, number)

    def give_up(self, error: Exception) -> None:
        self._failed = True
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        self._say(f"steps are not compiled, and taken as with compile=off: {first}")

    def _step(self, batch: Any, rate: float, kept: float) -> StepLoss:
        raise NotImplementedError


# CUDA graphs.


class Recorder(Protocol):
    """What makes graphs."""

    def warm(self, work: Callable[[], None]) -> None:
        """Do the work as it will be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """What does the work's computations again, on the same memory; they are not done now."""


class CudaGraphs:
    """Graphs of one pool of memory, all recorded on one stream."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm(self, work: Callable[[], None]) -> None:
        """On the stream of recording: autograd remembers where a weight's gradient was added up."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            work()
        current.wait_stream(self._stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        try:
            with (
                torch.cuda.stream(self._stream),  # torch.cuda.graph does not leave it on an error
                # Of this thread alone: another one may pin memory meanwhile (batches/ahead.py).
                torch.cuda.graph(
                    graph,
                    pool=self._pool,
                    stream=self._stream,
                    capture_error_mode="thread_local",
                ),
            ):
                work()
        except Exception:
            graph.reset()
            self._renew_generator()
            raise
        return graph.replay

    def _renew_generator(self) -> None:
        """One that was being recorded as it failed may believe for ever that it still is."""
        index = self._device.index
        number = torch.cuda.current_device() if index is None else index
        default = torch.cuda.default_generators[number]
        default.graphsafe_set_state(torch.Generator(self._device).graphsafe_get_state())


class _Graph:
    def __init__(self, buffers: Buffers) -> None:
        self.buffers, self.warmed = buffers, 0
        self.replay: Callable[[], None] | None = None


class Graphed(_Held):
    """Whole steps as graphs: gradients, clipping, optimiser, average."""

    def __init__(
        self,
        plain: Plain,
        lesson: LessonLike,
        device: torch.device,
        seed: int,
        say: Callable[[str], None],
        recorder: Recorder,
    ) -> None:
        """See steps_of."""
        super().__init__(plain, lesson, device, seed, say)
        self._recorder = recorder
        self._graphs: dict[Hashable, _Graph] = {}
        self._rate, self._kept, self._mean = torch.zeros(3, device=device).unbind()
        self._score = torch.zeros((), dtype=torch.float64, device=device)
        try:
            hold(plain.optimiser, device)
        except Unfit as error:
            self.give_up(error)

    def _step(self, batch: Any, rate: float, kept: float) -> StepLoss:
        shape, count = shape_of(batch), self.lesson.counted(batch)
        if (graph := self._graphs.get(shape)) is None:
            if len(self._graphs) == MOST_GRAPHS:
                raise Unfit(f"batches come in more than {MOST_GRAPHS} shapes")
            graph = self._graphs[shape] = _Graph(Buffers(batch, self.device))
        graph.buffers.fill(batch)
        self._rate.fill_(rate)
        self._kept.fill_(kept)
        self.plain.set_rate(self._rate)
        buffers = graph.buffers

        def work() -> None:
            loss = self.plain.learn(self.plain.loss, buffers.batch(batch), self._kept)
            self._mean.copy_(loss.mean.detach())
            self._score.copy_(loss.score)

        if graph.replay is None and graph.warmed < WARM:
            self._recorder.warm(work)
            graph.warmed += 1
        else:
            if graph.replay is None:
                graph.replay = self._recorder.record(work)
            graph.replay()
        return StepLoss(self._mean, count, self._score)


def hold(optimiser: Stepper, device: torch.device) -> None:
    """Have an optimiser keep on the device what it counts.

    Raises:
        Unfit: it cannot.
    """
    for member in optimiser.members if isinstance(optimiser, Together) else [optimiser]:
        if isinstance(member, Adagrad):
            raise Unfit("Adagrad counts its steps on the host")
        for group in member.param_groups:
            if "capturable" in group and device.type == "cuda":
                group["capturable"] = True


# torch.compile.


class Compiled(_Held):
    """Steps whose loss, and so its gradient, torch.compile makes kernels of, shape by shape.

    What follows is few launches already: optimisers update all weights at once.
    """

    def __init__(
        self,
        plain: Plain,
        lesson: LessonLike,
        device: torch.device,
        seed: int,
        say: Callable[[str], None],
        **compiler: Any,
    ) -> None:
        """See steps_of; `compiler` is for torch.compile, where it is not to be inductor."""
        super().__init__(plain, lesson, device, seed, say)
        settings = compiler or {"mode": "reduce-overhead"}
        self._buffers: dict[Hashable, Buffers] = {}

        def parts(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
            loss = lesson.loss(model, batch)
            return loss.mean, loss.score

        self._parts = torch.compile(parts, fullgraph=True, dynamic=False, **settings)

    def _step(self, batch: Any, rate: float, kept: float) -> StepLoss:
        shape, count = shape_of(batch), self.lesson.counted(batch)
        if (buffers := self._buffers.get(shape)) is None:
            if len(self._buffers) == MOST_GRAPHS:
                raise Unfit(f"batches come in more than {MOST_GRAPHS} shapes")
            buffers = self._buffers[shape] = Buffers(batch, self.device)
        buffers.fill(batch)
        self.plain.set_rate(rate)

        def loss(model: nn.Module, held: Any) -> StepLoss:
            mean, score = self._parts(model, held)
            return StepLoss(mean, count, score)

        if self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with torch._dynamo.config.patch(recompile_limit=MOST_GRAPHS):
            return self.plain.learn(loss, buffers.batch(batch), kept)
