"""Small files that promise much, files without an end, and FIFOs in every place."""

from __future__ import annotations

import io
import os
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import torch

from bossline import api
from tests.attack import operations
from tests.attack.child import run_in_child
from tests.attack.judging import judge
from tests.attack.mutations import Mutation
from tests.attack.operations import Operation
from tests.attack.recipes import TRAPS
from tests.attack.results import Result
from tests.attack.targets import Target, copied

SIZE = 5 << 28
"""Bytes: more than there is memory."""


@dataclass(frozen=True)
class Bomb:
    """What is planted in a copy of a target, and what is then done."""

    name: str
    target: Target
    operation: str
    file: PurePath
    """Or folder, in the target."""
    plant: Callable[[Path], None]
    """Given the path of the file."""
    ask: Operation | None = None
    """In place of an operation of the target: something that must be refused."""
    in_place: bool = False
    """No regular file is left."""


def _expanded(rows: int) -> Callable[[Path], None]:
    """A tensor of one number that says that it is a matrix of so many rows."""

    def plant(file: Path) -> None:
        torch.save(torch.zeros(1).expand(rows, 39), file)

    return plant


def _promising_npy(shape: tuple[int, ...], kind: str = "<f4") -> Callable[[Path], None]:
    def plant(file: Path) -> None:
        header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
        padded = header.encode().ljust(117) + b"\n"
        file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded)

    return plant


def _zip_bomb(file: Path) -> None:
    """A .pt file of a few MB whose storage inflates to more than may be had."""
    stream = io.BytesIO()
    torch.save(torch.zeros(3, 39), stream)
    with (
        zipfile.ZipFile(stream) as sound,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb,
    ):
        for name in sound.namelist():
            with bomb.open(name, "w") as member:
                if name.endswith("data/0"):
                    for _ in range(SIZE >> 20):
                        member.write(bytes(1 << 20))
                else:
                    member.write(sound.read(name))


def _png(width: int, height: int, depth: int = 8, kind: int = 6) -> Callable[[Path], None]:
    """All the lines that it promises, of zeros."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    def plant(file: Path) -> None:
        channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
        size = min(height * (1 + width * channels * depth // 8), 300 << 20)
        header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
        press = zlib.compressobj(1)
        lines = b"".join(press.compress(bytes(1 << 20)) for _ in range(size >> 20))
        lines += press.compress(bytes(size % (1 << 20))) + press.flush()
        file.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", lines)
            + chunk(b"IEND", b"")
        )

    return plant


def _jpeg_of_65500(file: Path) -> None:
    """Its header says so."""
    content = bytearray(file.read_bytes())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65500, 65500)
    file.write_bytes(content)


def _wav(rate: int, seconds: float, channels: int = 1) -> Callable[[Path], None]:
    """Silence; a file with a hole, which takes no room on the disk."""

    def plant(file: Path) -> None:
        size = int(seconds * rate) * 2 * channels
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, channels, rate,
            min(rate * 2 * channels, 0xFFFFFFFF), 2 * channels, 16, b"data", size,
        )  # fmt: skip
        file.write_bytes(head)
        os.truncate(file, len(head) + size)

    return plant


def _text(content: str) -> Callable[[Path], None]:
    def plant(file: Path) -> None:
        file.write_text(content, encoding="utf-8")

    return plant


def _many(head: str, piece: str, tail: str = "") -> Callable[[Path], None]:
    """40 MiB of pieces that are twenty times as long in memory; %06x stands for a number."""
    block = 1000 * piece.count("%")

    def plant(file: Path) -> None:
        left, start = 40 << 20, 0
        with file.open("w", encoding="utf-8") as stream:
            stream.write(head)
            while left > 0:
                text = piece * 1000 % tuple(range(start, start + block))
                left, start = left - len(text), start + block
                stream.write(text)
            stream.write(tail)

    return plant


def _hole(size: int) -> Callable[[Path], None]:
    """A file of zeros that takes no room on the disk."""

    def plant(file: Path) -> None:
        file.write_bytes(b"")
        os.truncate(file, size)

    return plant


def _loop(folder: Path) -> None:
    (folder / "loop").symlink_to("..")


def _deep(folder: Path) -> None:
    """A thousand folders in one another."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def _heads_beyond(file: Path) -> None:
    """A safetensors header of 2 ** 60 bytes."""
    file.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


