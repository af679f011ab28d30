"""Finished runs side by side: what differs between them, what it brought, what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from bossline.core.errors import UserError
from bossline.recipes import Recipe
from bossline.recipes.naming import DECIDES_NOTHING, full_name
from bossline.runs.listing import runs_within
from bossline.runs.run import Run
from bossline.studies.costs import Costs, costs_of, item_of
from bossline.studies.standings import Entry, Standings


@dataclass(frozen=True)
class Compared:
    """What a comparison found."""

    standings: Standings
    costs: tuple[Costs | None, ...]  # entry by entry, a mean over seeds; None: no corpus at hand
    keys: Mapping[str, tuple[str, ...]]  # of recipes, only those whose values differ

    def __repr__(self) -> str:
        return repr(self.standings)

    def _repr_html_(self) -> str:
        return self.standings._repr_html_()

    @property
    def item(self) -> str:
        """What costs are counted of, as `Costs.item`."""
        return item_of(self.standings.reference.runs[0])


def compare(runs: Sequence[str | Path | Run], *, reference: str | Path | None = None) -> Compared:
    """Hold runs against a reference, those that differ in nothing but their seed as one.

    Args:
        runs: finished runs of one task, scored on the same items, or folders of such.
        reference: one of them, or a further one; the first by default.

    Raises:
        UserError: a run is not to be had or not finished, runs that cannot be compared, the same
            training twice, or nothing to compare.
    """
    opened = [
        one for run in runs for one in ([run] if isinstance(run, Run) else runs_within([run]))
    ]
    if reference is not None:
        first = Run.of(reference)
        others = [run for run in opened if run.path.resolve() != first.path.resolve()]
        opened = [first, *others]
    for run in opened:
        _check(run, opened[0])
    groups = _grouped(opened)
    if len(groups) < 2:
        raise UserError(
            "nothing to compare: give runs of two recipes or more; those that differ in their seed "
            "only count as one"
        )
    names = _names([group[0] for group in groups])
    entries = [
        Entry(name, tuple(group), tuple(run.scores["test"] for run in group))
        for name, group in zip(names, groups, strict=True)
    ]
    standings = Standings.of(entries[0], entries[1:])
    costs = tuple(map(_costs, standings.entries))
    return Compared(standings, costs, _differing([group[0] for group in groups]))


def _check(run: Run, first: Run) -> None:
    """
    Raises:
        UserError: the run cannot be compared with the first one.
    """
    if run.info.state != "finished" or "test" not in run.scores:
        raise UserError(
            f"{run.path} is not finished: go on with bossline train --resume {run.path}"
        )
    if run.recipe.task != first.recipe.task:
        raise UserError(
            f"{run.path} is of the task {run.recipe.task}, {first.path} of {first.recipe.task}: "
            "compare runs of one task"
        )
    if run.info.classes != first.info.classes:
        raise UserError(
            f"{run.path} and {first.path} tell other classes apart: compare runs of one set"
        )
    here, there = (
        sorted(zip(test.ids, test.lengths, strict=True))
        for test in (run.scores["test"], first.scores["test"])
    )
    if here != there:
        raise UserError(
            f"{run.path} and {first.path} were scored on other test {run.info.features.item}s "
            f"({len(here):,} and {len(there):,}): compare runs of one corpus and one split"
        )


def _grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that differ in nothing but their seed together, in the order given.

    Raises:
        UserError: a seed occurs twice in a group.
    """
    groups: list[tuple[object, list[Run]]] = []
    for run in runs:
        content = run.recipe.model_dump(exclude={"seed", *DECIDES_NOTHING}), run.info.corpus_key
        group = next((group for known, group in groups if known == content), None)
        if group is None:
            groups.append((content, [run]))
            continue
        for other in group:
            if other.recipe.seed == run.recipe.seed:
                raise UserError(
                    f"{other.path} and {run.path} are the same training, seed {run.recipe.seed}: "
                    "give one of them"
                )
        group.append(run)
    return [group for _, group in groups]


def _names(runs: Sequence[Run]) -> list[str]:
    """Of each run its recipe, its folder's name or its path: the shortest that no other has."""
    known = [(full_name(run.recipe, ("seed",)), run.name, str(run.path)) for run in runs]
    taken = [list(names) for names in zip(*known, strict=True)]
    return [
        next(
            name
            for name, all_of_them in zip(names, taken, strict=True)
            if all_of_them.count(name) == 1
        )
        for names in known
    ]


def _costs(entry: Entry) -> Costs | None:
    try:
        costs = [costs_of(run) for run in entry.runs]
    except UserError:  # without its corpus a run still has its scores
        return None
    training = [cost.training for cost in costs if cost.training is not None]
    return Costs(costs[0].per_item, fmean(training) if training else None)


def _differing(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    flat = [_flat(run.recipe.model_dump(mode="json", exclude={"seed"})) for run in runs]
    corpora = {run.info.corpus_key for run in runs}
    if len(corpora) > 1:
        for content, run in zip(flat, runs, strict=True):
            content["corpus"] = f"{run.info.corpus} ({run.info.corpus_key[:8]})"
    order = [*Recipe.model_fields, "corpus"]
    keys = sorted(
        dict.fromkeys(key for content in flat for key in content),
        key=lambda key: order.index(key.split(".")[0]),
    )
    found = {key: tuple(content.get(key, "–") for content in flat) for key in keys}
    return {
        key: values
        for key, values in found.items()
        if len(set(values)) > 1 and key.split(".")[0] not in DECIDES_NOTHING
    }


def _flat(content: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Dotted keys and their values; what is off has none.

    >>> _flat({"clip": None, "model": {"kind": "mlp", "width": 8}})
    {'model.kind': 'mlp', 'model.width': '8'}
    """
    flat: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{above}{key}.")
        elif value is not None:
            flat[above + key] = value if isinstance(value, str) else json.dumps(value)
    return flat
