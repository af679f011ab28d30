"""docs/notebook.ipynb, cell by cell in a kernel of its own."""

from __future__ import annotations

import base64
import copy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PAGE = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


@pytest.mark.usefixtures("own_home")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kept = nbformat.reads(PAGE.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    again = copy.deepcopy(kept)
    NotebookClient(again, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert len(again.cells) == len(kept.cells)
    for cell, before in zip(again.cells, kept.cells, strict=True):
        if cell.cell_type != "code":
            continue
        assert kinds(cell) == kinds(before), cell.source
        text = "".join(str(output) for output in cell.outputs)
        assert "Warning" not in text
        if "plot" in cell.source:
            picture = base64.b64decode(cell.outputs[-1]["data"]["image/png"])
            assert picture.startswith(b"\x89PNG")


def kinds(cell: nbformat.NotebookNode) -> list[str]:
    """What the last output of a cell can be shown as."""
    return sorted(cell.outputs[-1].get("data", {})) if cell.outputs else []


def test_the_notebook_is_linked() -> None:
    for readme in ("README.md", "README.zh.md"):
        assert "docs/notebook.ipynb" in (PAGE.parents[1] / readme).read_text(encoding="utf-8")