_PLANTED: tuple[tuple[str, str, str, Callable[[Path], None]], ...] = (
    ("2e7 expanded rows", "libriphone", "source/feat/train/0-train-0.pt", _expanded(20_000_000)),
    ("1e12 expanded rows", "libriphone", "source/feat/train/0-train-0.pt", _expanded(10**12)),
    ("2e7 expanded rows", "libriphone", "source/feat/test/0-test-0.pt", _expanded(20_000_000)),
    ("2e7 expanded rows", "speaker", "source/uttr-0000.pt", _expanded(20_000_000)),
    ("a zip bomb", "libriphone", "source/feat/train/0-train-0.pt", _zip_bomb),
    ("1e12 rows promised", "folder", "source/a.npy", _promising_npy((10**12, 4))),
    ("1e18 rows of nothing", "folder", "source/a.npy", _promising_npy((10**18, 0))),
    ("1e12 rows promised", "timit11", "source/train_11.npy", _promising_npy((10**12, 429))),
    (
        "1e12 labels promised",
        "timit11",
        "source/train_label_11.npy",
        _promising_npy((10**12,), "<i8"),
    ),
    (
        "labels without width",
        "timit11",
        "source/train_label_11.npy",
        _promising_npy((10**10,), "<U0"),
    ),
    ("900 million pixels", "food", "source/training/1_1.png", _png(30_000, 30_000)),
    ("64 million pixels", "food", "source/training/1_1.png", _png(8192, 8192)),
    ("64 million pixels, 16 bits", "food", "source/training/1_1.png", _png(8192, 8192, 16, 0)),
    ("one line of pixels", "food", "source/training/1_1.png", _png(1 << 26, 1)),
    ("4 billion pixels", "food", "source/training/0_0.jpg", _jpeg_of_65500),
    ("10 hours of silence", "recordings", "source/ann/0wav.wav", _wav(16_000, 36_000)),
    ("a day at 1 Hz", "recordings", "source/ann/0wav.wav", _wav(1, 86_400)),
    ("4 GHz", "recordings", "source/ann/0wav.wav", _wav(4_000_000_000, 0.01)),
    ("1,000 channels", "recordings", "source/ann/0wav.wav", _wav(16_000, 20, 1000)),
    ("zeros without an end", "libriphone", "source/train_labels.txt", _hole(SIZE)),
    ("zeros without an end", "libriphone", "source/train_split.txt", _hole(SIZE)),
    ("zeros without an end", "libriphone", "source/feat/train/0-train-0.pt", _hole(SIZE)),
    ("zeros without an end", "folder", "source/a.npy", _hole(SIZE)),
    ("zeros without an end", "speaker", "source/metadata.json", _hole(SIZE)),
    ("zeros without an end", "covid", "source/covid.train.csv", _hole(SIZE)),
    ("zeros without an end", "food", "source/training/0_0.jpg", _hole(SIZE)),
    ("20,000 brackets", "speaker", "source/metadata.json", _text("[" * 20_000)),
    ("20,000 brackets", "speaker", "source/mapping.json", _text('{"a":' * 20_000)),
    ("a long number", "speaker", "source/metadata.json", _text('{"n_mels": ' + "9" * 5000 + "}")),
    ("more lists than memory", "speaker", "source/metadata.json", _many("[", "[],", "0]")),
    (
        "more keys than memory",
        "speaker",
        "source/mapping.json",
        _many("{", '"%06x":{},', '"a":0}'),
    ),
    ("more ids than memory", "libriphone", "source/train_split.txt", _many("", "%06x\n")),
    (
        "more labels than memory",
        "libriphone",
        "source/train_labels.txt",
        _many("", "%06x 1\n"),
    ),
    ("more cells than memory", "covid", "source/covid.train.csv", _many("", "%06x,", "\n")),
    ("more rows than memory", "covid", "source/covid.train.csv", _many("", "%06x,1\n")),
    (
        "more rows than memory, well named",
        "covid",
        "source/covid.test.csv",
        _many("id,AL,CA,cli,ili,tested_positive,cli.1,ili.1\n", "%06x,1,0,1,1,1,1,1\n"),
    ),
    ("more names than memory", "food", "source/classes.txt", _many("", "%06x\n")),
    ("more splits than memory", "folder", "source/splits.txt", _many("", "%06x a\n")),
    ("a million columns", "covid", "source/covid.train.csv", _text("a," * 1_000_000 + "\n1\n")),
    ("a quote never closed", "covid", "source/covid.train.csv", _text('id,"' + "x" * 1_000_000)),
    ("a link loop", "recordings", "source/ann", _loop),
    ("a link loop", "folder", "source/deeper", _loop),
    ("a link loop", "food", "source/training", _loop),
    ("a thousand folders", "recordings", "source/ann", _deep),
    ("a thousand folders", "folder", "source/deeper", _deep),
)
"""What it is, in which layout, in which file or folder, and how."""


