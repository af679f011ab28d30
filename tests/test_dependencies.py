"""What pyproject.toml promises is what `make test-oldest` tries."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]
NOT_IN_A_RUN = {  # tools, not libraries
    "ruff", "mypy", "types-pyyaml", "import-linter", "opencc-python-reimplemented"
}  # fmt: skip
FROM_ANOTHER = {"sqlalchemy", "annotated_types"}  # optuna's and pydantic's


def floors(requirements: list[str]) -> dict[str, str]:
    """The lowest version of each; without those that are extras of bossline itself."""
    pairs = (re.match(r"([\w-]+)(?:>=([\d.]+))?$", line) for line in requirements)
    return {plain(found[1]): found[2] for found in pairs if found}


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def numbers(version: str) -> tuple[int, ...]:
    """Without zeros at the end: 6.0 is 6.0.0."""
    return tuple(map(int, re.sub(r"(\.0)+$", "", version).split(".")))


PROMISED = floors(
    [*PROJECT["dependencies"], *(one for group in OPTIONAL.values() for one in group)]
)


def test_the_lowest_versions_are_those_that_are_tried() -> None:
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    tried = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    assert tried.keys() == PROMISED.keys() - NOT_IN_A_RUN
    for name, version in tried.items():
        if name == "torch":  # no wheel of its lowest version that suits every machine
            assert numbers(version) >= numbers(PROMISED[name])
        else:
            assert numbers(version) == numbers(PROMISED[name]), name


def test_all_that_is_imported_is_promised() -> None:
    found = {
        name.partition(".")[0]
        for path in (ROOT / "bossline").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported(node)
    }
    others = found - sys.stdlib_module_names - {"bossline"} - FROM_ANOTHER
    named = packages_distributions()
    for name in others:
        assert {plain(one) for one in named[name]} & PROMISED.keys(), name


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def test_torch_has_the_muon_of_its_lowest_version() -> None:
    assert numbers(PROMISED["torch"]) >= (2, 9)  # which brought torch.optim.Muon
