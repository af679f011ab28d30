"""Training that begins at another run's best weights: the same task further, or a new one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.runs.info import Origin
from bossline.runs.run import Run
from bossline.tasks import task_named
from bossline.tasks.lesson import Lesson
from bossline.training.checkpoint import read_weights
from bossline.training.contents import WEIGHTS

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def begin_from(run: Run, lesson: Lesson[Any], model: nn.Module) -> tuple[Origin, ...]:
    """Give a model the best weights of a run, as far as they are for it.

    Where the classes are others, or the recipe has another head, what leads to the answers is new,
    and so is a part of the model that the run's has not at all: an encoder goes to another task.

    Args:
        model: prepared.

    Returns:
        Where the weights come from, and where those came from.

    Raises:
        UserError: the run has no weights, was trained on other features or on what is held out
            now, or its weights do not fit.
    """
    _check_goes_together(run, lesson)
    try:
        content = run.read(WEIGHTS)
    except FileNotFoundError as error:
        raise UserError(f"{run.path / WEIGHTS}: no such file: nothing to begin from") from error
    try:
        given = read_weights(content)
    except ValueError as error:
        raise run.damaged(WEIGHTS, str(error)) from error
    taken, new = _taken(run, given, lesson, model)
    own = model.state_dict()
    model.load_state_dict(own | {name: given[name] for name in taken})
    origin = Origin(
        run=str(run.path),
        task=run.recipe.task,
        recipe=run.recipe.name,
        corpus=run.info.corpus,
        corpus_key=run.info.corpus_key,
        split=run.recipe.split,
        epochs=run.recipe.epochs,
        best_epoch=run.info.best_epoch,
        sha256=hashlib.sha256(content).hexdigest(),
        taken=len(taken),
        new=tuple(new),
    )
    origins = (origin, *run.info.origins)
    _check_held_out(origins, lesson)
    return origins


def begin_again_from(origin: Origin, lesson: Lesson[Any], model: nn.Module) -> None:
    """The same for a run that was stopped before its first checkpoint.

    Raises:
        UserError: the weights are gone, or others.
    """
    found, *_ = begin_from(Run(origin.run), lesson, model)
    if found.sha256 != origin.sha256:
        raise UserError(
            f"{origin.run} has other weights than those that this run began from: start it anew"
        )


def _check_goes_together(run: Run, lesson: Lesson[Any]) -> None:
    for recipe in (run.recipe, lesson.recipe):
        if recipe.model.fitted:
            raise UserError(
                f"a model of kind {recipe.model.kind} is fitted in one go: there is nothing to "
                "begin from"
            )
    if not run.is_trained:
        raise UserError(f"{run.path} is not trained to its end: bossline train --resume {run.path}")
    features = lesson.corpus.header.features
    if run.features != features:
        raise UserError(
            f"{run.path} was trained on other features ({run.features.describe()}) than "
            f"{lesson.corpus.path} has ({features.describe()})"
        )


def _taken(
    run: Run, given: dict[str, Tensor], lesson: Lesson[Any], model: nn.Module
) -> tuple[list[str], list[str]]:
    """Names of the tensors that are taken, and of those that stay new."""
    own = model.state_dict()
    of_classes = _of_classes(lesson)
    heads = _heads(model, of_classes)
    same = run.recipe.task == lesson.recipe.task and run.classes == lesson.classes
    parts = {name.partition(".")[0] for name in given}
    taken, new = [], []
    for name, tensor in own.items():
        fits = name in given and _kind(given[name]) == _kind(tensor)
        if fits and (same or name not in of_classes):
            taken.append(name)
        elif _is_in(name, heads) or name.partition(".")[0] not in parts:
            new.append(name)
        else:
            there = f"is {_kind(given[name])} there" if name in given else "is not there"
            raise _misfit(run, f"{name} {there}, and {_kind(tensor)} in this recipe's model", heads)
    if not taken:
        raise _misfit(run, "the two models have nothing in common", heads)
    children = {name.partition(".")[0] for name in own}
    for name in given.keys() - own.keys():
        if name.partition(".")[0] in children and not _is_in(name, heads):
            raise _misfit(run, f"it has {name}, which this recipe's model lacks", heads)
    return taken, new


def _misfit(run: Run, what: str, heads: Sequence[str]) -> UserError:
    others = f"; only {', '.join(heads)} may differ" if heads else ""
    return UserError(
        f"the weights of {run.path} do not fit: {what}{others}: leave the model's other keys as "
        "the run has them"
    )


def _kind(tensor: Tensor) -> str:
    """Shape, and the type where it is not the usual one."""
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{tuple(tensor.shape)}" + (f" {kind}" if kind != "float32" else "")


def _of_classes(lesson: Lesson[Any]) -> set[str]:
    """The tensors whose size the number of classes decides."""
    if not lesson.classes:
        return set()
    task, recipe, features = lesson.task, lesson.recipe, lesson.corpus.header.features
    here = task.model(recipe, features, lesson.classes).state_dict()
    more = task.model(recipe, features, (*lesson.classes, "one more")).state_dict()
    return {name for name, tensor in here.items() if tensor.shape != more[name].shape}


def _heads(model: nn.Module, of_classes: set[str]) -> list[str]:
    """The parts that have such tensors: a model's head, decoder or output layer."""
    heads = []
    for name in of_classes:
        path, module = [], model
        for step in name.split("."):
            path.append(step)
            inner = getattr(module, step)
            if not isinstance(inner, _CONTAINERS):
                break
            module = inner
        heads.append(".".join(path))
    return sorted(set(heads))


def _is_in(name: str, parts: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _check_held_out(origins: Sequence[Origin], lesson: Lesson[Any]) -> None:
    """
    Raises:
        UserError: what is tested or validated on now has trained one of those weights.
    """
    for origin in origins:
        if origin.corpus_key != lesson.corpus.key:
            continue
        before = _splits(origin, lesson.corpus)
        chosen = np.concatenate([before["train"], before["validation"]])
        for split, seen in (("test", chosen), ("validation", before["train"])):
            if known := len(np.intersect1d(lesson.splits[split], seen)):
                item = lesson.corpus.header.features.item
                raise UserError(
                    f"{counted(known, item)} of the {split} split helped to train {origin.run}, "
                    "and the score would flatter: split the corpus as that run has it"
                )


def _splits(origin: Origin, corpus: Corpus) -> dict[str, Any]:
    return split_corpus(corpus, origin.split, task_named(origin.task).labelled(corpus))
