"""docs/notebook.ipynb and docs/colab.ipynb, cell by cell in a kernel of their own."""

from __future__ import annotations

import base64
import copy
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
PAGE, COLAB = ROOT / "docs" / "notebook.ipynb", ROOT / "docs" / "colab.ipynb"
READMES = ("README.md", "README.zh.md", "README.zh-CN.md")
UTTERANCES, FRAMES = {"train": 20, "test": 3}, 30


@pytest.fixture
def kernel(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a notebook works in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


def read(page: Path) -> nbformat.NotebookNode:
    text = page.read_text(encoding="utf-8")
    found: nbformat.NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return found


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()


def test_the_notebook_runs(kernel: Path) -> None:
    kept = read(PAGE)
    again = copy.deepcopy(kept)
    execute(again, kernel)
    assert len(again.cells) == len(kept.cells)
    for cell, before in zip(again.cells, kept.cells, strict=True):
        if cell.cell_type != "code":
            continue
        assert kinds(cell) == kinds(before), cell.source
        text = "".join(str(output) for output in cell.outputs)
        assert "Warning" not in text
        if "plot" in cell.source:
            assert_picture(cell)


def kinds(cell: nbformat.NotebookNode) -> list[str]:
    """What the last output of a cell can be shown as."""
    return sorted(cell.outputs[-1].get("data", {})) if cell.outputs else []


def assert_picture(cell: nbformat.NotebookNode) -> None:
    picture = base64.b64decode(cell.outputs[-1]["data"]["image/png"])
    assert picture.startswith(b"\x89PNG")


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def write_homework(path: Path) -> None:
    """A zip in the layout of Kaggle's, of noise."""
    rng = np.random.default_rng(1)
    folder = path.parent / "homework" / "libriphone"
    labels = []
    for part, count in UTTERANCES.items():
        (folder / "feat" / part).mkdir(parents=True)
        ids = [f"{place}-{part}-0" for place in range(count)]
        (folder / f"{part}_split.txt").write_text("".join(f"{id}\n" for id in ids))
        for id in ids:
            frames = torch.from_numpy(rng.standard_normal((FRAMES, 39)).astype(np.float32))
            torch.save(frames, folder / "feat" / part / f"{id}.pt")
            labels.append(" ".join([id, *map(str, rng.integers(0, 41, FRAMES))]))
    kept = labels[: UTTERANCES["train"]]
    (folder / "train_labels.txt").write_text("\n".join(kept) + "\n")
    shutil.make_archive(str(path.with_suffix("")), "zip", folder.parent)


def test_the_one_for_colab_runs_to_a_submission(kernel: Path) -> None:
    """All but the cells that only Colab can run."""
    write_homework(kernel / "ml2023spring-hw2.zip")
    notebook = read(COLAB)
    notebook.cells = list(at_home(notebook))
    execute(notebook, kernel)
    lines = (kernel / "prediction.csv").read_text().splitlines()
    assert lines[0] == "Id,Class"
    assert len(lines) == 1 + UTTERANCES["test"] * FRAMES
    assert "<svg" in (kernel / "report.html").read_text(encoding="utf-8")
    for cell in notebook.cells:
        if "plot" in cell.source:
            assert_picture(cell)


def at_home(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """The cells that run anywhere, with a small model."""
    for cell in notebook.cells:
        if "colab" in tags(cell):
            continue
        yield cell
        if "parameters" in tags(cell):
            small = 'RUNG, CHANGES = "phoneme/simple", {"epochs": 1, "model.width": 8}'
            yield nbformat.v4.new_code_cell(small)  # type: ignore[no-untyped-call]


def test_cells_for_colab_are_python() -> None:
    notebook, python = read(COLAB), TransformerManager()  # type: ignore[no-untyped-call]
    skipped = [cell for cell in notebook.cells if "colab" in tags(cell)]
    assert skipped
    for cell in skipped:
        compile(python.transform_cell(cell.source), "cell", "exec")
    assert not [cell for cell in notebook.cells if cell.get("outputs")]


@pytest.mark.parametrize("readme", READMES)
def test_the_notebooks_are_linked(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert "docs/notebook.ipynb" in text
    assert "docs/colab.ipynb" in text
    assert f"({badge_address()})" in text


def badge_address() -> str:
    """Where Colab opens the notebook: at the project's address, or where one uploads it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project.get("urls", {}).get("Repository")
    if repository is None:
        return "https://colab.research.google.com/#upload=true"
    place = repository.removeprefix("https://github.com/").rstrip("/")
    return f"https://colab.research.google.com/github/{place}/blob/main/docs/colab.ipynb"