def _fifo(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def _endless(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to("/dev/zero")


_ASKED: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("phoneme", lambda name: api.predict("runs/a", name, device="cpu")),
    ("speaker", lambda name: api.verify("runs/a", name, name, device="cpu")),
    ("speaker", lambda name: api.embed("runs/a", [name], device="cpu")),
    ("speaker", lambda name: api.evaluate_trials("runs/a", name)),
    ("food", lambda name: api.predict("runs/a", name, device="cpu")),
)
"""What a run of a training is asked about a file."""


def _asking(ask: Callable[[str], Any], name: str) -> Operation:
    def operation(work: Path) -> Any:
        operations.work_in(work)
        ask(name)

    return operation


GROUPS = frozenset({"import", "pack", "run", "recipe"})
"""Of targets that bombs are planted in."""


def _all(targets: Sequence[Target]) -> Iterator[Bomb]:
    by_name = {target.name: target for target in targets}
    for name, layout, place, plant in _PLANTED:
        yield Bomb(name, by_name[layout], "import", PurePath(place), plant)
    for target in targets:
        if target.group not in ("import", "pack", "run"):
            continue
        first = next(iter(target.operations))
        for file in target.files:
            yield Bomb("a FIFO", target, first, file, _fifo, in_place=True)
            if file.suffix in (".json", ".yaml"):
                yield Bomb("20,000 brackets", target, first, file, _text("[" * 20_000))
                yield Bomb("a long number", target, first, file, _text(f"{{x: {'9' * 5000}}}"))
            if file.suffix == ".safetensors":
                yield Bomb("a header of 2 ** 60 bytes", target, first, file, _heads_beyond)
        for file in target.files[-3:]:
            yield Bomb("/dev/zero", target, first, file, _endless, in_place=True)
    recipe = next(target for target in targets if target.layout == "phoneme/simple")
    for name, text in TRAPS.items():
        plant = _text(text.replace("CANARY", "/nonexistent"))
        yield Bomb(name, recipe, "read", PurePath("recipe.yaml"), plant)
    for kind, plant in (("a FIFO", _fifo), ("/dev/zero", _endless)):
        yield Bomb(kind, recipe, "read", PurePath("recipe.yaml"), plant, in_place=True)
        for training, ask in _ASKED:
            for suffix in (".npy", ".pt", ".wav", ".txt"):
                file = PurePath(f"asked{suffix}")
                target = by_name[f"run of {training}"]
                yield Bomb(kind, target, "asked", file, plant, _asking(ask, file.name), True)


class Bombs:
    """The same ones for every seed."""

    def __init__(self, seed: int, targets: Sequence[Target], scratch: Path) -> None:
        """
        Args:
            targets: at least those of GROUPS.
        """
        self._seed, self._scratch = seed, scratch
        self._bombs = list(_all(targets))

    def __len__(self) -> int:
        return len(self._bombs)

    def run(self, case: int) -> Result:
        """The bomb of this number."""
        bomb = self._bombs[case]
        began = time.monotonic()
        clean = None if bomb.ask else bomb.target.clean(bomb.operation, self._scratch)
        operation = bomb.ask or bomb.target.operations[bomb.operation]
        with copied(bomb.target.root, self._scratch / "case") as work:
            bomb.plant(work / bomb.file)
            ended = run_in_child(lambda: operation(work))
            mutation = Mutation("in place" if bomb.in_place else "bomb", "", not bomb.in_place)
            verdict = judge(bomb.target, ended, clean, bomb.file, mutation, work)
        return Result(
            "bombs", self._seed, case, bomb.target.name, bomb.operation, str(bomb.file), bomb.name,
            verdict.outcome, verdict.why, round(time.monotonic() - began, 3),
        )  # fmt: skip
