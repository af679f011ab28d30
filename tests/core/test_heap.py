from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bossline.core import memory

CHILD = """
import resource, sys, torch
from pathlib import Path
from bossline.core import memory

memory._HUGE_PAGES = Path(sys.argv[1])
memory.keep_freed_memory()

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
@pytest.mark.parametrize("huge_pages", [True, False])
def test_pages_that_were_freed_are_not_mapped_again_one_by_one(
    tmp_path: Path, huge_pages: bool
) -> None:
    """Left alone, glibc maps all of the largest tensor in every step."""
    kernel = tmp_path / "enabled"
    kernel.write_text("always [never] madvise")
    if huge_pages:
        kernel = memory._HUGE_PAGES
        if not memory._has_huge_pages():
            pytest.skip("a kernel without huge pages")
    command = [sys.executable, "-c", CHILD, str(kernel)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pages = 5 * (64 << 20) // 4096
    assert int(done.stdout) < pages / 4
