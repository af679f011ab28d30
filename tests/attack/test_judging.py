"""The attacks' own judgement: each way to fail is seen, and what is sound is not blamed."""

from __future__ import annotations

import io
import os
import signal
import struct
import time
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest

from bossline.core.errors import UserError
from tests.attack.child import Action, Ended, run_in_child
from tests.attack.judging import judge, judge_end
from tests.attack.mutations import Mutation
from tests.attack.results import Result, counts, table
from tests.attack.rules import is_sound
from tests.attack.sources import covid, recordings, timit11
from tests.attack.targets import Target

BYTES = Mutation("flip", "", bytes_only=True)
CLEAN: dict[str, Any] = {
    "items": {"train/a": "1", "train/b": "2"},
    "left out": [],
    "passed over": [],
}


def refuse() -> None:
    raise UserError("a.pt: damaged")


def take_much() -> int:
    return len(bytearray(1 << 29))


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("action", "how", "outcome"),
    [
        (lambda: 7, "returned", None),
        (refuse, "refused", None),
        (lambda: 1 // 0, "raised", "traceback"),
        (take_much, "raised", "memory"),
        (die, "killed", "crash"),
        (lambda: time.sleep(60), "timed out", "hang"),
    ],
    ids=["returned", "refused", "raised", "memory", "killed", "timed out"],
)
def test_every_end_of_a_process_is_told_apart(
    action: Action, how: str, outcome: str | None
) -> None:
    ended = run_in_child(action, seconds=2, memory=1 << 28)
    verdict = judge_end(ended)
    assert ended.how == how
    assert (verdict.outcome if verdict else None) == outcome


def judged(tmp_path: Path, file: str, content: bytes, ended: Ended) -> str:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / file).write_bytes(content)
    place = PurePath("source", file)
    target = Target("x", "import", tmp_path, {}, (place,), "food")
    return judge(target, ended, CLEAN, place, BYTES, tmp_path).outcome


def returned(**changes: Any) -> Ended:
    return Ended("returned", {**CLEAN, **changes})


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (returned(), "equal"),
        (returned(**{"passed over": ["x"]}), "equal"),
        (returned(items={"train/a": "1", "train/b": "3"}), "silent"),
        (returned(items={"train/a": "1"}), "silent"),
        (returned(items={"train/a": "1"}, **{"left out": [["train", "b"]]}), "left out"),
        (Ended("refused", text="b.png: truncated"), "refused"),
        (Ended("refused", text="something is wrong"), "unnamed"),
        (Ended("refused", text="b.png: \x1b[31m"), "unnamed"),
    ],
)
def test_another_corpus_must_be_told_of(tmp_path: Path, ended: Ended, outcome: str) -> None:
    assert judged(tmp_path, "b.png", b"", ended) == outcome


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_only_what_could_be_found_is_blamed(tmp_path: Path) -> None:
    recordings(tmp_path / "voices")
    covid(tmp_path / "covid")
    timit11(tmp_path / "timit")
    wav = (tmp_path / "voices/ann/0wav.wav").read_bytes()
    table = (tmp_path / "covid/covid.train.csv").read_bytes()
    rows = np.load(tmp_path / "timit/train_11.npy")
    other = rows.copy()
    other[3, 200] += 1
    sound = [
        ("recordings", "a.wav", wav[:-2] + b"xy"),
        ("covid", "covid.train.csv", table.replace(b"0.", b"7.", 1)),
        ("timit11", "train_11.npy", npy(rows)),
        ("folder", "a.npy", npy(rows + 1)),
        ("folder", "labels.txt", b"a 1 2\r\n\nb 0\n"),
    ]
    damaged = [
        ("recordings", "a.wav", wav[:-2]),
        ("recordings", "a.wav", wav[:4] + struct.pack("<I", 9) + wav[8:]),
        ("covid", "covid.train.csv", table.replace(b"0.", b"NaN", 1)),
        ("covid", "covid.train.csv", table + b"1,2\n"),
        ("timit11", "train_11.npy", npy(other)),
        ("folder", "a.npy", npy(rows)[:-1]),
        ("folder", "a.npy", npy(rows) + b"x"),
        ("folder", "labels.txt", b"a 1 \x00\n"),
        ("folder", "labels.txt", b"a 1" + b"0" * 5000),
        ("food", "a.png", b""),
    ]
    assert [case[:2] for case in sound if not is_sound(case[0], PurePath(case[1]), case[2])] == []
    assert [case[:2] for case in damaged if is_sound(case[0], PurePath(case[1]), case[2])] == []


def test_counts_as_a_table() -> None:
    results = [
        Result("damage", 1, case, "food", "import", "a.png", "flip", outcome, "", 0.1)
        for case, outcome in enumerate(["equal", "refused", "refused", "hang"])
    ]
    assert table(counts(results), markdown=True).splitlines() == [
        "| target | cases | equal | refused | left out | undetectable | hang |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| food | 4 | 1 | 2 | 0 | 0 | 1 |",
        "| all | 4 | 1 | 2 | 0 | 0 | 1 |",
    ]
    assert [result.good for result in results] == [True, True, True, False]
