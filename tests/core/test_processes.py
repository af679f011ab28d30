"""Other processes give what this one would, and leave nothing behind whatever ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.core.processes import in_order, worker_processes

# It has no `if __name__ == "__main__":`, as scripts have that people write.
SCRIPT = """
import os, time
from bossline.core.processes import in_order, worker_processes

print("script", flush=True)
with worker_processes(2) as pool:
    print(*in_order(pool, abs, [-2, -3], 1))
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


def test_results_come_in_order_however_many_there_are() -> None:
    with worker_processes(2) as pool:
        assert list(in_order(pool, abs, range(-20, 0), 3)) == list(range(20, 0, -1))
        endless = in_order(pool, abs, count(), 3)
        assert [next(endless) for _ in range(5)] == list(range(5))
        endless.close()


def test_a_process_that_is_ended_is_one_line() -> None:
    with pytest.raises(UserError, match="ended from outside"), worker_processes(1) as pool:
        list(in_order(pool, os._exit, [9], 1))


def alive(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which are alive")
def test_a_script_needs_no_guard_and_its_processes_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as script:
        assert script.stdout is not None
        told = [script.stdout.readline().strip() for _ in range(3)]
        assert told[:2] == ["script", "2 3"]
        worker = int(told[2])
        assert alive(worker)
        script.send_signal(signal.SIGKILL)
        ends = time.monotonic() + 20
        while alive(worker) and time.monotonic() < ends:
            time.sleep(0.05)
        assert not alive(worker)
