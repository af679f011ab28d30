"""Reading metrics.jsonl: lines that are no records are named."""

from __future__ import annotations

import json

import pytest

from bossline.evaluation.scores import ACCURACY, MSE
from bossline.training.metrics import read_records

STEP = {"kind": "step", "step": 3, "epoch": 0.5, "loss": 1.0, "accuracy": 0.5, "lr": 0.1}
EPOCH = {
    "kind": "epoch", "step": 6, "epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5,
    "validation_loss": 1.0, "validation_accuracy": 0.5, "lr": 0.1, "per_second": 9, "best": True,
}  # fmt: skip


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_sound_records_come_back_as_they_are() -> None:
    assert read_records(lines(STEP, EPOCH), ACCURACY) == [STEP, EPOCH]
    squared = {key.replace("accuracy", "mse"): value for key, value in EPOCH.items()}
    assert read_records(lines(squared), MSE) == [squared]
    assert read_records(b"", ACCURACY) == []


@pytest.mark.parametrize("rest", [b'{"kind": "st', b"\0\0\0\0", b"\xff\xfe", b"["])
def test_a_last_line_that_was_cut_short_is_left_out(rest: bytes) -> None:
    assert read_records(lines(STEP) + rest, ACCURACY) == [STEP]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (3, "a JSON int, expected an object"),
        ({"step": 3}, "kind: None"),
        ({**STEP, "kind": []}, r"kind: \[\]"),
        ({**STEP, "step": "3"}, "step: expected a whole number, found '3'"),
        ({**STEP, "step": True}, "step: expected a whole number, found True"),
        ({**STEP, "lr": float("nan")}, "lr: expected a number, found nan"),
        ({**EPOCH, "epoch": 1.5}, "epoch: expected a whole number"),
        ({**EPOCH, "validation_accuracy": None}, "validation_accuracy: expected a number"),
        ({**EPOCH, "per_second": "9"}, "per_second: expected a number"),
        ({**EPOCH, "best": 1}, "best: expected true or false"),
    ],
)
def test_a_line_that_is_no_record_is_named(line: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        read_records(lines(STEP, line, STEP), ACCURACY)


@pytest.mark.parametrize("line", [b"{", b"\xff\xfe{\0", b"[" * 100_000, b"9" * 9_999])
def test_a_line_that_is_no_json_is_named(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 1: "):
        read_records(line + b"\n", ACCURACY)
