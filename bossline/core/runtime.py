"""Where and how a training runs: device, threads, precision, steps one by one or compiled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.ranks import ALONE, Ranks, current

Compile = Literal["off", "graphs", "inductor"]
"""What becomes of a training step: nothing; a CUDA graph a shape; what torch.compile makes of it.

See training/graphs.py.
"""

Precision = Literal["auto", "float32", "bfloat16"]
"""Of forward passes; "auto": bfloat16 autocast where the device multiplies it natively."""


_CUBLAS = ":4096:8"  # eight workspaces of 4 MiB, with which cuBLAS repeats itself
_INDETERMINATE = "does not have a deterministic implementation"  # torch's words for it


@dataclass(frozen=True)
class Runtime:
    """One device of one process, alone or among others.

    Attributes:
        threads: of the CPU.
        bfloat16: whether the device multiplies it; a CPU that emulates it is several times slower.
        ranks: the processes that train together.
        compile: what becomes of a training step.
        precision: in place of a recipe's; None leaves it to the recipe.
        deterministic: whether only algorithms train that give the same bits every time.
    """

    device: torch.device
    threads: int
    bfloat16: bool
    ranks: Ranks = ALONE
    compile: Compile = "off"
    precision: Precision | None = None
    deterministic: bool = False

    @classmethod
    def choose(
        cls,
        device: str = "auto",
        threads: int | None = None,
        compile: Compile = "off",
        precision: Precision | None = None,
        deterministic: bool = False,
    ) -> Runtime:
        """
        Args:
            device: "cpu", "cuda", "cuda:1" ...; "auto" takes a GPU where there is one. Of several
                processes each takes a GPU of its own, whichever is named.
            threads: CPU threads of this process; None leaves torch's own choice, all cores.
            compile: what becomes of a training step.
            precision: in place of a recipe's.
            deterministic: train by algorithms only that give the same bits every time.

        Raises:
            UserError: no such device here, or it cannot compile so. That is refused, not passed
                over: a run says how it was made, and whoever asked would believe it.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if (ranks := current()).world > 1 and device.startswith("cuda"):
            device = f"cuda:{ranks.local}"
        if deterministic:  # cuBLAS asks when it is first used
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", _CUBLAS)
        try:
            chosen = torch.device(device)
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError) as error:
            available = "cpu, cuda" if torch.cuda.is_available() else "cpu"
            raise UserError(f"no device '{device}' here; available: {available}") from error
        if compile == "graphs" and chosen.type != "cuda":
            raise UserError(f"compile=graphs is for CUDA, and this runs on {chosen}: take off")
        if compile != "off" and ranks.world > 1:
            raise UserError(
                f"compile={compile} is for one process: the sums that several exchange in a step "
                "are in no graph; take off"
            )
        if threads is not None:
            torch.set_num_threads(threads)
        settle_kernels()
        if chosen.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32: matrix units instead of plain cores
        bfloat16 = _multiplies_bfloat16(chosen)
        threads = torch.get_num_threads()
        return cls(chosen, threads, bfloat16, ranks, compile, precision, deterministic)

    @contextmanager
    def algorithms(self) -> Iterator[None]:
        """Those of a training, where it is to give the same bits every time.

        A CPU's do so anyway: there it changes no number.

        Raises:
            UserError: what the block does has no such algorithm on this device.
        """
        if not self.deterministic:
            yield
            return
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(True)
        try:
            yield
        except RuntimeError as error:
            if _INDETERMINATE not in str(error):
                raise
            what = str(error).partition(_INDETERMINATE)[0].strip()
            raise UserError(
                f"{what}: torch has no deterministic algorithm for it on {self.device}: leave "
                "--deterministic out, or train on a CPU"
            ) from error
        finally:
            torch.use_deterministic_algorithms(before)

    def autocast(self, precision: str) -> AbstractContextManager[object]:
        """The precision of forward passes.

        Args:
            precision: a recipe's; the runtime's own goes before it.
        """
        half = self._uses_bfloat16(precision)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _uses_bfloat16(self, precision: str) -> bool:
        chosen = self.precision or precision
        return chosen == "bfloat16" or (chosen == "auto" and self.bfloat16)

    def describe(self, precision: str) -> str:
        """Device, threads and the precision that a recipe's setting comes to here."""
        number = "bfloat16" if self._uses_bfloat16(precision) else "float32"
        number += "" if self.compile == "off" else f", {self.compile}"
        number += ", deterministic" if self.deterministic else ""
        times = f"{self.ranks.world} x " if self.ranks.world > 1 else ""
        if self.device.type == "cuda":
            return f"{times}{torch.cuda.get_device_name(self.device)}, {number}"
        return f"{times}CPU, {counted(self.threads, 'thread')}, {number}"


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):  # an older torch cannot tell
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def on_device(host: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device, without waiting for what the device has yet to do."""
    if device.type != "cuda":
        return host.to(device)
    return host.pin_memory().to(device, non_blocking=True)


def settle_kernels() -> None:
    """Let MKL find out in one thread for which processor it computes, before there are several.

    It does so at the first exp, log or the like. A thread that asks for another one meanwhile gets
    the result of other kernels, which rounds otherwise: once in some hundred processes an import or
    a training would not be bit for bit what it is at all other times.
    """
    torch.ones(9).exp()
