"""What a process does with memory that a training step frees and the next one asks for again."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's mallopt(3)


def keep_freed_memory() -> None:
    """Leave freed memory with the process, where its C library is glibc; elsewhere do nothing.

    As it comes, glibc hands large blocks back to the kernel, and every step has its tensors mapped
    and zeroed anew, page by page. Peak memory is the same: only what is free is kept.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_MMAP_MAX, 0)
