"""The commands of docs/own-data.md, from top to bottom, on small data of somebody's own."""

from __future__ import annotations

import csv
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from bossline import cli
from bossline.data.store import open_corpus

PAGE = Path(__file__).parents[1] / "docs" / "own-data.md"
SMALL = {
    "food": "epochs=1 batches.side=32 batches.size=8 model.width=8",
    "speaker": "epochs=1 batches.frames=20 batches.size=8 batches.valid_every=3",
    "transcribe": "epochs=1 model.encoder.width=8 model.encoder.depth=1",
    "covid": "epochs=1",
    "phoneme": "epochs=1 model.width=8",
}
CLASSES = ("noodles", "fried rice", "炒麵")


def paint(file: str, rng: np.random.Generator) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (40, 36, 3), np.uint8)).save(file)


def record(file: str, rng: np.random.Generator) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, 0.1 * rng.normal(size=8_000), 16_000)


def prepare() -> None:
    """What the page takes for granted."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        for number in range(6):
            paint(f"photos/{name}/IMG {number}.jpg", rng)
            paint(f"parts/training/{name}/{number}.png", rng)
        paint(f"parts/validation/{name}/a.png", rng)
        paint(f"parts/test/DSC {len(name)}.png", rng)
    for name in ("王小明", "Zoë", "ann"):
        for number in range(6):
            record(f"voices/{name}/take {number}.wav", rng)
    said = []
    for name in ("ann", "bob"):
        for number in range(8):
            record(f"spoken/{name}/{number}.wav", rng)
            said.append(f"{name}/{number} {' '.join(rng.choice(list('abc'), 4))}\n")
    Path("phones.txt").write_text("".join(said))
    Path("table").mkdir()
    for part, columns in (
        ("train", "Id,area,colour,rooms,price"),
        ("test", "Id,area,colour,rooms"),
    ):
        lines = [columns]
        for number in range(40):
            area, rooms, price = (f"{x:.3f}" for x in rng.normal(size=3))
            row = [str(number), area, ("red", "blue")[number % 2], rooms, price]
            lines.append(",".join(row[: len(columns.split(","))]))
        Path(f"table/{part}.csv").write_text("\n".join(lines) + "\n")
    lists: dict[str, list[str]] = {"labels": [], "speakers": []}
    for name in ("ann", "bob"):
        for number in range(6):
            file = Path(f"features/{name}/{number}.npy")
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, rng.normal(size=(9, 5)).astype(np.float32))
            labels = " ".join(map(str, rng.integers(0, 2, 9)))
            lists["labels"].append(f"{name}/{number} {labels}\n")
            lists["speakers"].append(f"{name}/{number} {name}\n")
    for table, lines in lists.items():
        Path(f"features/{table}.txt").write_text("".join(lines))


def commands() -> list[list[str]]:
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("bossline ")]


def test_the_page_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare()
    monkeypatch.setenv("COLUMNS", "120")
    verbs = [verb for verb, *_ in commands()]
    assert verbs.count("import") == verbs.count("train") == 6
    for command in commands():
        if command[0] == "train":
            command += [*SMALL[command[1].split("/")[0]].split(), "--threads", "1"]
        monkeypatch.setattr(sys, "argv", ["bossline", *command])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        assert not stop.value.code, f"{command}: {told.err}"
        assert "Glyph" not in told.err
    with Path("prices.csv").open(newline="", encoding="utf-8") as stream:
        (head, *rows) = csv.reader(stream)
    assert head == ["id", "price"]
    assert [row[0] for row in rows] == [str(number) for number in range(40)]
    assert open_corpus("photos").header.classes == tuple(sorted(CLASSES))
    for name in CLASSES:
        assert name in Path("runs/photos/report.html").read_text(encoding="utf-8")
    with Path("answers.csv").open(newline="", encoding="utf-8") as stream:
        (head, *rows) = csv.reader(stream)
    assert head == ["Id", "Category"]
    assert {row[0] for row in rows} == {f"test/DSC {len(name)}" for name in CLASSES}
    assert {row[1] for row in rows} <= set(CLASSES)


def test_the_page_is_linked() -> None:
    for readme in ("README.md", "README.zh.md"):
        assert "docs/own-data.md" in (PAGE.parents[1] / readme).read_text(encoding="utf-8")
