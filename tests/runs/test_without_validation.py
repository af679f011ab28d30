"""A last training on all that is not tested on: no epoch is chosen, and everything says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.numpy import load_file

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.reports.page import write_report
from bossline.runs.run import Run
from bossline.studies.study import open_study
from bossline.studies.sweep import sweep
from tests.conftest import train_on_voices

NONE = "split.validation=0"


def train(recipe: str, corpus: str, *overrides: str, run: str = "runs/a") -> Run:
    return api.train(
        recipe, corpus, overrides, run=run, device="cpu", threads=1, console=Console(quiet=True)
    )


def check(run: Run) -> None:
    assert (run.info.kept, run.info.best_epoch) == ("last epoch", None)
    assert json.loads((run.path / "run.json").read_text())["kept"] == "last epoch"
    assert set(run.scores) & {"validation", "test"} == {"test"}
    epochs = [row for row in run.metrics() if row["kind"] == "epoch"]
    assert len(epochs) == run.recipe.epochs
    assert not any(key.startswith("validation") for row in epochs for key in row)
    page = write_report([run], run.path / "report.html").read_text()
    assert "Nothing validates (split.validation=0): the weights are those of the last epoch" in page
    again = api.evaluate(run)
    assert again["test"] == Run(run.path).scores["test"]
    assert "no validation" in (run.path / "log.txt").read_text()
    with pytest.raises(UserError, match="without a validation split"):
        api.predict(run, "validation")


def test_frames(toy: Corpus) -> None:
    run = train("phoneme/simple", "toy", "epochs=2", "batches.size=64", NONE)
    check(run)
    assert run.scores["test"].count == sum(toy.lengths[u] for u in api_items(run, toy))


def api_items(run: Run, corpus: Corpus) -> list[int]:
    ids = [prediction.id for prediction in api.predict(run, "test")]
    return [corpus.ids.index(id) for id in ids]


def test_the_last_epoch_is_kept(toy: Corpus) -> None:
    """At a rate of almost 0 in all but the first step, each epoch ends as the first; here not."""
    small = ("batches.size=64", "optimiser={kind: sgd, lr: 0.1}", NONE)
    whole = train("phoneme/simple", "toy", "epochs=3", *small, run="runs/whole")
    part = train("phoneme/simple", "toy", "epochs=2", *small, run="runs/part")
    further = api.train(
        overrides=["epochs=+1", "seed=1"], from_run=part, run="runs/further", device="cpu",
        threads=1, console=Console(quiet=True),
    )  # fmt: skip
    one, two = (load_file(run.best_weights) for run in (whole, part))
    assert any((one[name] != two[name]).any() for name in one)
    assert further.info.origins[0].best_epoch is None
    check(whole)


def test_averages_images_rows_and_voices(dishes: Corpus, survey: Corpus) -> None:
    side = ("batches.side=32", "batches.size=12", "epochs=2")
    check(train("food/simple", "dishes", *side, NONE, "averaging={kind: ema}", run="runs/food"))
    check(train("covid/simple", "survey", "epochs=2", NONE, run="runs/covid"))


def test_voices(voices: Corpus) -> None:
    run = train_on_voices(NONE, "epochs=1", "split.by=each-speaker")
    check(run)


def test_a_fitted_model(survey: Corpus) -> None:
    run = train("covid/floor", "survey", NONE)
    assert (run.info.kept, set(run.scores)) == ("fitted", {"test"})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["patience=3"], "patience waits for validation scores: split.validation=0 has none"),
        (["schedule={kind: plateau}"], "a schedule of kind plateau follows validation scores"),
    ],
)
def test_what_waits_for_validation_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe("phoneme/simple", [NONE, *overrides])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_has_nothing_to_choose_by(toy: Corpus) -> None:
    study = open_study("phoneme/simple", [NONE, "model.width=8,16", "epochs=1"])
    with pytest.raises(UserError, match="a sweep chooses by validation scores"):
        sweep(study, "toy", console=Console(quiet=True))
    assert not Path("runs").exists()
