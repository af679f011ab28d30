"""What a recipe may say about decoding."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from bossline.tasks.transcribe.decoding import DecodingConfig

CONFIGS: TypeAdapter[DecodingConfig] = TypeAdapter(DecodingConfig)


@pytest.mark.parametrize("kind", ["greedy", "prefix-beam", "beam"])
def test_a_kind_is_enough(kind: str) -> None:
    assert CONFIGS.validate_python({"kind": kind}).kind == kind


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "beam", "beam": 0}, "greater than or equal to 1"),
        ({"kind": "prefix-beam", "beam": 0}, "greater than or equal to 1"),
        ({"kind": "beam", "ctc_weight": 1.0}, "less than 1"),
        ({"kind": "beam", "end_threshold": 0.5}, "greater than or equal to 1"),
        ({"kind": "beam", "ngram": {"order": 7}}, "less than or equal to 6"),
        ({"kind": "prefix-beam", "ngram": {"order": 0}}, "greater than or equal to 1"),
        ({"kind": "greedy", "beam": 2}, "Extra inputs"),
        ({"kind": "prefix"}, "prefix-beam"),
    ],
)
def test_bounds(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CONFIGS.validate_python(wrong)
