"""The base of everything that is typed data: recipes, feature descriptions, headers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

MOST_LAYERS = 300  # of a network: more are a slip, and take minutes for a few steps

_LARGEST = 2**63  # torch and numpy count in 64 bits


class Config(BaseModel):
    """Immutable, closed world: an unknown key is an error, and so is a number beyond 64 bits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _within_64_bits(cls, value: Any) -> Any:
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise ValueError("should be a number of 64 bits")
        return value
