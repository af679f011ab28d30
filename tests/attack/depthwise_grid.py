"""Depthwise convolutions of many shapes under bfloat16, each held against double precision.

    python -m tests.attack.depthwise_grid

Under test are native kernels of a CPU, some of which never return. So another process computes, and
is killed where it keeps still for too long. All shapes take 2 minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.depthwise import DepthwiseConv2d
from bossline.models.encoders.layers import TimeConvolution

SECONDS = 60.0  # for one shape; 1 is much where nothing else runs
TOLERANCE = 0.03  # of the largest number of a result: a few roundings to 8 bits
_spawning = get_context("spawn")

CHANNELS = (*range(1, 21), 24, 31, 32, 33, 48, 64, 144)
KERNELS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 21, 31, 51, 101)
LENGTHS = (1, 2, 7, 15, 16, 30, 31, 32, 64, 137, 500)
SIDES = (1, 2, 4, 8, 16, 31, 40)
IMAGE_KERNELS = (3, 5, 7, 9, 13, 15, 31)

Layout = Literal["channels last", "channels first"]


@dataclass(frozen=True)
class Shape:
    """A convolution of time, or of images that are square."""

    of: Literal["time", "images"]
    channels: int
    kernel: int
    length: int  # frames, or pixels of a side
    layout: Layout

    def layer(self) -> nn.Module:
        if self.of == "time":
            return _OverTime(self.channels, self.kernel)
        return DepthwiseConv2d(
            self.channels, self.channels, self.kernel, padding=self.kernel // 2,
            groups=self.channels, bias=False,
        )  # fmt: skip

    def input(self) -> Tensor:
        """(2, C, H, W)."""
        height = 1 if self.of == "time" else self.length
        x = torch.randn(2, self.channels, height, self.length)
        last = self.layout == "channels last"
        return x.contiguous(memory_format=torch.channels_last) if last else x


class _OverTime(nn.Module):
    """The encoders' layer, fed like one of images."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.inner = TimeConvolution(channels, channels, kernel, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.squeeze(2).transpose(1, 2)
        batch = Padded.of(frames, torch.full((len(x),), x.shape[3]))
        y: Tensor = self.inner(frames, batch.padding)
        return y.transpose(1, 2).unsqueeze(2)


def full_grid() -> list[Shape]:
    layouts: tuple[Layout, Layout] = ("channels last", "channels first")
    times = product(("time",), CHANNELS, KERNELS, LENGTHS, layouts)
    images = product(("images",), CHANNELS, IMAGE_KERNELS, SIDES, layouts)
    return [Shape(*each) for each in (*times, *images)]  # type: ignore[arg-type]


def complaints(shapes: Sequence[Shape], seconds: float = SECONDS) -> Iterator[str]:
    """What is wrong with each shape that does not come out as it should."""
    worker: tuple[Connection, SpawnProcess] | None = None
    try:
        for shape in shapes:
            worker = worker or _started()
            pipe, process = worker
            pipe.send(shape)
            for what in ("forward", "gradient of the input", "gradient of the weight"):
                if not pipe.poll(seconds):
                    process.kill()  # nothing less ends it
                    process.join()
                    worker = None
                    yield f"{shape}: {what} not there after {seconds:g} s"
                    break
                deviation = pipe.recv()
                if not deviation < TOLERANCE:
                    yield f"{shape}: {what} off by {deviation:.2g} of its largest number"
    finally:
        if worker is not None:
            worker[1].kill()
            worker[1].join()


def _started() -> tuple[Connection, SpawnProcess]:
    here, there = _spawning.Pipe()
    process = _spawning.Process(target=_compute, args=(there,), daemon=True)
    process.start()
    there.close()
    here.recv()  # imports are done: from now on, time counts
    return here, process


def _compute(pipe: Connection) -> None:
    torch.set_num_threads(1)
    pipe.send("ready")
    while True:
        for deviation in _deviations(pipe.recv()):
            pipe.send(deviation)


def _deviations(shape: Shape) -> Iterator[float]:
    """Of the result and both gradients, as shares of their largest numbers."""
    torch.manual_seed(0)
    layer, x = shape.layer(), shape.input().requires_grad_()
    (weight,) = layer.parameters()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    exact_x, exact_weight = (p.detach().double().contiguous().requires_grad_() for p in (x, weight))
    # Double precision is summed by torch itself: oneDNN does not take it.
    exact = functional.conv2d(
        exact_x,
        exact_weight,
        padding=tuple(side // 2 for side in weight.shape[2:]),
        groups=shape.channels,
    )
    yield _off(y, exact)
    slope = torch.randn(y.shape).to(y.dtype)
    y.backward(slope)
    exact.backward(slope.double())  # type: ignore[no-untyped-call]
    for own, theirs in ((x, exact_x), (weight, exact_weight)):
        assert own.grad is not None
        assert theirs.grad is not None
        yield _off(own.grad, theirs.grad)


def _off(found: Tensor, exact: Tensor) -> float:
    return float(
        (found.detach().double() - exact.detach()).abs().max() / exact.detach().abs().max()
    )


def native_bfloat16() -> bool:
    """Whether this CPU has the kernels that are under test."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def main() -> int:
    shapes = full_grid()
    native = "natively" if native_bfloat16() else "by emulation: what is under test is not here"
    print(f"{len(shapes):,} shapes; this CPU multiplies bfloat16 {native}", flush=True)
    wrong = 0
    for complaint in complaints(shapes):
        print(complaint, flush=True)
        wrong += 1
    print(f"{wrong} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
