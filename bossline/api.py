"""What bossline does, as functions: the command line and notebooks call the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from torch import nn

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable
from bossline.core.runtime import Runtime
from bossline.core.terminal import terminal
from bossline.data.inputs import read_input
from bossline.data.store import open_corpus
from bossline.evaluation.scores import Scores
from bossline.recipes import Recipe, load_recipe
from bossline.runs.info import start_info
from bossline.runs.output import write_submission
from bossline.runs.prediction import Prediction, predictions_of
from bossline.runs.run import Run
from bossline.runs.trained import (
    UNLABELLED,
    Ensemble,
    Smoothing,
    TrainedModel,
    check_finite,
    smoother_of,
    utterances_of,
)
from bossline.tasks import TASKS, make_task
from bossline.tasks.base import ScoredSplit, Task
from bossline.training.fit import fit
from bossline.training.loop import Watch
from bossline.training.loop import train as train_loop
from bossline.training.signals import Interrupted

Runs = str | Path | Run | Sequence[str | Path | Run]
"""A run or its folder, or several."""


def load_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises:
        UserError: no run there (with the nearest name), or it is damaged.
    """
    return Run(path)


def train(
    recipe: str | Recipe,
    corpus: str | Path,
    overrides: Sequence[str] = (),
    *,
    run: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
    watch: Watch | None = None,
) -> Run:
    """Train a recipe on a corpus, score it, and return the finished run.

    Args:
        recipe: "phoneme/strong", a path to a YAML file, or a Recipe.
        corpus: a name given at import, or the folder of a packed corpus.
        overrides: "model.width=1024" and the like; only with a recipe by name or path.
        run: folder to write; by default the next free one below runs/.
        device: "auto", "cpu", "cuda", "cuda:1".
        threads: CPU threads; None takes all cores.
        console: where progress is shown; None shows it on the terminal.
        watch: called with each epoch and its validation score; what it raises ends the training,
            and `resume` goes on. A model that is fitted has no epochs.

    Raises:
        UserError: bad input.
        Interrupted: Ctrl-C or SIGTERM; `resume` goes on.
    """
    chosen = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    opened = open_corpus(corpus, verified=True)
    runtime = Runtime.choose(device, threads)
    task = make_task(chosen, opened, runtime)
    log = console or terminal()
    model = _prepared_model(task, log)  # refuses what the data do not allow before all writing
    parameters = sum(p.numel() for p in model.parameters())
    info = start_info(str(corpus), opened, task.classes, chosen, parameters, runtime)
    if run is not None:
        created = Run.create(Path(run), chosen, info)
    else:
        created = Run.create_next(chosen, info)
    _continue(created, task, model, log, watch)
    return created


def resume(
    run: str | Path | Run,
    *,
    device: str | None = None,
    console: Console | None = None,
    watch: Watch | None = None,
) -> Run:
    """Go on with an interrupted run, as if nothing had happened.

    Args:
        device: None stays on the device that the run began on.
        watch: as in `train`.

    Raises:
        UserError: nothing to go on with, the run is in use, or its corpus has changed.
        Interrupted: Ctrl-C or SIGTERM again.
    """
    opened = Run.of(run)
    if opened.info.state != "finished":
        runtime = Runtime.choose(device or opened.info.device, opened.info.threads)
        task = make_task(opened.recipe, opened.corpus(), runtime)
        _continue(opened, task, None, console or terminal(), watch)
    return opened


def _prepared_model(task: Task, console: Console) -> nn.Module:
    with console.status("looking over the training data"):
        model = task.build_model()
        task.prepare(model)
    return model


