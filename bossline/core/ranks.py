"""The processes that train one model together, ranks 0 to W - 1; mostly there is one.

`Ranks` is a process by itself: all that it does is nothing. `joining` gives it where torchrun has
started no more, else one of several, which share every batch: rank r takes its rows r, r + W, ...
Rank 0 alone writes and speaks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore, Store, rendezvous  # type: ignore[attr-defined]

from bossline.core.errors import UserError
from bossline.core.launch import Launch, choose_speaker, launched
from bossline.core.watch import PATIENCE_SECONDS, Watch

T = TypeVar("T")
Items = npt.NDArray[np.int64]

_JOIN = timedelta(minutes=10)  # until all have started
_LONG = timedelta(days=30)  # rank 0 may score for hours; who is gone, the watch knows


# What of a batch is a rank's.


class Rows(Protocol):
    """Rows of a batch, or numbers of them: a tensor or an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Any: ...


R = TypeVar("R", bound=Rows)


class Part:
    """Every W-th row of a batch, from a rank's own on.

    A rank that a batch has no row for computes the first one, which then counts nothing: it has to
    go along, since layers may ask all ranks for sums.

    Attributes:
        whole: rows of the batch that was last divided.
        idle: whether none of them was this rank's.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self._rank, self._world = rank, world
        self.whole, self.idle = 0, False

    def of(self, rows: R) -> R:
        """(B, ...) -> (about B / W, ...), at least one row."""
        self.whole, self.idle = len(rows), len(rows) <= self._rank
        mine: R = rows[:1] if self.idle else rows[self._rank :: self._world]
        return mine


class _Whole(Part):
    def of(self, rows: R) -> R:
        return rows


WHOLE: Part = _Whole()
"""All rows: what one process takes."""


def seed_of(sequence: np.random.SeedSequence) -> int:
    """63 bits, which every generator of torch takes."""
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Have all that a step draws by chance beyond its batch follow from seed, step and rank."""
    sequence = np.random.SeedSequence([seed, step, rank], spawn_key=(2,))
    torch.manual_seed(seed_of(sequence))


class Chance(torch.Generator):
    """A generator of a whole batch, of whose draws a rank takes those of its rows.

    So a row gets the same masks or colours however many ranks there are.
    """

    part: Part


