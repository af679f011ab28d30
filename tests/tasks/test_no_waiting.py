"""A training step asks its device nothing: an answer would wait for all that it has yet to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.lessons import STEPPED, lesson, small

_ASKING = {
    "aten::nonzero",
    "aten::masked_select",
    "aten::_local_scalar_dense",  # int(), float(), bool() and item() of a tensor
    "aten::_unique2",
    "aten::bincount",
    "aten::equal",
}
_INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class Waited(Exception):
    pass


class NoWaiting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses whatever has a size or a value that only the device knows."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func._schema.name
        if name in _ASKING or (name in _INDEXING and any(map(_is_mask, args[1]))):
            raise Waited(name)
        return func(*args, **(kwargs or {}))


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: bool(x.any()),
        lambda x: x.sum().item(),
        lambda x: x.masked_select(x > 0),
        lambda x: x.index_put((x > 0,), torch.zeros(())),
    ],
)
def test_what_waits_is_seen(ask: Any) -> None:
    with pytest.raises(Waited), NoWaiting():  # type: ignore[no-untyped-call]
        ask(torch.randn(5))


@pytest.mark.parametrize("name", STEPPED)
def test_a_step_asks_nothing(name: str) -> None:
    opened = lesson(small(name))
    model = opened.build_model()
    opened.prepare(model)
    model.train()
    with NoWaiting():  # type: ignore[no-untyped-call]
        for step in range(3):
            opened.loss(model, opened.batch(0, step)).mean.backward()  # type: ignore[no-untyped-call]
