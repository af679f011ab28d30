"""Items come in their order, read here or in other processes, with what is wrong with each."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bossline.core.archives import read_tensor
from bossline.core.processes import worker_processes
from bossline.data import loading
from bossline.data.checking import read_checked
from bossline.data.features.spec import FeatureSpec
from bossline.data.importing import import_corpus
from bossline.data.loading import Loading, load_all
from bossline.data.readers.base import Item

FEATURES = FeatureSpec(kind="other", dim=39)
LOADING = Loading(FEATURES, rebuild=False)


def items(libriphone: Path) -> list[Item]:
    """Of all files, one of which is damaged, many times."""
    files = sorted(libriphone.glob("feat/*/*.pt"))
    files[1].write_bytes(files[1].read_bytes()[:-9])
    return [
        Item(f"{number}-{file.stem}", "train", file.name, partial(read_tensor, file))
        for number in range(7)
        for file in files
    ]


def check(listed: list[Item], threads: Executor, processes: int | None) -> None:
    results = list(load_all(LOADING, listed, threads, processes))
    assert len(results) == len(listed)
    for item, (values, faults, known, noticed) in zip(listed, results, strict=True):
        expected, expected_faults = read_checked(item, FEATURES)
        assert faults == expected_faults
        assert not noticed
        assert (values is None) == (known is None) == (expected is None)
        if values is not None and known is not None and expected is not None:
            np.testing.assert_array_equal(values, expected)
            np.testing.assert_allclose(known.means, expected.mean(0, np.float64))


@pytest.mark.parametrize("processes", [1, 2])
def test_every_item_in_order(libriphone: Path, processes: int) -> None:
    with ThreadPoolExecutor(2) as threads:
        check(items(libriphone), threads, processes)


@pytest.mark.parametrize("told", [True, False])
def test_processes_take_over_what_would_take_long(
    libriphone: Path, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = []

    def counted(count: int) -> AbstractContextManager[Executor]:
        began.append(count)
        return worker_processes(1)

    monkeypatch.setattr(loading, "worker_processes", counted)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr(loading, "_START", 0.0)
    listed = items(libriphone)
    if not told:  # an array would be copied to the other process
        listed[0] = Item("array", "train", "array", partial(np.asarray, np.zeros((3, 39))))
    with ThreadPoolExecutor(2) as threads:
        check(listed, threads, None)
    assert began == ([4] if told else [])


def test_a_pack_is_the_same_whoever_reads(
    libriphone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    for processes in (1, 2):
        monkeypatch.setenv("BOSSLINE_HOME", str(tmp_path / f"home{processes}"))
        corpus = import_corpus(libriphone, "lp", processes=processes)
        (shard,) = corpus.path.glob("shard-*")
        digests.append((corpus.key, hashlib.sha256(shard.read_bytes()).hexdigest()))
    assert digests[0] == digests[1]
