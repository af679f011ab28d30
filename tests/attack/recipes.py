"""Recipes as nobody should write them: YAML that is a trap, and values of every wrong kind."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from bossline.recipes import catalogue

_VALUES = (
    "0", "-1", "1", "-0.0", "0.5", "1e-300", "1e308", "-1e308", "1e400", ".nan", ".inf", "-.inf",
    str(2**31), str(2**63), str(2**70), "1000000000", "100000", "1" * 5000, "0x10", "0o17", "1_000",
    "''", "text", "true", "null", "[]", "{}", "[1, 2]", "{a: 1}", "{kind: x}", "{1: 2}", "~",
    "2024-01-01", "2024-01-01 10:00:00", "12:30:45", '!!int "abc"', '!!float "x"', "!!binary aGk=",
    "!!timestamp x", "!!set {a, b}", "!!omap [a: 1]", "!!python/name:os.system", "&a [*a]",
    "!!python/object/apply:os.mkdir [CANARY]", "!!python/object/new:os.mkdir [CANARY]",
    "!!python/module:os", "*nowhere", "[" * 3000, "[" * 900 + "]" * 900, "{a: " * 500 + "}" * 500,
    "'\\x00'", '"\\x00"', '"\\e[31m"', "'\x1b[31m'", "'\ud800'", "'a\u202eb'", "%", "@", "|",
)  # fmt: skip


def _laughs(depth: int) -> str:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    for level in range(1, depth):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join([*lines, f"about: *a{depth - 1}", ""])


TRAPS = {
    "a billion laughs": "task: phoneme\n" + _laughs(10),
    "laughs as a model": _laughs(9) + "model: *a8\n",
    "a loop": "model: &m {kind: *m}\n",
    "a merge loop": "model: &m\n  <<: *m\n",
    "20,000 brackets": "model: " + "[" * 20_000,
    "20,000 nested lists": "model: " + "[" * 20_000 + "]" * 20_000,
    "20,000 dashes": "- " * 20_000,
    "a number of 5,000 digits": "seed: " + "9" * 5000,
    "a date": "name: 2024-01-01\n",
    "a key that is a list": "? [a, b]\n: 1\n",
    "a key twice": "seed: 1\nseed: 2\n",
    "two documents": "seed: 1\n---\nseed: 2\n",
    "no mapping": "- 1\n- 2\n",
    "nothing": "",
    "a directive": "%YAML 9.9\n---\nseed: 1\n",
    "tags": "seed: !!python/object/apply:os.mkdir [CANARY]\n",
    "control characters": "about: \x07\n",
    "a long key": "k" * 100_000 + ": 1\n",
    "many keys": "".join(f"k{number}: 1\n" for number in range(20_000)),
    "sexagesimals": "seed: 190:20:30\n",
    "a NaN key": ".nan: 1\n",
}


def trap(rng: random.Random, canary: str) -> tuple[str, str]:
    """Another text for a recipe, or one of its parts: (what it is, text)."""
    kind = rng.choice(sorted(TRAPS))
    text = TRAPS[kind].replace("CANARY", canary)
    name = rng.choice(catalogue.names())
    if rng.randrange(2):
        text = (catalogue.FOLDER / f"{name}.yaml").read_text(encoding="utf-8") + text
        kind = f"{name} and then {kind}"
    return kind, text


_NUMBERS = (
    "0", "1", "2", "3", "7", "1000", "100000", "1000000000", str(2**31), str(2**63), "-1",
    "0.0", "0.5", "0.999999", "1.0", "1e-8", "1e-300", "1e308", ".nan", ".inf",
)  # fmt: skip


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every key of a recipe, as an override writes it, and its value."""
    found = {path: value} if path else {}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= leaves(inner, f"{path}.{key}" if path else key)
    return found


_NOT_ASKED = ("epochs", "patience")
"""However large, they are what was asked for."""


def override(rng: random.Random, recipe: dict[str, Any], canary: str) -> str:
    """One key of a recipe, every default spelled out, set to something."""
    values = {key: value for key, value in leaves(recipe).items() if key not in _NOT_ASKED}
    key = rng.choice(list(values))
    if isinstance(values[key], int | float) and rng.randrange(4):
        return f"{key}={rng.choice(_NUMBERS)}"
    match rng.randrange(12):
        case 0:
            key = rng.choice([f"{key}.x", f".{key}", f"{key}.", f"{key}..x", key.upper(), "", "="])
        case 1:
            key = f"{key}x"
    text = rng.choice(_VALUES).replace("CANARY", canary)
    return f"{key}={text}"


def altered(rng: random.Random, file: Path) -> str:
    """A text of a recipe with one value exchanged for another."""
    lines = file.read_text(encoding="utf-8").splitlines()
    places = [k for k, line in enumerate(lines) if ":" in line and not line.startswith("#")]
    at = rng.choice(places)
    key, _, _ = lines[at].partition(":")
    value = rng.choice(_VALUES)
    lines[at] = f"{key}: {value}"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    return f"{key}: {value[:40]!r}"
