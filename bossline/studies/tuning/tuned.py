"""What a study found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.html import ROWS_SHOWN, html_table
from bossline.core.language import speaking, term, tr
from bossline.evaluation.scores import Metric
from bossline.recipes import Recipe
from bossline.recipes.loading import save_recipe
from bossline.recipes.naming import with_changes
from bossline.runs.run import Run
from bossline.studies.side_by_side import Workplace
from bossline.studies.tuning.optional import optuna
from bossline.studies.tuning.plan import Plan

_State = optuna.trial.TrialState
_FEWEST = 10  # trials of which a tenth, the best, can be told from all


@dataclass(frozen=True)
class Tried:
    """A trial that was trained to its end or pruned."""

    number: int
    run: str  # name of its folder
    values: Mapping[str, str | float]
    score: float | None  # on validation; of a pruned one, of the last epoch
    pruned_after: int | None  # epochs; None: trained to its end


@dataclass(frozen=True)
class Tuned:
    """A study's trials, the best of them, and how much each key mattered."""

    plan: Plan
    corpus: str
    folder: Path
    trials: tuple[Tried, ...]
    failed: int
    best: Tried
    recipe: Recipe  # of the best
    run: Run | None  # of the best; None where another machine has it
    importances: Mapping[str, float]  # shares by key, the largest first; empty of few trials

    def __repr__(self) -> str:
        tried = counted(len(self.trials), "trial")
        best = dict(self.best.values)
        return f"Tuned({self.plan.name!r} on {self.corpus}: {tried}, the best {best})"

    @speaking()
    def _repr_html_(self) -> str:
        ordered = best_first(self.trials, self.plan.metric)
        rows = [
            (
                str(trial.number)
                if trial.pruned_after is None
                else tr("{trial}, pruned", trial=trial.number),
                "" if trial.score is None else f"{trial.score:.4f}",
                *trial.values.values(),
            )
            for trial in ordered[:ROWS_SHOWN]
        ]
        score = tr(
            "{split} {measure}", split=term("validation"), measure=term(self.plan.metric.words)
        )
        head = (tr("trial"), score, *self.best.values)
        title = tr("{what} on {corpus}", what=self.plan.name, corpus=self.corpus)
        return html_table(title, head, rows, len(ordered) - len(rows))

    @property
    def best_recipe_path(self) -> Path:
        return self.folder / "best.yaml"


def found_by(study: optuna.Study, plan: Plan, place: Workplace) -> Tuned:
    """Read a study, and write its best recipe.

    Raises:
        UserError: no trial was trained to its end, or best.yaml cannot be written.
    """
    done = study.get_trials(deepcopy=False, states=(_State.COMPLETE, _State.PRUNED))
    trials = tuple(map(_tried, done))
    whole = best_first(trials, plan.metric)
    if not whole:
        raise UserError(f"{place.folder}: no trial was trained to its end: give more --trials")
    best = whole[0]
    values = {
        key: value if isinstance(value, str) else repr(value) for key, value in best.values.items()
    }
    chosen = ", ".join(f"{key}={value}" for key, value in values.items())
    about = f"{with_changes(plan.recipe, plan.overrides)}, tuned to {chosen}."
    recipe = plan.with_values(values).model_copy(update={"name": place.folder.name, "about": about})
    path = place.folder / best.run
    tuned = Tuned(
        plan=plan,
        corpus=place.corpus,
        folder=place.folder,
        trials=trials,
        failed=_failed(study),
        best=best,
        recipe=recipe,
        run=Run(path) if (path / "recipe.yaml").is_file() else None,
        importances=_importances(study, len(whole)),
    )
    save_recipe(recipe, tuned.best_recipe_path)
    return tuned


def best_first(trials: Sequence[Tried], metric: Metric) -> list[Tried]:
    """Those that were trained to their end; of equal ones the earlier first."""

    def loss(trial: Tried) -> float:
        assert trial.score is not None  # it was trained to its end
        return -metric.gain(trial.score)

    return sorted([trial for trial in trials if trial.pruned_after is None], key=loss)


def _failed(study: optuna.Study) -> int:
    """Trials that failed for good; those whose worker was stopped went on under another number."""
    history = optuna.storages.RetryHeartbeatStaleTrialCallback.retry_history
    trials = study.get_trials(deepcopy=False)
    gone_on = {number for trial in trials for number in history(trial)}
    return len({t.number for t in trials if t.state is _State.FAIL} - gone_on)


def _tried(trial: optuna.trial.FrozenTrial) -> Tried:
    pruned = trial.state is _State.PRUNED
    return Tried(
        number=trial.number,
        run=str(trial.user_attrs["run"]),
        values=trial.params,
        score=trial.value,
        pruned_after=(trial.last_step or 0) if pruned else None,
    )


def _importances(study: optuna.Study, whole: int) -> dict[str, float]:
    """PED-ANOVA (arXiv 2304.10255): what sets the best trials apart from all."""
    return dict(optuna.importance.get_param_importances(study)) if whole >= _FEWEST else {}