def _continue(
    run: Run, task: Task, model: nn.Module | None, console: Console, watch: Watch | None
) -> None:
    """`model`: None where the run is there already, and may have a checkpoint of one."""
    with run.locked():
        if model is None:
            begun = run.checkpoint.exists()
            model = task.build_model() if begun else _prepared_model(task, console)
        console.print(
            f"{run.recipe.name} on {run.info.corpus}: {counted(run.info.parameters, 'parameter')}, "
            f"{_what_is_learnt(run, task)}, {run.info.hardware} -> {run.path}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        if run.recipe.model.fitted:
            fit(run, task, model, console)
        else:
            train_loop(run, task, model, run.recipe, task.runtime, console, watch=watch)
        try:
            _score(run, task)
        except KeyboardInterrupt as stop:
            raise Interrupted(
                f"stopped while scoring; go on with: bossline train --resume {run.path}"
            ) from stop
        except UserError as error:
            raise UserError(
                f"{run.path} is trained, but not scored: {error}; once that is mended, "
                f"'bossline evaluate {run.path}' finishes the run"
            ) from error
        _finish(run)


def _finish(run: Run) -> None:
    run.update(state="finished")
    run.checkpoint.unlink(missing_ok=True)


def _what_is_learnt(run: Run, task: Task) -> str:
    if run.recipe.model.fitted:
        thing = f"training {task.unit.removesuffix('s')}"
        return f"fitted to {counted(task.count('train'), thing)}"
    return task.description


def evaluate(
    runs: Runs, *, smoothing: Smoothing | None = None, device: str = "auto"
) -> dict[str, Scores]:
    """Score the best weights of a run, or of several together, on validation and test.

    The best epoch was chosen on validation; test is only ever reported. The scores of one run with
    its own smoothing are kept in its folder; one that was trained but could not be scored is
    finished by them.

    Args:
        runs: a run or its folder, or several, which answer as one: by the mean of their
            log-probabilities, or of their values.
        smoothing: None: as the (first) run's recipe says.

    Raises:
        UserError: a run is not to be had, or runs that do not go together.
    """
    opened = _opened(runs)
    runtime = Runtime.choose(device)
    task = make_task(opened[0].recipe, opened[0].corpus(), runtime)
    if len(opened) == 1 and smoothing is None:
        with opened[0].locked():
            _score(opened[0], task)
            if opened[0].is_trained:  # its training ended where it could not be scored
                _finish(opened[0])
        return opened[0].scores
    ensemble, smoother = Ensemble(opened, runtime), smoother_of(opened[0], smoothing)
    utterances_of(opened, task.corpus, "test")  # refuses runs that were split in other ways
    scores: dict[str, Scores] = {}
    for split in ("validation", "test"):
        scores |= _named(split, task.score(ensemble, smoother, split))
    return scores


def _score(run: Run, task: Task) -> None:
    smoother = task.fit_smoother()
    if smoother is not None:
        run.write_smoothing(smoother.tables())
    trained = TrainedModel(run, task.runtime)
    scored = {split: task.score(trained, smoother, split) for split in ("validation", "test")}
    test = scored["test"]
    embeddings = task.embeddings(trained.model, "test")
    if embeddings is not None:
        check_finite(embeddings, run)
    attributions = task.attributions(trained.model, test)
    run.write_scores(_named("validation", scored["validation"]) | _named("test", test))
    run.write_predictions(
        task.corpus, test.utterances, test.outputs, test.predicted, embeddings, attributions
    )


def _named(split: str, scored: ScoredSplit) -> dict[str, Scores]:
    beside = {f"{split}, {lacking}": scores for lacking, scores in scored.beside.items()}
    return {split: scored.scores, **beside}


def predict(
    runs: Runs,
    source: str | Path,
    *,
    smoothing: Smoothing | None = None,
    device: str = "auto",
) -> list[Prediction]:
    """What a run makes of a file, or of a split of its corpus.

    Args:
        runs: a run or its folder, or several, which answer as one: by the mean of their
            log-probabilities, or of their values.
        source: a feature file (.pt, .npy), a recording (.wav, .flac ...), an image, or "train",
            "validation", "test" or "unlabelled".
        smoothing: None: as the (first) run's recipe says.

    Raises:
        UserError: neither a file nor a split, features of another kind, or runs that do not go
            together.
    """
    opened = _opened(runs)
    task = TASKS[opened[0].recipe.task]
    ensemble, smoother = Ensemble(opened, Runtime.choose(device)), smoother_of(opened[0], smoothing)
    if Path(source).suffix:
        ids = [printable(Path(source).stem)]
        pieces = [read_input(Path(source), ensemble.features)]
    else:
        corpus = opened[0].corpus()
        chosen = utterances_of(opened, corpus, str(source))
        ids = [corpus.ids[u] for u in chosen]
        pieces = task.pieces_of(corpus, chosen)
    outputs = ensemble.outputs(pieces)
    lengths = np.array([len(piece) for piece in pieces])
    path = None if smoother is None else smoother.path(outputs, lengths)
    return predictions_of(
        task.unit, ids, lengths, outputs, path, ensemble.classes, ensemble.features
    )


def submit(
    runs: Runs,
    path: str | Path,
    *,
    split: str = UNLABELLED,
    smoothing: Smoothing | None = None,
    device: str = "auto",
) -> int:
    """Write a submission; returns the number of rows.

    Phonemes: `Id,Class` for every frame of the split; speakers and images: `Id,Category` for
    every one; tables: `id` and the target for every row.

    Args:
        runs: a run or its folder, or several, which answer as one: by the mean of their
            log-probabilities, or of their values.
        smoothing: None: as the (first) run's recipe says.

    Raises:
        UserError: the split is empty or incomplete, runs that do not go together, or the file
            cannot be written.
    """
    opened = _opened(runs)
    corpus = opened[0].corpus()
    utterances = utterances_of(opened, corpus, split)
    predictions = predict(opened, split, smoothing=smoothing, device=device)
    return write_submission(Path(path), corpus, utterances, predictions)


def _opened(runs: Runs) -> list[Run]:
    """At least one run, opened."""
    several = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    if not several:
        raise UserError("give at least one run")
    return [Run.of(run) for run in several]
