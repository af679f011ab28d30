"""Tune a recipe: open or join a study, work on it, and say what it found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from bossline.core.errors import UserError
from bossline.core.terminal import terminal
from bossline.data.packed import Corpus
from bossline.data.store import name_of, open_corpus
from bossline.recipes.overrides import Overrides
from bossline.runs.folders import study_folder
from bossline.studies.side_by_side import Workplace
from bossline.studies.tuning.optional import SQLAlchemyError, optuna
from bossline.studies.tuning.plan import Plan, open_plan
from bossline.studies.tuning.storage import open_storage
from bossline.studies.tuning.tuned import Tuned, found_by
from bossline.studies.tuning.worker import CLAIMS, Worker


def tuning_folder(plan: Plan, corpus: str, study: str | None = None) -> Path:
    """Where the trials, the best recipe and the report of a study are."""
    folder = study_folder("tune", plan.name, corpus)
    return folder if study is None else folder.with_name(f"{folder.name}-{study}")


def tune(
    recipe: str,
    corpus: str | Path | Corpus,
    arguments: Overrides = (),
    *,
    trials: int = 50,
    storage: str | None = None,
    study: str | None = None,
    timeout: float | None = None,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> Tuned:
    """Search for the values that score best on validation.

    Called again, or by several processes at a time, it goes on with the same study. Values come
    from TPE (Bergstra 2011), trials are pruned by the median rule (Golovin 2017) where a training
    validates, at the end of an epoch.

    Args:
        recipe: task/rung, or the path to a YAML file of a recipe or of a plan (key `space`).
        corpus: a name given at import, the folder of a packed corpus, its URL, or an open one.
        arguments: key=value for all trials; key=low..high (:log, :step) or key=a,b,c to search. Or
            a dict, in which {key: [a, b, c]} is searched.
        trials: finished ones to reach, pruned ones among them, over all workers.
        storage: see `open_storage`; None keeps a database beside the runs.
        study: a name that sets it apart from other studies of this recipe and corpus.
        timeout: seconds after which no more trial begins.

    Raises:
        UserError: bad input, a study of another plan under this name, no trial that was trained to
            its end, or one trial after the other fails.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    plan = open_plan(recipe, arguments)
    key, corpus = open_corpus(corpus).key, name_of(corpus)
    folder = tuning_folder(plan, corpus, study)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    with _quiet():
        with FileLock(folder / CLAIMS):  # two workers that begin would both create the tables
            where = storage or f"sqlite:///{folder / 'study.db'}"
            opened = open_storage(where)
            try:
                joined = _join(opened, folder.name, plan, key)
            except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
                reason = str(error).partition("\n")[0]
                raise UserError(
                    f"--storage {where}: damaged, or of something else: {reason}"
                ) from error
        place = Workplace(corpus, folder, device, threads)
        Worker(joined, opened, plan, place, console or terminal()).work(trials, timeout)
        return found_by(joined, plan, place)


def _join(
    storage: optuna.storages.BaseStorage, name: str, plan: Plan, corpus_key: str
) -> optuna.Study:
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction="maximize" if plan.metric.higher_is_better else "minimize",
        pruner=optuna.pruners.MedianPruner(),
        load_if_exists=True,
    )
    asked = {"plan": plan.fingerprint, "corpus": corpus_key}
    begun = study.user_attrs.get("asked", asked)
    if differs := [what for what in asked if begun[what] != asked[what]]:
        raise UserError(
            f"the study {name} was begun with another {' and '.join(differs)}: give this one a "
            "name of its own with --study NAME"
        )
    study.set_user_attr("asked", asked)
    worker = study.user_attrs.get("workers", 0)  # with equal seeds two would try the same
    study.set_user_attr("workers", worker + 1)
    study.sampler = optuna.samplers.TPESampler(seed=worker, constant_liar=True)
    return study


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's own log, and without its warnings of what is experimental in it."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
