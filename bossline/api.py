"""What bossline does, as functions: the command line and notebooks call the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from bossline.corpora.store import open_corpus
from bossline.evaluation.frames import FrameScores
from bossline.inference.inputs import read_features
from bossline.inference.prediction import Prediction
from bossline.inference.submission import write_submission
from bossline.inference.trained import UNLABELLED, TrainedModel, utterances_of
from bossline.recipes import Recipe, load_recipe
from bossline.runtime import Runtime
from bossline.tasks import make_task
from bossline.tasks.phoneme import PhonemeTask
from bossline.training.loop import train as train_loop
from bossline.training.run import Run, new_run_path, start_info


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

    Raises:
        UserError: bad input.
        Interrupted: Ctrl-C or SIGTERM; `resume` goes on.
    """
    chosen = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    opened = open_corpus(corpus)
    runtime = Runtime.choose(device, threads)
    task = make_task(chosen, opened, runtime)
    parameters = sum(p.numel() for p in task.build_model().parameters())
    path = Path(run) if run is not None else new_run_path(chosen, str(corpus))
    info = start_info(str(corpus), opened, chosen, parameters, runtime)
    created = Run.create(path, chosen, info)
    _continue(created, task, console or Console())
    return created


def resume(
    run: str | Path | Run, *, device: str | None = None, console: Console | None = None
) -> Run:
    """Go on with an interrupted run, as if nothing had happened.

    Args:
        device: None stays on the device that the run began on.

    Raises:
        UserError: nothing to go on with, the run is in use, or its corpus has changed.
        Interrupted: Ctrl-C or SIGTERM again.
    """
    opened = run if isinstance(run, Run) else Run(run)
    if opened.info.state != "finished":
        runtime = Runtime.choose(device or opened.info.device, opened.info.threads)
        _continue(opened, make_task(opened.recipe, opened.corpus(), runtime), console or Console())
    return opened


def _continue(run: Run, task: PhonemeTask, console: Console) -> None:
    with run.locked():
        console.print(
            f"{run.recipe.name} on {run.info.corpus}: {run.info.parameters:,} parameters, "
            f"{len(task.training):,} training frames ({task.training.description}), "
            f"{run.info.hardware} -> {run.path}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        train_loop(run, task, run.recipe, task.runtime, console)
        _score(run, task)
        run.update(state="finished")
        run.checkpoint.unlink(missing_ok=True)


def evaluate(run: str | Path | Run, *, device: str = "auto") -> dict[str, FrameScores]:
    """Score the best weights of a run on its validation and test splits, and keep the scores.

    The best epoch was chosen on validation; test is only ever reported.
    """
    opened = run if isinstance(run, Run) else Run(run)
    with opened.locked():
        _score(opened, make_task(opened.recipe, opened.corpus(), Runtime.choose(device)))
    return opened.scores


def _score(run: Run, task: PhonemeTask) -> None:
    model = TrainedModel(run, task.runtime).model
    scored = {split: task.score(model, split) for split in ("validation", "test")}
    run.write_scores({split: result.scores for split, result in scored.items()})
    test = scored["test"]
    run.write_predictions(
        {
            "utterances": test.utterances,
            "predicted": test.predicted.astype(np.int16),
            "confidence": test.confidence.astype(np.float16),
        }
    )


def predict(run: str | Path | Run, source: str | Path, *, device: str = "auto") -> list[Prediction]:
    """Class probabilities for a file or for a split of the run's corpus.

    Args:
        run: a run, or its folder.
        source: a feature file (.pt, .npy), a recording (.wav, .flac ...), or "train",
            "validation", "test" or "unlabelled".

    Raises:
        UserError: neither a file nor a split, or features of another kind.
    """
    opened = run if isinstance(run, Run) else Run(run)
    trained = TrainedModel(opened, Runtime.choose(device))
    rate = trained.features.frames_per_second
    if Path(source).suffix:
        path = Path(source)
        probabilities = trained.probabilities([read_features(path, trained.features)])
        return [Prediction(path.stem, probabilities, trained.classes, rate)]
    corpus = opened.corpus()
    chosen = utterances_of(opened, corpus, str(source))
    probabilities = trained.probabilities([corpus.frames(int(u)) for u in chosen])
    ends = np.cumsum(corpus.lengths[chosen])
    return [
        Prediction(corpus.ids[u], piece, trained.classes, rate)
        for u, piece in zip(chosen, np.split(probabilities, ends[:-1]), strict=True)
    ]


def submit(
    run: str | Path | Run, path: str | Path, *, split: str = UNLABELLED, device: str = "auto"
) -> int:
    """Write a submission, `Id,Class` for every frame of a split; returns the number of rows.

    Raises:
        UserError: the split is empty or incomplete, or the file cannot be written.
    """
    opened = run if isinstance(run, Run) else Run(run)
    corpus = opened.corpus()
    utterances = utterances_of(opened, corpus, split)
    labels = np.concatenate([p.labels for p in predict(opened, split, device=device)])
    return write_submission(Path(path), corpus, utterances, labels)
