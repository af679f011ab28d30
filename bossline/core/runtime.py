"""Where a training runs: device, threads, precision."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.ranks import ALONE, Ranks, current


@dataclass(frozen=True)
class Runtime:
    """One device of one process, alone or among others.

    Attributes:
        threads: of the CPU.
        bfloat16: whether the device multiplies it; a CPU that emulates it is several times slower.
        ranks: the processes that train together.
    """

    device: torch.device
    threads: int
    bfloat16: bool
    ranks: Ranks = ALONE

    @classmethod
    def choose(cls, device: str = "auto", threads: int | None = None) -> Runtime:
        """
        Args:
            device: "cpu", "cuda", "cuda:1" ...; "auto" takes a GPU where there is one. Of several
                processes each takes a GPU of its own, whichever is named.
            threads: CPU threads of this process; None leaves torch's own choice, all cores.

        Raises:
            UserError: no such device here.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if (ranks := current()).world > 1 and device.startswith("cuda"):
            device = f"cuda:{ranks.local}"
        try:
            chosen = torch.device(device)
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError) as error:
            available = "cpu, cuda" if torch.cuda.is_available() else "cpu"
            raise UserError(f"no device '{device}' here; available: {available}") from error
        if threads is not None:
            torch.set_num_threads(threads)
        settle_kernels()
        if chosen.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32: matrix units instead of plain cores
        return cls(chosen, torch.get_num_threads(), _multiplies_bfloat16(chosen), ranks)

    def autocast(self, precision: str) -> AbstractContextManager[object]:
        """The precision of forward passes: "auto", "float32" or "bfloat16"."""
        half = self._uses_bfloat16(precision)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _uses_bfloat16(self, precision: str) -> bool:
        return precision == "bfloat16" or (precision == "auto" and self.bfloat16)

    def describe(self, precision: str) -> str:
        """Device, threads and the precision that a recipe's setting comes to here."""
        number = "bfloat16" if self._uses_bfloat16(precision) else "float32"
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
