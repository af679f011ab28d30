"""Packs to damage: one of each kind, and how a shard or a header is changed and signed again."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from bossline.data.features.spec import Features, FeatureSpec, ImageSpec, TableSpec
from bossline.data.header import Source
from bossline.data.writer import writing

SHARD = "shard-00000.safetensors"
KINDS: dict[str, Features] = {
    "speech": FeatureSpec(kind="other", dim=3),
    "image": ImageSpec(),
    "table": TableSpec(columns=("a", "b"), target="c"),
}


def write_kind(path: Path, kind: str) -> Path:
    """Four items, of which the last has no label."""
    rng = np.random.default_rng(0)
    classes = () if kind == "table" else ("x", "y")
    source = Source(reader="test", path="")
    with writing(path, features=KINDS[kind], classes=classes, source=source) as output:
        for number in range(4):
            part, known = ("train", True) if number < 3 else ("test", False)
            if kind == "image":
                pixels = rng.integers(0, 255, (number + 1, 2, 3)).astype(np.uint8)
                category = number % 2 if known else None
                output.add(f"i{number}", pixels, part=part, category=category)
            elif kind == "table":
                row = rng.standard_normal((1, 2))
                output.add(f"i{number}", row, part=part, target=number if known else None)
            else:
                frames = rng.standard_normal((number + 2, 3))
                labels = rng.integers(0, 2, number + 2) if known else None
                output.add(f"i{number}", frames, part=part, labels=labels, speaker="ann")
    return path


def write_strings(path: Path) -> Path:
    """Four utterances, of which the second has no string of its own."""
    source = Source(reader="test", path="")
    with writing(
        path, features=KINDS["speech"], classes=(), source=source, vocabulary=("t", "a", "s")
    ) as output:
        for number, string in enumerate([[1, 2, 1], None, [3], [2, 2]]):
            frames = np.full((number + 2, 3), number)
            output.add(
                f"i{number}",
                frames,
                part="train",
                string=None if string is None else np.array(string),
            )
    return path


def sign(folder: Path, **changes: Any) -> None:
    """Change a header, and let its checksum fit again."""
    path = folder / "corpus.json"
    content = {**json.loads(path.read_text()), **changes}
    content.pop("checksum")
    checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**content, "checksum": checksum}))


def sign_shard(folder: Path) -> None:
    """Let the header's hash of its only shard fit again."""
    (listed,) = json.loads((folder / "corpus.json").read_text())["shards"]
    listed["sha256"] = hashlib.sha256((folder / SHARD).read_bytes()).hexdigest()
    sign(folder, shards=[listed])


def replace_tensors(folder: Path, **changes: Any) -> None:
    """Write the shard with other tensors (None: without), and sign it."""
    tensors = load_file(folder / SHARD) | changes
    kept = {name: np.asarray(value) for name, value in tensors.items() if value is not None}
    save_file(kept, folder / SHARD)
    sign_shard(folder)


def flip_bit(shard: Path) -> None:
    """The lowest bit of the first number of the first frame; the file stays as long."""
    content = bytearray(shard.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    start, _ = json.loads(content[8 : 8 + length])["frames"]["data_offsets"]
    content[8 + length + start] ^= 1
    shard.write_bytes(content)
