"""TensorBoard's event files, written record by record in the thread that trains.

Its own writer works in a thread beside, which ends with a traceback where the disk is full.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

_NO_SCALARS = ("kind", "step", "epoch", "best")


class EventFile:
    """An event file of TensorBoard, new and open."""

    def __init__(self, folder: Path, step: int) -> None:
        """
        Args:
            folder: of the event files of a run.
            step: optimiser steps already done; what an interrupted run wrote beyond is hidden.

        Raises:
            ImportError: TensorBoard is not installed.
            OSError: the folder cannot be made, or the file not written.
        """
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = Event, Summary
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9:010}.{socket.gethostname()}"
        path = folder / f"{name}.{os.getpid()}.{now % 10**9}"
        self._file = path.open("wb", buffering=0)  # so that closing has nothing left to write
        self._records = RecordWriter(self._file)
        try:
            self._write(file_version="brain.Event:2")
            self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        except OSError:
            self._file.close()
            raise

    def add(self, record: dict[str, Any]) -> None:
        """Append the numbers of a record of metrics.jsonl.

        Raises:
            OSError: the disk is full, or unwilling otherwise.
        """
        scalars = [
            self._summary.Value(tag=f"{record['kind']}/{key}", simple_value=value)
            for key, value in record.items()
            if key not in _NO_SCALARS
        ]
        self._write(step=record["step"], summary=self._summary(value=scalars))

    def close(self) -> None:
        self._file.close()

    def _write(self, **content: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **content).SerializeToString())
