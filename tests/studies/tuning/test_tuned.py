"""What is read from a study, on studies without trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.evaluation.scores import MSE
from bossline.recipes import load_recipe
from bossline.reports.tuning import history, trials_table, verdict, write_tuning_report
from bossline.studies.side_by_side import Workplace
from bossline.studies.tuning.plan import open_plan

optuna = pytest.importorskip("optuna")

from bossline.studies.tuning.tuned import Tuned, found_by  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")

PLAN = open_plan(
    "phoneme/simple",
    ["model.dropout=0.0..0.5", "optimiser.lr=1e-4..1e-2:log", "model.activation=relu,gelu"],
)


def found_in(folder: Path, count: int, *, pruned: int = 0, failed: int = 0) -> Tuned:
    """A study whose score is 1 - dropout."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))

    def objective(trial: Any) -> float:
        values = {d.key: d.draw(trial) for d in PLAN.space}
        trial.set_user_attr("run", f"trial-{trial.number}")
        if trial.number < failed:
            raise UserError("no")
        score = 1 - float(values["model.dropout"])
        if trial.number < failed + pruned:
            trial.report(score - 0.5, 1)
            raise optuna.TrialPruned
        return score

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study.optimize(objective, n_trials=failed + pruned + count, catch=(UserError,))
    return found_by(study, PLAN, Workplace("toy", folder, "cpu", 1))


def test_the_best_recipe_is_written(tmp_path: Path) -> None:
    found = found_in(tmp_path, 20, pruned=3, failed=2)
    assert (len(found.trials), found.failed) == (23, 2)
    whole = [trial for trial in found.trials if trial.pruned_after is None]
    assert found.best.values["model.dropout"] == min(t.values["model.dropout"] for t in whole)
    assert load_recipe(str(found.best_recipe_path)) == found.recipe
    assert found.recipe.model.model_dump()["dropout"] == found.best.values["model.dropout"]
    assert found.run is None


def test_what_decides_is_important(tmp_path: Path) -> None:
    importances = found_in(tmp_path, 60).importances
    assert max(importances, key=lambda key: importances[key]) == "model.dropout"
    assert sum(importances.values()) == pytest.approx(1)
    assert found_in(tmp_path, 5).importances == {}


def test_the_page_has_every_picture_and_number(tmp_path: Path) -> None:
    found = found_in(tmp_path, 15, pruned=3, failed=2)
    page = write_tuning_report(found, "bossline tune --again").read_text(encoding="utf-8")
    assert page.count("<figure") == 3
    assert "bossline tune --again" in page
    assert "3 trials were pruned. 2 more failed." in verdict(found)
    scores = [float(row[1]) for row in trials_table(found).rows]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(found.best.score, abs=1e-4)


def test_nothing_finished_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give more --trials"):
        found_in(tmp_path, 0, pruned=2)


def test_of_errors_the_lowest_is_best(tmp_path: Path) -> None:
    plan = open_plan("covid/simple", ["model.l2=0.0..9.0", "model.network.kind=linear"])
    assert plan.metric is MSE
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(0))

    def objective(trial: Any) -> float:
        trial.set_user_attr("run", f"trial-{trial.number}")
        return 40 * float(plan.space[0].draw(trial))

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study.optimize(objective, n_trials=12)
    found = found_by(study, plan, Workplace("survey", tmp_path, "cpu", 1))
    scores = [40 * float(trial.values["model.l2"]) for trial in found.trials]
    assert found.best.score == min(scores)
    shown = [float(row[1]) for row in trials_table(found).rows]
    assert shown == [round(score, 4) for score in sorted(scores)[: len(shown)]]
    so_far = np.asarray(history(found).axes[0].lines[-1].get_ydata())
    assert list(so_far) == [min(scores[: k + 1]) for k in range(len(scores))]
    assert f"validation mean squared error {min(scores):.4f}" in verdict(found)
    page = write_tuning_report(found, "bossline tune").read_text(encoding="utf-8")
    assert "lower is better" in page
    assert "accuracy" not in page
