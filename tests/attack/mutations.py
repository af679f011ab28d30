"""What may have happened to a file: each mutation is a function of a random generator's state."""

from __future__ import annotations

import os
import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mutation:
    """What was done to a file."""

    kind: str
    detail: str
    bytes_only: bool
    """The file is still a regular one under its name, of other bytes."""
    harmless: bool = False
    """What was added is known to be no part of any data set: it must not matter."""


Bytes = Callable[[random.Random, bytes], tuple[bytes, str]]
"""Other bytes, and in words what is other."""


def _place(rng: random.Random, content: bytes) -> int:
    """Anywhere; every other time near an end, where headers and directories are."""
    if not content:
        return 0
    near = min(len(content), 256)
    match rng.randrange(4):
        case 0:
            return rng.randrange(near)
        case 1:
            return len(content) - 1 - rng.randrange(near)
    return rng.randrange(len(content))


def _flip_bit(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at, bit = _place(rng, content), rng.randrange(8)
    return _spliced(content, at, 1, bytes(b ^ 1 << bit for b in content[at : at + 1])), (
        f"bit {bit} of byte {at}"
    )


def _spliced(content: bytes, at: int, removed: int, added: bytes) -> bytes:
    return content[:at] + added + content[at + removed :]


def _overwrite(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at, length = _place(rng, content), rng.choice([1, 1, 2, 4, 8, 64])
    added = rng.choice([rng.randbytes(length), b"\xff" * length, b"9" * length, b"-" * length])
    return _spliced(content, at, length, added), f"{added[:8]!r} over {length} bytes at {at}"


def _insert(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at, length = _place(rng, content), rng.choice([1, 2, 16, 1000])
    added = rng.choice([rng.randbytes(length), b"\n" * length, b" " * length, b"0" * length])
    return _spliced(content, at, 0, added), f"{length} bytes {added[:8]!r} at {at}"


def _delete(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at, length = _place(rng, content), rng.choice([1, 2, 16, 500])
    return _spliced(content, at, length, b""), f"{length} bytes at {at}"


def _truncate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at = _place(rng, content)
    return content[:at], f"to {at} bytes"


def _append(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    added = rng.choice([b"\0" * 512, b"\n", b"x", content, rng.randbytes(100), b"\x1a"])
    return content + added, f"{len(added)} bytes {added[:8]!r}"


def _swap(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    size = rng.choice([4, 32, 256])
    blocks = [content[k : k + size] for k in range(0, len(content), size)]
    if len(blocks) < 2:
        return content[::-1], "reversed"
    one, other = sorted(rng.sample(range(len(blocks)), 2))
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"".join(blocks), f"blocks {one} and {other} of {size} bytes"


def _zero(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at, length = _place(rng, content), rng.choice([1, 8, 64, 512, len(content)])
    length = min(length, len(content) - at)
    return _spliced(content, at, length, bytes(length)), f"{length} bytes at {at}"


def _lines(change: Callable[[random.Random, list[bytes]], str]) -> Bytes:
    def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
        lines = content.splitlines(keepends=True)
        detail = change(rng, lines) if lines else "no line"
        return b"".join(lines), detail

    return mutate


def _duplicate_line(rng: random.Random, lines: list[bytes]) -> str:
    at = rng.randrange(len(lines))
    lines.insert(rng.randrange(len(lines) + 1), lines[at])
    return f"line {at + 1}"


def _lose_line(rng: random.Random, lines: list[bytes]) -> str:
    at = rng.randrange(len(lines))
    del lines[at]
    return f"line {at + 1}"


def _shuffle_lines(rng: random.Random, lines: list[bytes]) -> str:
    rng.shuffle(lines)
    return f"all {len(lines)}"


def _join_lines(rng: random.Random, lines: list[bytes]) -> str:
    at = rng.randrange(len(lines))
    lines[at] = lines[at].rstrip(b"\r\n")
    return f"line {at + 1} and the next"


def _cut_list(rng: random.Random, lines: list[bytes]) -> str:
    at = rng.randrange(len(lines))
    del lines[at:]
    return f"after line {at}"


def _line_ends(rng: random.Random, lines: list[bytes]) -> str:
    end = rng.choice([b"\r\n", b"\r", b"\n\n", b" \n", b"\x0b\n", "\u2028\n".encode()])
    lines[:] = [line.rstrip(b"\r\n") + end for line in lines]
    return f"{end!r}"


_WORDS = (
    b"NaN", b"-1", b"1e999", b"1_0", b"0x10", b"", b"\xff\xfe", b"\0", b"\x1b[31m", "٣".encode(),
    b"null", b"true", b"1e400", b"-0", b"99999999999999999999", b"9" * 5000, b"../../x", b"'\"",
)  # fmt: skip


def _word(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """Another word for one of the file's own."""
    words = content.replace(b",", b" ").replace(b'"', b" ").split()
    if not words:
        return rng.choice(_WORDS), "instead of nothing"
    old, new = rng.choice(words), rng.choice(_WORDS)
    starts = [k for k in range(len(content)) if content.startswith(old, k)]
    return _spliced(content, rng.choice(starts), len(old), new), f"{old[:20]!r} -> {new[:20]!r}"


def _utf16(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    coding = rng.choice(["utf-16", "utf-16-be", "utf-8-sig", "utf-7"])
    return content.decode(errors="replace").encode(coding), coding


class _Payload:
    """A pickle that would create a file if it were run."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.canary,)


def _replacement(rng: random.Random, canary: str) -> tuple[bytes, str]:
    number = b"1" * 5000
    kinds = {
        "nothing": b"",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 99\n",
        "a web page": b"<!DOCTYPE html>\n<html><title>Sign in</title></html>\n",
        "brackets": b"[" * 20_000,
        "closed brackets": b"[" * 20_000 + b"]" * 20_000,
        "braces": b'{"a":' * 20_000,
        "a number of 5,000 digits": number,
        "an object with such a number": b'{"format": ' + number + b"}",
        "a JSON list": b"[]",
        "a JSON string": b'"text"',
        "null": b"null",
        "an empty JSON object": b"{}",
        "a pickle": pickle.dumps(_Payload(canary)),
        "an .npy of pickles": _npy_of_pickles(canary),
        "a .pt of pickles": _pt_of_pickles(canary),
        "white space": b" \n" * 3000,
        "zeros": bytes(4096),
        "random bytes": rng.randbytes(2000),
    }
    kind = rng.choice(sorted(kinds))
    return kinds[kind], kind


def _npy_of_pickles(canary: str) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00v\x00" + header + pickle.dumps([_Payload(canary)])


def _pt_of_pickles(canary: str) -> bytes:
    import io

    import torch

    stream = io.BytesIO()
    torch.save(_Payload(canary), stream)
    return stream.getvalue()


BYTES: dict[str, Bytes] = {
    "flip": _flip_bit,
    "overwrite": _overwrite,
    "insert": _insert,
    "delete": _delete,
    "truncate": _truncate,
    "append": _append,
    "swap": _swap,
    "zero": _zero,
}
TEXT: dict[str, Bytes] = {
    "duplicate line": _lines(_duplicate_line),
    "lose line": _lines(_lose_line),
    "shuffle lines": _lines(_shuffle_lines),
    "join lines": _lines(_join_lines),
    "cut list": _lines(_cut_list),
    "line ends": _lines(_line_ends),
    "word": _word,
    "coding": _utf16,
}
TEXT_SUFFIXES = {".txt", ".csv", ".json", ".jsonl", ".yaml", ".lab", ".TextGrid", ".dict"}


def _in_place_of(rng: random.Random, file: Path) -> str:
    """Something that is no regular file, or one without end, under the file's name."""
    kind = rng.choice(
        ["a folder", "a FIFO", "a link loop", "a dangling link", "/dev/zero", "its own parent"]
    )
    file.unlink()
    match kind:
        case "a folder":
            file.mkdir()
        case "a FIFO":
            os.mkfifo(file)
        case "a link loop":
            file.symlink_to(file.name)
        case "a dangling link":
            file.symlink_to("nowhere")
        case "/dev/zero":
            file.symlink_to("/dev/zero")
        case _:
            file.symlink_to("..")
    return kind


def _renamed(rng: random.Random, file: Path) -> str:
    name = os.fsencode(file.name)
    stem, dot, suffix = name.partition(b".")
    new = rng.choice(
        [
            stem + b" " + dot + suffix,
            b" " + name,
            stem + b"\xff" + dot + suffix,
            stem + b"\n" + dot + suffix,
            stem + b"\x1b[31m" + dot + suffix,
            name.upper(),
            name.swapcase(),
            stem,
            stem + dot + rng.choice([b"npy", b"pt", b"jpg", b"wav", b"txt", b"tmp"]),
            name + b".part",
            b"." + name,
            b"x" * 250,
        ]
    )
    target = os.path.join(os.fsencode(file.parent), new)
    if os.path.lexists(target):
        return "not, for the other name is taken"
    os.rename(os.fsencode(file), target)
    return f"{name!r} -> {new!r}"


def _stray(rng: random.Random, file: Path) -> tuple[str, bool]:
    """Another file beside it, and whether it must not matter."""
    junk = [".DS_Store", f"._{file.name}", "Thumbs.db", "desktop.ini", f".{file.name}.swp"]
    copies = [f"{file.stem} (1){file.suffix}", f"{file.name}~", f"Copy of {file.name}"]
    copies += [f"other{file.suffix}", f"{file.stem}.npy", f"{file.stem}.wav", f"{file.stem}.png"]
    name = rng.choice([*junk, *copies])
    target = file.with_name(name)
    if target.exists():
        return "not, for the name is taken", False
    if rng.randrange(2) and name not in junk:
        shutil.copyfile(file, target)
    else:
        target.write_bytes(rng.choice([b"", b"junk", b"\0" * 4096]))
    return name, name in junk


def mutate(rng: random.Random, file: Path, canary: str) -> Mutation:
    """Do something to a regular file.

    Args:
        canary: a path that comes into being if anything of the file is executed.
    """
    kinds = [*BYTES, "replace", "in place", "rename", "remove", "stray"]
    if file.suffix in TEXT_SUFFIXES:
        kinds += TEXT
    # Bytes are where damage hides; whole files that are odd are soon all tried.
    kind = rng.choice([*kinds, *BYTES])
    if change := {**BYTES, **TEXT}.get(kind):
        content, detail = change(rng, file.read_bytes())
        file.write_bytes(content)
        return Mutation(kind, detail, bytes_only=True)
    if kind == "replace":
        content, detail = _replacement(rng, canary)
        file.write_bytes(content)
        return Mutation(kind, detail, bytes_only=True)
    if kind == "in place":
        return Mutation(kind, _in_place_of(rng, file), bytes_only=False)
    if kind == "rename":
        return Mutation(kind, _renamed(rng, file), bytes_only=False)
    if kind == "remove":
        file.unlink()
        return Mutation(kind, "", bytes_only=False)
    detail, harmless = _stray(rng, file)
    return Mutation(kind, detail, bytes_only=False, harmless=harmless)
