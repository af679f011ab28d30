"""What one does with a run that has just been trained, as commands to copy."""

from __future__ import annotations

import shlex
from pathlib import Path

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.runs.run import Run
from bossline.training.contents import INFO


def next_commands(run: Run) -> list[str]:
    """A submission where the corpus has a part to answer, answers to inputs of one's own, and a
    comparison with the newest other run that was tested on the same items."""
    corpus, path = run.corpus(), str(run.path)
    commands = []
    if not run.task.labelled(corpus).all():
        commands.append(["bossline", "submit", path, "-o", "prediction.csv"])
    commands.append(["bossline", "predict", path, *_inputs(run)])
    if (other := _comparable(run)) is not None:
        commands.append(["bossline", "compare", str(other.path), path])
    return [shlex.join(command) for command in commands]


def _inputs(run: Run) -> list[str]:
    """Files that it answers to, or its test split, where there are none such."""
    match run.features:
        case FeatureSpec(kind="mfcc" | "log-mel"):
            return ["recording.wav"]
        case _ if run.features.item == "image":
            return ["photo.jpg"]
    return ["test", "-o", "predictions.csv"]


def _comparable(run: Run) -> Run | None:
    others = [
        other
        for file in sorted(run.path.parent.glob(f"*/{INFO}"))
        if not file.parent.samefile(run.path) and (other := _same_test(file.parent, run))
    ]
    return max(others, key=lambda other: other.info.started, default=None)


def _same_test(path: Path, run: Run) -> Run | None:
    """The run there, if `bossline compare` takes both."""
    try:
        other = Run(path)
        same = (
            other.is_finished
            and other.recipe.task == run.recipe.task
            and other.info.classes == run.info.classes
            and other.info.corpus_key == run.info.corpus_key
            and other.recipe.model_copy(update={"seed": run.recipe.seed}) != run.recipe
            and other.scores["test"].ids == run.scores["test"].ids
        )
    except UserError:  # damaged, or of an extension that is not at hand
        return None
    return other if same else None
