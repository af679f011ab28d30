"""Reading metrics.jsonl: a record a line, of a stretch of steps or of an epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bossline.evaluation.scores import Metric

_COUNTS = {"step": ("step",), "epoch": ("step", "epoch")}


def read_records(content: bytes, metric: Metric) -> list[dict[str, Any]]:
    """The records of a file; a last line that a crash cut short is left out.

    Args:
        content: of the file.
        metric: what its scores are.

    Raises:
        ValueError: a line that is no record; names it, and the key.
    """
    records = []
    *lines, last = content.split(b"\n")  # what was written whole ends with a line end
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_record(line, metric))
        except (ValueError, RecursionError) as error:  # among them: no UTF-8, no JSON
            raise ValueError(f"line {number}: {_in_words(error)}") from error
    with suppress(ValueError, RecursionError):
        records += [_record(last, metric)] if last else []
    return records


def _record(line: bytes, metric: Metric) -> dict[str, Any]:
    record = json.loads(line.decode())
    if not isinstance(record, dict):
        raise ValueError(f"a JSON {type(record).__name__}, expected an object")
    kind = record.get("kind")
    if kind not in ("step", "epoch"):
        raise ValueError(f"kind: {kind!r}, expected 'step' or 'epoch'")
    for key in _COUNTS[kind]:
        if type(record.get(key)) is not int or record[key] < 0:
            raise ValueError(f"{key}: expected a whole number, found {record.get(key)!r}")
    splits = ["train", "validation"] if any(map(_of_validation, record)) else ["train"]
    for key in _measured(kind, metric, splits):
        if type(record.get(key)) not in (int, float) or not math.isfinite(record[key]):
            raise ValueError(f"{key}: expected a number, found {record.get(key)!r}")
    if kind == "epoch" and type(record.get("best")) is not bool:
        raise ValueError(f"best: expected true or false, found {record.get('best')!r}")
    return record


def _of_validation(key: str) -> bool:
    return key.startswith("validation_")


def _measured(kind: str, metric: Metric, splits: Sequence[str]) -> list[str]:
    if kind == "step":
        return ["lr"]
    measures = dict.fromkeys(("loss", metric.name))
    return [f"{split}_{what}" for split in splits for what in measures] + ["per_second"]


def _in_words(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError | RecursionError):
        return "not readable as JSON"
    return str(error)
