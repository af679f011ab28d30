"""A recording of four seconds, asked about again and again: loaded each time, or once.

    python -m benchmarks.asking --run runs/phoneme-strong-demo-1

Also how many questions a second several threads have answered by one model.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

import bossline
from benchmarks.common import interleaved, print_table

RATE, SECONDS, TIMES, THREADS = 16_000, 4, 20, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="whose features come from recordings")
    run = bossline.load_run(parser.parse_args().run)
    samples = 0.1 * np.random.default_rng(0).normal(size=SECONDS * RATE)
    model = bossline.load(run, device="cpu")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "recording.wav"
        soundfile.write(file, samples, RATE)
        ways = {
            "bossline.predict": lambda: bossline.predict(run, file, device="cpu"),
            "a loaded model, the file": lambda: model.predict(file),
            "a loaded model, samples": lambda: model.predict(samples, rate=RATE),
        }
        seconds = interleaved(ways, TIMES)
        many = interleaved({"": lambda: model.predict([file] * TIMES)}, 3)[""]
        seconds[f"a loaded model, {TIMES} files at once, each"] = many / TIMES
        with ThreadPoolExecutor(THREADS) as threads:
            began = time.perf_counter()
            list(threads.map(lambda _: model.predict(file), range(TIMES)))
            taken = (time.perf_counter() - began) / TIMES
            seconds[f"a loaded model, {THREADS} threads, each"] = taken
    rows = [(what, f"{1000 * each:.1f}") for what, each in seconds.items()]
    print_table(("asked by", "ms a question"), rows)


if __name__ == "__main__":
    main()
