"""The machine's memory: what a model may take, what is kept for the next step, and its end."""

from __future__ import annotations

import ctypes
import math
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bossline.core.errors import UserError
from bossline.core.reading import let_go

# What a model may take of the machine's memory, and one line where there is not enough of it.


_EXHAUSTED = "allocate memory", "Storage size calculation overflowed"  # torch's words for it
_COPIES = 4  # a trained weight, its gradient and an optimiser's two moments


def physical_memory() -> int:
    """Bytes of this machine; a generous guess where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 1 << 40


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what new tensors ask for, before they get it."""

    def __init__(self, most: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._most, self._asked = most, 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch would import its compiler, seconds of it, to leave this mode out of a graph."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self._asked += _size(args, kwargs)
        if self._asked > self._most:
            raise UserError(
                f"this model is too large for the machine: its weights alone want more than "
                f"{self._most / 1e9:,.0f} GB, a quarter of the memory, and training keeps "
                f"{_COPIES} numbers for each: make model.width, model.depth or the like smaller"
            )
        return func(*args, **kwargs)


def _size(args: Sequence[Any], kwargs: dict[str, Any]) -> int:
    """Bytes of a tensor that is made from nothing but its shape; 0 of all others."""
    shape = args[0] if args else kwargs.get("size")
    if not isinstance(shape, list | tuple) or not all(type(side) is int for side in shape):
        return 0
    dtype = kwargs.get("dtype") or torch.get_default_dtype()
    return math.prod(shape) * dtype.itemsize


@contextmanager
def bounded_weights() -> Iterator[None]:
    """Refuse to build a model whose training cannot fit into the memory, before it is tried.

    Raises:
        UserError: the tensors made in the block are too large.
    """
    with _Counting(physical_memory() // _COPIES):
        yield


@contextmanager
def exhaustion_named(advice: str) -> Iterator[None]:
    """Say it in one line where a block runs out of memory.

    Args:
        advice: what to do about it.

    Raises:
        UserError: this device has not enough memory.
    """
    try:
        yield
    except MemoryError as error:
        let_go(error)
        raise UserError(f"not enough memory: {advice}") from error
    except RuntimeError as error:
        on_device = isinstance(error, torch.OutOfMemoryError)
        if not on_device and not any(words in str(error) for words in _EXHAUSTED):
            raise
        where = "on the GPU" if on_device else "on this machine"
        raise UserError(f"not enough memory {where}: {advice}") from error


# What a process does with memory that a training step frees and the next one asks for again.


_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's mallopt(3)


def keep_freed_memory() -> None:
    """Leave freed memory with the process, where its C library is glibc; elsewhere do nothing.

    As it comes, glibc hands large blocks back to the kernel, and every step has its tensors mapped
    and zeroed anew, page by page. Peak memory is the same: only what is free is kept. The whole
    process is told so: for bossline's own that train, not for programs that call it.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_MMAP_MAX, 0)
