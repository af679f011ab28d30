"""Graphs for the CPU: operators are recorded one by one, and done again on the same memory.

What a real graph would hold on to, this one does too: whatever is computed by Python, or asked of a
tensor, is as it was when the tape was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What torch's schemas do not say: batch norm writes its running statistics.
_WRITTEN = {"aten::native_batch_norm": ("running_mean", "running_var")}


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records; whatever was there before is afterwards as it was."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[tuple[Any, Any, Any, list[Tensor], bool]] = []
        self._made: set[int] = set()
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing: item()")
        kwargs = kwargs or {}
        written = _WRITTEN.get(func._schema.name, ())
        for place, argument in enumerate(func._schema.arguments):
            value = args[place] if place < len(args) else kwargs.get(argument.name)
            alias = argument.alias_info
            if argument.name in written or (alias is not None and alias.is_write):
                self._keep(value)
        out = func(*args, **kwargs)
        tensors = [one for one in tree_leaves(out) if isinstance(one, Tensor)]
        aliased = any(one.alias_info is not None for one in func._schema.returns)
        if not aliased:
            self._made.update(one.untyped_storage()._cdata for one in tensors)
        results = [] if aliased else tensors
        self._calls.append((func, args, kwargs, results, torch.is_grad_enabled()))
        return out

    def _keep(self, value: Any) -> None:
        for one in tree_leaves(value):
            if isinstance(one, Tensor):
                storage = one.untyped_storage()._cdata
                if storage not in self._made and storage not in self._before:
                    whole = torch.empty(0, dtype=torch.uint8).set_(one.untyped_storage())
                    self._before[storage] = whole, whole.clone()

    def rewind(self) -> None:
        """Undo what recording did."""
        for whole, before in self._before.values():
            whole.copy_(before)

    def play(self) -> None:
        with torch._C._AutoDispatchBelowAutograd():  # as they were recorded
            for func, args, kwargs, results, gradients in self._calls:
                with torch.set_grad_enabled(gradients):  # oneDNN's LSTM asks
                    out = func(*args, **kwargs)
                if results:
                    again = [one for one in tree_leaves(out) if isinstance(one, Tensor)]
                    for result, one in zip(results, again, strict=True):
                        result.detach().copy_(one)


class TapeRecorder:
    """See training/graphs.py: Recorder."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def warm(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        chance, tape = torch.get_rng_state(), Tape()
        with tape:
            work()
        tape.rewind()
        torch.set_rng_state(chance)

        def replay() -> None:
            self.replayed += 1
            tape.play()

        return replay


class NeverRecords(TapeRecorder):
    """Every step one kernel after the other, on what graphs work on."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work