def uniform(
    shape: torch.Size,
    generator: torch.Generator,
    device: torch.device,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Even draws from 0..1; of a Chance, where there is a first axis it counts this rank's rows."""
    if not isinstance(generator, Chance) or not shape:
        return torch.rand(shape, generator=generator, device=device, dtype=dtype)
    whole = (generator.part.whole, *shape[1:])
    return generator.part.of(torch.rand(whole, generator=generator, device=device, dtype=dtype))


# One process, and what several do in its place.


class Ranks:
    """One process that trains alone.

    Attributes:
        part: its rows of a batch.
    """

    part: Part = WHOLE

    def __init__(self, launch: Launch = Launch()) -> None:
        self.rank, self.world, self.local = launch.rank, launch.world, launch.local

    @property
    def writes(self) -> bool:
        """Whether files and people are this rank's."""
        return self.rank == 0

    def batch(self, steps: Any, seed: int, epoch: int, step: int) -> Any:
        """This rank's rows of a batch (see batches/base.py: Steps)."""
        return steps.batch(seed, epoch, step)

    def equalise(self, model: nn.Module) -> None:
        """Give the model of every rank the weights and buffers of rank 0's."""

    def seed(self, seed: int, step: int) -> None:
        """Set what dropout draws from, before a step."""

    def backward(
        self, mean: Tensor, count: int, score: Tensor, model: nn.Module
    ) -> tuple[Tensor, int, Tensor]:
        """Set the gradients of the whole batch's mean loss.

        Args:
            mean: loss of this rank's rows.
            count: what it is the mean of.
            score: sum over them.

        Returns:
            The same three of the whole batch.
        """
        mean.backward()  # type: ignore[no-untyped-call]
        return mean, count, score

    def stop(self, asked: object) -> bool:
        """Whether to stop: all ranks get the same answer at the same step, once one was asked."""
        return bool(asked)

    def save(self, due: bool) -> bool:
        """Whether to write a checkpoint: likewise, once rank 0 says so."""
        return due

    def first(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do what only rank 0 does; the others go on."""
        work(*arguments)

    def told(self, work: Callable[[], T]) -> T:
        """What rank 0 finds, of what JSON can tell; the others wait for it."""
        return work()

    def check_same(self, what: str, value: object) -> None:
        """
        Raises:
            UserError: this rank's value, of what JSON can tell, is not that of rank 0.
        """

    def wait(self) -> None:
        """Go on when all have come so far."""

    def dealt(self, items: Items) -> tuple[Items, Items]:
        """Items (U,) to answer for: this rank's, and those of all ranks as `joined` has them."""
        return items, items

    def joined(self, answers: Tensor) -> Tensor:
        """(N, ...) for the items that were dealt last: those of all ranks, end to end."""
        return answers

    def gathered(self, row: Tensor) -> Tensor:
        """(D,) -> (W, D): that of all ranks."""
        return row.unsqueeze(0)

    def summed(self, value: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        return value


ALONE = Ranks()

_current = ALONE


def current() -> Ranks:
    """Those that this process has joined."""
    return _current


class Joined(Ranks):
    """One of several processes, in torch's default group: gloo between CPUs, NCCL between GPUs."""

    def __init__(self, launch: Launch, store: Store) -> None:
        super().__init__(launch)
        self.part, self._dealt = Part(self.rank, self.world), Part(self.rank, self.world)
        self._store, self._told = store, 0
        # What a rank wants goes round with the count of its next batch, at no cost.
        self._wanted, self._agreed = dict.fromkeys(("stop", "save"), 0), {"stop": 0, "save": 0}
        self.watch = Watch(launch, store)

    def __deepcopy__(self, memo: object) -> Joined:
        return self  # layers know it, and average weights are of copies

    def batch(self, steps: Any, seed: int, epoch: int, step: int) -> Any:
        return steps.batch(seed, epoch, step, self.part)

    def equalise(self, model: nn.Module) -> None:
        for value in model.state_dict().values():
            sent = value.contiguous()
            raw = sent.view(torch.uint8) if sent.dtype == torch.bool else sent  # gloo knows no bool
            self._together(dist.broadcast, raw, 0)
            value.copy_(sent)

    def seed(self, seed: int, step: int) -> None:
        # Ranks that drew alike would drop out alike. Of step and rank alone, so that a training
        # that was interrupted goes on as it would have, and a checkpoint is of no rank.
        seed_step(seed, step, self.rank)

    def backward(
        self, mean: Tensor, count: int, score: Tensor, model: nn.Module
    ) -> tuple[Tensor, int, Tensor]:
        # Not DistributedDataParallel: it averages over ranks, which have unequal counts, and wraps
        # a model whose type lessons ask for. One sum after the backward pass is exact.
        own = 0 if self.part.idle else count
        total = self._counted(own)
        share = mean * (own / total)
        share.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        scored = score.detach() * float(not self.part.idle)
        ends = [share.detach().reshape(1), scored.reshape(1)]
        flat = self.summed(torch.cat([*(one.flatten() for one in gradients), *ends]))
        parts = torch.split(flat, [*(one.numel() for one in gradients), 1, 1])
        for gradient, part in zip(gradients, parts, strict=False):
            gradient.copy_(part.view_as(gradient))
        return parts[-2].squeeze(0), total, parts[-1].squeeze(0)

    def _counted(self, own: int) -> int:
        """The sum over all ranks."""
        mine = torch.tensor([own, *self._wanted.values()])
        total, *agreed = self.summed(mine).tolist()
        self._agreed = dict(zip(self._wanted, agreed, strict=True))
        return int(total)

    def stop(self, asked: object) -> bool:
        self._wanted["stop"] = bool(asked)
        return bool(self._agreed["stop"])

    def save(self, due: bool) -> bool:
        self._wanted["save"] = self.writes and due
        return bool(self._agreed["save"])

    def first(self, work: Callable[..., object], *arguments: Any) -> None:
        if self.writes:
            work(*arguments)

    def told(self, work: Callable[[], T]) -> T:
        self._told += 1
        key = f"told/{self._told}"
        if self.writes:
            found = work()
            self._together(self._store.set, key, json.dumps(found))
            return found
        self._together(self._store.wait, [key], _LONG)
        heard: T = json.loads(self._together(self._store.get, key))
        return heard

    def check_same(self, what: str, value: object) -> None:
        if self.told(lambda: value) != value:
            raise UserError(
                f"rank {self.rank} has another {what} than rank 0: give all processes the same, "
                "and the folder of runs on a disk that all of them share"
            )
        self.wait()  # nothing is written before all have agreed

    def wait(self) -> None:
        self.summed(torch.zeros(()))

    def dealt(self, items: Items) -> tuple[Items, Items]:
        every = [items[rank :: self.world] for rank in range(self.world)]
        return self._dealt.of(items), np.concatenate(every)

    def joined(self, answers: Tensor) -> Tensor:
        own = answers[:0] if self._dealt.idle else answers
        counts = self.gathered(torch.tensor([len(own)])).flatten().tolist()
        sent = own.new_zeros(max(counts), *own.shape[1:])
        sent[: len(own)] = own
        every = [torch.empty_like(sent) for _ in counts]
        self._together(dist.all_gather, every, sent)
        return torch.cat([each[:count] for each, count in zip(every, counts, strict=True)])

    def gathered(self, row: Tensor) -> Tensor:
        every = row.new_empty(self.world, len(row))
        self._together(dist.all_gather, list(every.unbind()), row.contiguous())
        return every

    def summed(self, value: Tensor) -> Tensor:
        self._together(dist.all_reduce, value)
        return value

    def _together(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What fails where another rank is gone: then the watch knows whose fault it is."""
        try:
            return work(*arguments)
        except RuntimeError as error:
            self.watch.suspect()
            time.sleep(PATIENCE_SECONDS)  # mostly it ends this process before
            raise UserError(f"the processes lost touch with each other: {error}") from error


# From one to the other.


@cache
def _rendezvous() -> Store:
    """Where the ranks find each other; once, since the address can be taken once."""
    found: tuple[Store, int, int] = next(rendezvous("env://", timeout=_JOIN))
    return found[0]


_joined = 0  # how often: each time has keys of its own


@contextmanager
def joining() -> Iterator[Ranks]:
    """The ranks that train together while the block runs; blocks within share them.

    An error on one ends all, with one message.

    Raises:
        UserError: not started as torchrun does, or the others cannot be reached.
    """
    global _current, _joined
    launch = launched()
    if launch.world == 1 or _current is not ALONE:
        yield _current
        return
    _joined += 1
    try:
        store = PrefixStore(f"bossline/{_joined}", _rendezvous())
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(
            backend, store=store, rank=launch.rank, world_size=launch.world, timeout=_LONG
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"cannot reach the other processes: {error}") from error
    _current = joined = Joined(launch, store)
    joined.watch.start()
    try:
        yield joined
    except BaseException as error:
        code = getattr(error, "exit_code", 2 if isinstance(error, OSError) else 1)
        with suppress(RuntimeError):  # the store is gone: nobody is left to tell
            choose_speaker(joined.watch.fail(code))
        raise
    finally:
        joined.watch.end()
        with suppress(RuntimeError):
            joined.watch.leave()
        dist.destroy_process_group()
        _current = ALONE
