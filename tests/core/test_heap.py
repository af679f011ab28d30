from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CHILD = """
import resource, torch
from bossline.core.memory import keep_freed_memory

keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    for megabytes in (64, 3, 40):
        torch.ones(megabytes << 18)

for _ in range(10):  # until freed blocks lie so that all three fit
    step()
before = faults()
for _ in range(5):
    step()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_pages_that_were_freed_are_not_mapped_again() -> None:
    """Left alone, glibc maps all of the largest tensor in every step."""
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    pages = 5 * (64 << 20) // 4096
    assert int(done.stdout) < pages / 20
