"""Small sound data sets of every layout, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from PIL import Image

from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier

Floats = npt.NDArray[np.float32]

RATE = 16_000


def libriphone(path: Path) -> None:
    """12 labelled utterances of 4 speakers and 2 others; classes are noisy points."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(5, 39))
    lines = []
    for part, count in (("train", 12), ("test", 2)):
        (path / "feat" / part).mkdir(parents=True)
        ids = [f"{number % 4}-{part}-{number}" for number in range(count)]
        (path / f"{part}_split.txt").write_text("".join(f"{id}\n" for id in ids))
        for id in ids:
            labels = np.repeat(rng.integers(0, 5, 6), rng.integers(1, 4, 6))
            frames = (centres[labels] + rng.normal(size=(len(labels), 39))).astype(np.float32)
            torch.save(torch.from_numpy(frames), path / "feat" / part / f"{id}.pt")
            if part == "train":
                lines.append(" ".join([id, *map(str, labels)]))
    (path / "train_labels.txt").write_text("\n".join(lines) + "\n")
    (path / "phones.txt").write_text("".join(f"{k} {'SATMN'[k]}\n" for k in range(5)))


def folder(path: Path) -> None:
    """Features as .npy and .pt at two depths, with all four lists."""
    rng = np.random.default_rng(2)
    (path / "deeper").mkdir(parents=True)
    tables: dict[str, list[str]] = {"labels": [], "splits": [], "speakers": []}
    for number, name in enumerate(["a", "b", "deeper/a", "deeper/c", "deeper/d", "e"]):
        frames = rng.normal(size=(number + 3, 4)).astype(np.float32)
        if number % 2:
            torch.save(torch.from_numpy(frames), path / f"{name}.pt")
        else:
            np.save(path / f"{name}.npy", frames)
        labelled = number < 5
        if labelled:
            tables["labels"].append(" ".join([name, *map(str, rng.integers(0, 3, len(frames)))]))
        tables["splits"].append(f"{name} {'train' if labelled else 'test'}")
        tables["speakers"].append(f"{name} voice{number % 2}")
    for table, lines in tables.items():
        (path / f"{table}.txt").write_text("\n".join(lines) + "\n")
    (path / "classes.txt").write_text("rest\nleft\nright\n")


def speaker(path: Path) -> None:
    """Three voices of 8 utterances, which differ in their mean, and 2 of nobody known."""
    rng = np.random.default_rng(3)
    names = ("zoe", "ann", "bob")
    means = rng.normal(size=(4, 5))
    listed: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    unknown: list[dict[str, Any]] = []
    path.mkdir(parents=True)
    for number in range(26):
        frames = means[number % 3 if number < 24 else 3] + rng.normal(size=(12 + number % 5, 5))
        file = f"uttr-{number:04x}.pt"
        torch.save(torch.from_numpy(frames.astype(np.float32)), path / file)
        entry = {"feature_path": file, "mel_len": len(frames)}
        (listed[names[number % 3]] if number < 24 else unknown).append(entry)
    ids = {name: number for number, name in enumerate(names)}
    documents = {
        "metadata.json": {"n_mels": 5, "speakers": listed},
        "testdata.json": {"n_mels": 5, "utterances": unknown},
        "mapping.json": {"speaker2id": ids, "id2speaker": {str(k): n for n, k in ids.items()}},
    }
    for name, document in documents.items():
        (path / name).write_text(json.dumps(document, indent=1))


def windows_of_11(frames: Floats) -> Floats:
    """(T, 39) -> (T, 429): frames t-5 ... t+5, those at the ends repeated."""
    places = np.arange(len(frames))[:, None] + np.arange(-5, 6)
    return np.asarray(frames[places.clip(0, len(frames) - 1)].reshape(len(frames), -1))


def timit11(path: Path) -> None:
    """Five utterances to train on and two others, as rows of 11 frames."""
    rng = np.random.default_rng(4)
    path.mkdir(parents=True)
    for part, lengths in (("train", (9, 14, 6, 11, 8)), ("test", (7, 12))):
        utterances = [rng.normal(size=(length, 39)).astype(np.float32) for length in lengths]
        np.save(path / f"{part}_11.npy", np.concatenate([windows_of_11(u) for u in utterances]))
        if part == "train":
            labels = rng.integers(0, 39, sum(lengths)).astype(str)
            np.save(path / "train_label_11.npy", labels)


def covid(path: Path) -> None:
    """40 rows of two states and two days of a survey, and 6 without the target."""
    rng = np.random.default_rng(5)
    names = ["id", "AL", "CA", "cli", "ili", "tested_positive"]
    names += [f"{name}.1" for name in names[3:]]
    path.mkdir(parents=True)
    for part, count in (("train", 40), ("test", 6)):
        columns = names if part == "train" else names[:-1]
        lines = [",".join(columns)]
        for number in range(count):
            survey = rng.uniform(0, 10, 6)
            survey[5] = survey[2] + survey[3] / 2
            row = [str(number), *(("1", "0") if number % 2 else ("0", "1"))]
            lines.append(",".join([*row, *(f"{value:.6f}" for value in survey)][: len(columns)]))
        (path / f"covid.{part}.csv").write_text("\n".join(lines) + "\n")


