"""From a recipe and a corpus to a finished run: train, resume, score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.memory import exhaustion_named
from bossline.core.progress import waiting
from bossline.core.ranks import Ranks, joining
from bossline.core.runtime import Compile, Precision, Runtime
from bossline.core.terminal import terminal
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.evaluation.scores import Scores
from bossline.recipes import Recipe, changed, load_recipe
from bossline.recipes.overrides import Overrides, as_text
from bossline.runs.further import begin_again_from, begin_from
from bossline.runs.info import start_info
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.base import Scored
from bossline.tasks.lesson import Lesson
from bossline.tasks.trained import (
    Ensemble,
    Smoothing,
    TrainedModel,
    check_finite,
    items_of,
    smoother_of,
)
from bossline.training.fit import fit
from bossline.training.loop import Watch
from bossline.training.loop import train as train_loop
from bossline.training.signals import Interrupted

Runs = str | Path | Run | Sequence[str | Path | Run]
"""A run or its folder, or several."""

_FURTHER = re.compile(r'epochs="?\+\d+"?')
LESS = "make batches.size, or the model, smaller"


def opened_runs(runs: Runs) -> list[Run]:
    """At least one run, opened.

    Raises:
        UserError: none, or one that is damaged.
    """
    several = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    if not several:
        raise UserError("give at least one run")
    return [Run.of(run) for run in several]


def train(
    recipe: str | Recipe | None = None,
    corpus: str | Path | Corpus | None = None,
    overrides: Overrides = (),
    *,
    from_run: str | Path | Run | None = None,
    run: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    compile: Compile = "off",
    precision: Precision | None = None,
    deterministic: bool = False,
    console: Console | None = None,
    watch: Watch | None = None,
) -> Run:
    """Train a recipe on a corpus, score it, and return the finished run.

    Args:
        recipe: "phoneme/strong", a path to a YAML file, or a Recipe; None: that of `from_run`.
        corpus: a name given at import, the folder of a packed corpus, its URL, or an open one;
            None: that of `from_run`.
        overrides: ["model.width=1024"] and the like, or {"model.width": 1024}; not with a Recipe.
        from_run: a run whose best weights this training begins at. Where the classes differ, or
            the recipe has another head, that is new. `epochs` counts those of this training.
        run: folder to write; by default the next free one below runs/.
        device: "auto", "cpu", "cuda", "cuda:1".
        threads: CPU threads; None takes all cores.
        compile: "graphs" makes each step a CUDA graph, "inductor" has torch compile it.
        precision: "float32" or "bfloat16", in place of the recipe's.
        deterministic: train by algorithms only that give the same bits every time, on a GPU too.
        console: where progress is shown; None shows it on the terminal.
        watch: called with each epoch and its validation score; what it raises ends the training,
            and `resume` goes on. A model that is fitted has no epochs.

    Raises:
        UserError: bad input.
        Interrupted: Ctrl-C or SIGTERM; `resume` goes on.
    """
    start = None if from_run is None else Run.of(from_run)
    chosen = chosen_recipe(recipe, overrides, start)
    with joining() as ranks:
        _check_stepped(chosen, ranks)
        ranks.check_same("recipe", chosen.model_dump(mode="json"))
        opened = chosen_corpus(corpus, start)
        ranks.check_same("corpus", opened.key)
        runtime = Runtime.choose(device, threads, compile, precision, deterministic)
        lesson = lesson_of(chosen, opened, runtime)
        log = _shown(console, ranks)
        # What the data do not allow is refused before all writing.
        model = _prepared_model(lesson, log)
        origins = () if start is None else begin_from(start, lesson, model)
        parameters = sum(p.numel() for p in model.parameters())
        info = start_info(opened.name, opened, lesson.classes, chosen, parameters, runtime, origins)

        def create() -> str:
            folder = None if run is None else Path(run)
            begun = Run.create(folder, chosen, info) if folder else Run.create_next(chosen, info)
            return str(begun.path)

        created = _seen(ranks.told(create), ranks)
        _continue(created, lesson, model, log, watch)
        return created


def chosen_recipe(
    recipe: str | Recipe | None, overrides: Overrides = (), start: Run | None = None
) -> Recipe:
    """The recipe of a training, perhaps that of the run at whose weights it begins.

    Raises:
        UserError: neither is given, or what `load_recipe` says.
    """
    given = as_text(overrides)
    if start is None and (further := [text for text in given if _FURTHER.fullmatch(text)]):
        raise UserError(f"'{further[0]}': further epochs go on from a run: give --from RUN")
    if isinstance(recipe, str):
        return load_recipe(recipe, given)
    if recipe is not None:
        return recipe
    if start is None:
        raise UserError("give a recipe, or a run to begin from")
    return changed(start.recipe, given)


def chosen_corpus(corpus: str | Path | Corpus | None, start: Run | None = None) -> Corpus:
    """The corpus of a training, perhaps that of the run at whose weights it begins.

    Raises:
        UserError: neither is given, or it is not to be had.
    """
    if corpus is not None:
        return open_corpus(corpus, verified=True)
    if start is None:
        raise UserError("give a corpus")
    return start.corpus()


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
    with joining() as ranks:
        opened = Run.of(run)
        if not opened.is_finished:
            _check_stepped(opened.recipe, ranks)
            info = opened.info
            place = device or info.device
            lost = info.compile == "graphs" and not place.startswith("cuda")
            compile: Compile = "off" if lost else info.compile
            runtime = Runtime.choose(
                place, info.threads, compile, info.precision, info.deterministic
            )
            lesson = lesson_of(opened.recipe, opened.corpus(), runtime)
            _continue(opened, lesson, None, _shown(console, ranks), watch)
        elif ranks.writes and opened.checkpoint.exists():
            with opened.locked():
                _finish(opened)
        return opened


def _check_stepped(recipe: Recipe, ranks: Ranks) -> None:
    """
    Raises:
        UserError: several processes are to fit what takes no steps.
    """
    if ranks.world > 1 and recipe.model.fitted:
        raise UserError(
            f"a model of kind {recipe.model.kind} is fitted in one go, by one process: start it "
            "without torchrun"
        )


def _shown(console: Console | None, ranks: Ranks) -> Console:
    return (console or terminal()) if ranks.writes else Console(quiet=True)


def _seen(path: str, ranks: Ranks) -> Run:
    """The run that rank 0 has begun.

    Raises:
        UserError: this process cannot see it.
    """
    try:
        return Run(path)
    except UserError as error:
        if ranks.writes:
            raise
        raise UserError(
            f"rank {ranks.rank} does not see the run {path} that rank 0 has begun: the folder of "
            "runs must be on a disk that all machines share"
        ) from error


def _prepared_model(lesson: Lesson[Any], console: Console) -> nn.Module:
    with waiting(console, "looking over the training data"), exhaustion_named(LESS):
        model = lesson.build_model()
        lesson.prepare(model)
    return model


def _continue(
    run: Run, lesson: Lesson[Any], model: nn.Module | None, console: Console, watch: Watch | None
) -> None:
    """`model`: None where the run is there already, and may have a checkpoint of one."""
    ranks = lesson.runtime.ranks
    with (
        run.locked() if ranks.writes else nullcontext(),
        exhaustion_named(LESS),
        lesson.runtime.algorithms(),
    ):
        if model is None:
            begun = run.checkpoint.exists()
            model = lesson.build_model() if begun else _prepared_model(lesson, console)
            if run.info.origins and not begun:
                begin_again_from(run.info.origins[0], lesson, model)
        console.print(
            f"{run.label} on {run.info.corpus}: {counted(run.info.parameters, 'parameter')}, "
            f"{_what_is_learnt(run, lesson)}, {run.info.hardware} -> {run.path}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        if run.info.origins:
            begun_from = f"begun from {run.info.origins[0]}"
            console.print(begun_from, highlight=False, markup=False, soft_wrap=True)
        if run.recipe.model.fitted:
            fit(run, lesson, model, console)
        else:
            train_loop(run, lesson, model, run.recipe, lesson.runtime, console, watch=watch)
        ranks.first(_conclude, run, lesson)
        ranks.wait()
    if not ranks.writes:
        run.reread()


def _conclude(run: Run, lesson: Lesson[Any]) -> None:
    try:
        _score(run, lesson)
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
    """Killed between the two steps, it is called once more by whoever goes on with the run."""
    if not run.is_finished:
        run.update(state="finished")
    run.checkpoint.unlink(missing_ok=True)


def _what_is_learnt(run: Run, lesson: Lesson[Any]) -> str:
    if run.recipe.model.fitted:
        thing = f"training {lesson.unit.removesuffix('s')}"
        return f"fitted to {counted(lesson.count('train'), thing)}"
    if not run.recipe.split.validation:
        return f"{lesson.description}, nothing validates: the last epoch is kept"
    if run.recipe.keep == "last":
        return f"{lesson.description}, the last epoch is kept"
    return lesson.description


def searching(runs: Sequence[Run], decoding: Sequence[str]) -> list[Recipe]:
    """The runs' recipes, with another search for strings.

    Args:
        decoding: "beam=16" and the like: overrides of what stands in a recipe below decoding.

    Raises:
        UserError: no such key or value, or a task that searches for nothing.
    """
    overrides = [f"decoding.{override}" for override in decoding]
    return [changed(run.recipe, overrides) for run in runs]


def evaluate(
    runs: Runs,
    *,
    smoothing: Smoothing | None = None,
    decoding: Sequence[str] = (),
    device: str = "auto",
) -> dict[str, Scores]:
    """Score the best weights of a run, or of several together, on validation and test.

    The best epoch was chosen on validation, where there is one; test is only ever reported. The
    scores of one run with its own smoothing are kept in its folder; one that was trained but could
    not be scored is finished by them.

    Args:
        runs: a run or its folder, or several, which answer as one: by the mean of their
            log-probabilities, or of their values.
        smoothing: None: as the (first) run's recipe says.
        decoding: of strings: "beam=16" and the like, in place of what the recipes say.

    Raises:
        UserError: a run is not to be had, or runs that do not go together.
    """
    opened = opened_runs(runs)
    runtime = Runtime.choose(device)
    lesson = lesson_of(opened[0].recipe, opened[0].corpus(), runtime)
    with exhaustion_named(LESS):
        if len(opened) == 1 and smoothing is None and not decoding:
            with opened[0].locked():
                _score(opened[0], lesson)
                if opened[0].is_trained:  # its training ended where it could not be scored
                    _finish(opened[0])
            return opened[0].scores
        ensemble = Ensemble(opened, runtime, searching(opened, decoding))
        smoother = smoother_of(opened[0], smoothing)
        items_of(opened, lesson.corpus, "test")  # refuses runs that were split in other ways
        scores: dict[str, Scores] = {}
        for split in lesson.recipe.split.held_out:
            scores |= _named(split, lesson.score(ensemble, smoother, split))
    return scores


def _score(run: Run, lesson: Lesson[Any]) -> None:
    smoother = lesson.fit_smoother()
    if smoother is not None:
        run.write_smoothing(smoother.tables())
    for name, content in lesson.learn().items():
        run.write(name, content)
    trained = TrainedModel(run, lesson.runtime)
    held_out = run.recipe.split.held_out
    scored = {split: lesson.score(trained, smoother, split) for split in held_out}
    kept = lesson.kept(trained.model, scored["test"])
    for name, array in kept.items():
        if run.task.keeps[name].below is None:
            check_finite(array, run)
    run.write_scores({k: v for name in held_out for k, v in _named(name, scored[name]).items()})
    run.keep(kept)


def _named(split: str, scored: Scored) -> dict[str, Scores]:
    beside = {f"{split}, {lacking}": scores for lacking, scores in scored.beside.items()}
    return {split: scored.scores, **beside}
