"""What came of a case, and the counts of many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

GOOD = ("equal", "refused", "left out", "undetectable")
BAD = (
    "traceback", "crash", "hang", "memory", "silent", "unnamed", "needless", "executed", "stuck",
    "different", "left behind",
)  # fmt: skip
OUTCOMES = (*GOOD, *BAD)


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    of: str
    """Which attack: damage, kills, crash-points or bombs."""
    seed: int
    case: int
    target: str
    operation: str
    file: str
    done: str
    """What was done to it."""
    outcome: str
    """One of OUTCOMES."""
    why: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.outcome in GOOD

    def line(self) -> str:
        """For a file of JSON lines."""
        return json.dumps(asdict(self), ensure_ascii=True)

    def __str__(self) -> str:
        what = ", ".join(part for part in (self.target, self.operation, self.file) if part)
        why = "\n".join(f"  {ascii(line)[1:-1]}" for line in self.why.splitlines())
        return (
            f"{self.outcome}: {what}: {ascii(self.done)[1:-1]}\n"
            f"  again: python -m tests.attack --seed {self.seed} --of {self.of} --case {self.case}"
            f"\n{why}"
        )


def counts(results: Iterable[Result]) -> dict[str, Counter[str]]:
    """Outcomes by attack and target."""
    found: dict[str, Counter[str]] = {}
    for result in results:
        name = result.target if result.of == "damage" else f"{result.of}: {result.target}"
        found.setdefault(name, Counter())[result.outcome] += 1
    return dict(sorted(found.items()))


def table(found: dict[str, Counter[str]], *, markdown: bool = False) -> str:
    """A line a target and a column an outcome that came, as Markdown or for a terminal."""
    total: Counter[str] = sum(found.values(), Counter())
    columns = [outcome for outcome in OUTCOMES if total[outcome] or (markdown and outcome in GOOD)]
    rows = [["target", "cases", *columns]]
    for name, row in (*found.items(), ("all", total)):
        rows.append([name, str(row.total()), *(str(row[outcome]) for outcome in columns)])
    if markdown:
        rows.insert(1, ["---", *["---:"] * (len(columns) + 1)])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