def table(path: Path) -> None:
    """30 houses of three places with their prices, and 5 without."""
    rng = np.random.default_rng(10)
    path.mkdir(parents=True)
    for part, count in (("train", 30), ("test", 5)):
        lines = ["size,age,place,price" if part == "train" else "size,age,place"]
        for _ in range(count):
            size, age = rng.uniform(20, 200), rng.integers(0, 90)
            row = [f"{size:.1f}", str(age), rng.choice(["north", "south", "the isle"])]
            lines.append(",".join(row + [f"{3 * size - age:.2f}"] * (part == "train")))
        (path / f"{part}.csv").write_text("\n".join(lines) + "\n")


def _picture(file: Path, rng: np.random.Generator, category: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 120, (*rng.integers(16, 24, 2), 3)).astype(np.uint8)
    pixels[..., category % 3] += 100
    Image.fromarray(pixels).save(file)


def food(path: Path) -> None:
    """Images in the layout of 2022 and 2023, JPEG and PNG in turn."""
    rng = np.random.default_rng(6)
    for number in range(18):
        suffix = "png" if number % 2 else "jpg"
        _picture(path / "training" / f"{number % 3}_{number}.{suffix}", rng, number % 3)
    for number in range(6):
        _picture(path / "validation" / f"{number % 3}_{number}.jpg", rng, number % 3)
    for number in range(3):
        _picture(path / "test" / f"{number:04d}.png", rng, number)
    (path / "classes.txt").write_text("red\ngreen\nblue\n")


def food_2021(path: Path) -> None:
    """Images in a folder for each class."""
    rng = np.random.default_rng(7)
    for number in range(6):
        suffix = "png" if number % 2 else "jpg"
        category = number // 2
        _picture(
            path / "training/labeled" / f"{category:02d}" / f"{number}.{suffix}", rng, category
        )
    _picture(path / "training/unlabeled/00/8.jpg", rng, 0)
    _picture(path / "validation/01/9.png", rng, 1)
    _picture(path / "testing/0000.jpg", rng, 0)


def class_folders(path: Path) -> None:
    """Images in folders that are named after their classes."""
    rng = np.random.default_rng(9)
    for number in range(6):
        suffix = "png" if number % 2 else "jpg"
        dish = ("noodles", "soup")[number // 3]
        _picture(path / "training" / dish / f"{number}.{suffix}", rng, number // 3)
    _picture(path / "validation/soup/6.png", rng, 1)
    _picture(path / "test/7.jpg", rng, 0)


def recordings(path: Path) -> None:
    """Two voices; one recording of every audio format that is read."""
    rng = np.random.default_rng(8)
    formats = {
        "wav": ("WAV", "PCM_16"),
        "flac": ("FLAC", "PCM_16"),
        "ogg": ("OGG", "VORBIS"),
        "mp3": ("MP3", "MPEG_LAYER_III"),
        "opus": ("OGG", "OPUS"),
    }
    for number, (suffix, (kind, subtype)) in enumerate(formats.items()):
        for voice in ("ann", "bob/chapter"):
            file = path / voice / f"{number}{suffix}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            seconds = 0.25 + 0.05 * number
            sound = rng.uniform(-0.3, 0.3, round(seconds * RATE)).astype(np.float32)
            soundfile.write(file, sound, RATE, format=kind, subtype=subtype)


def spoken(path: Path) -> None:
    """Features with what is said in them beside: a text, and labels over time of two speakers; and
    a dictionary of their words."""
    rng = np.random.default_rng(11)
    path.mkdir(parents=True)
    for name in ("a", "b"):
        np.save(path / f"{name}.npy", rng.normal(size=(60, 39)).astype(np.float32))
    (path / "a.lab").write_text("Tan man, sat\n")
    middle, end = 0.3, 0.6
    tiers = (
        IntervalTier("ann", (Interval(0.0, middle, "man"),)),
        IntervalTier("bob", (Interval(middle, end, "tan sat"),)),
    )
    alignments.write(Alignment(0.0, end, tiers), path / "b.TextGrid")
    lines = ("man  M A1 N", "man(2)  M N", "sat\t0.9\tS A T", "tan  T A N  # a colour")
    (path / "own.dict").write_text("\n".join(lines) + "\n")


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "libriphone": libriphone,
    "folder": folder,
    "speaker": speaker,
    "timit11": timit11,
    "covid": covid,
    "table": table,
    "food": food,
    "food-2021": food_2021,
    "class-folders": class_folders,
    "recordings": recordings,
}
