"""What a model is that reads the columns of a table."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class ReadsColumns(Protocol):
    """It goes by the columns' names, and is told them before it sees a row.

    Attributes:
        names: of the columns.
    """

    names: tuple[str, ...]
