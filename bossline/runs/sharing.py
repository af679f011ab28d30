"""A run to pass on: half the bytes, what it was made with, and a card that says how good it is."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load, save

from bossline.core.errors import UserError
from bossline.core.files import creating_folder
from bossline.core.reading import text_of
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.evaluation.scores import Scores
from bossline.recipes.loading import save_recipe
from bossline.recipes.naming import full_name
from bossline.runs.aligning import knowledge_of
from bossline.runs.engine import evaluate, searching
from bossline.runs.info import write_info
from bossline.runs.run import Run, save_scores
from bossline.tasks import lesson_of
from bossline.tasks.recipe import Recipe
from bossline.tasks.trained import TrainedModel
from bossline.training.contents import (
    ALIGNMENT,
    INFO,
    PHONES,
    RECIPE,
    SCORES,
    SMOOTHING,
    THRESHOLD,
    WEIGHTS,
)

CARD = "README.md"
_TAKEN = (RECIPE, SCORES, SMOOTHING, PHONES, THRESHOLD, ALIGNMENT)


def share(
    run: str | Path | Run,
    output: Path,
    *,
    decoding: Sequence[str] = (),
    calibrate: str | Path | Corpus | None = None,
    licence: str = "",
    remarks: Path | None = None,
) -> Path:
    """Write a folder that answers as the run does, without what only its owner needs.

    It holds the recipe, the scores, what decides beside the model, the weights as float16, and a
    model card. The folder is a run: every verb that asks a run takes it.

    Args:
        run: that is finished.
        output: the folder, which is not there yet; its last part is what the model is called.
        decoding: of strings: "beam=16" and the like, the search that it is to ask for from now on;
            it is scored anew by that.
        calibrate: a corpus with strings, none of which the run has learnt from: confidence is to be
            true there, by the search that is asked for.
        licence: of the weights, as the data allow it; "" says that none is given.
        remarks: a file of Markdown that becomes part of the card.

    Raises:
        UserError: the run is not finished or damaged, a weight is beyond float16, the corpus to
            calibrate on has other features or phones, the remarks cannot be read, or the folder
            cannot be written.
    """
    run = Run.of(run)
    if not run.is_finished:
        raise UserError(f"{run.path} is not finished: resume it first (bossline train --resume)")
    runtime = Runtime.choose("cpu")
    (recipe,), scores = searching([run], decoding), run.scores
    model = TrainedModel(run, runtime, recipe)
    model.equip()  # nobody should find it damaged later
    if model.frame_classes:
        knowledge_of(run, model)  # so that it aligns without the corpus
    files = {name: run.read(name) for name in _TAKEN if name in run.info.sha256}
    weights = _halved(run)
    if calibrate is not None:
        weights |= _calibration(model, open_corpus(calibrate), runtime)
    files[WEIGHTS] = save(weights)
    words = "" if remarks is None else text_of(remarks)
    if decoding:
        scores = evaluate(run, decoding=decoding)
        files |= lesson_of(recipe, run.corpus(), runtime).learn()
    recipe = run.task.to_pass_on(recipe)
    with creating_folder(output) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        save_recipe(recipe, folder / RECIPE)
        if decoding:
            save_scores(scores, folder / SCORES)
        known = {
            name: (hashlib.sha256((folder / name).read_bytes()).hexdigest(),) for name in files
        }
        write_info(folder / INFO, run.info.model_copy(update={"sha256": known}))
        card = _card(run, recipe, scores, output.name, len(files[WEIGHTS]), licence, words)
        (folder / CARD).write_text(card, encoding="utf-8")
    return output


def _halved(run: Run) -> dict[str, torch.Tensor]:
    """
    Raises:
        UserError: a weight that float16 cannot hold.
    """
    weights = load(run.read(WEIGHTS))
    for name, tensor in weights.items():
        if tensor.dtype == torch.float32:
            weights[name] = tensor.half()
            if not torch.isfinite(weights[name]).all():
                raise UserError(f"{run.path / WEIGHTS}: {name} has numbers beyond float16")
    return weights


def _calibration(model: TrainedModel, corpus: Corpus, runtime: Runtime) -> dict[str, torch.Tensor]:
    """
    Raises:
        UserError: a corpus that does not suit the model.
    """
    run = model.run
    for what, own, other in (
        ("features", run.features, corpus.header.features),
        ("phones", run.classes, run.task.classes(corpus)),
    ):
        if own != other:
            raise UserError(
                f"corpus '{corpus.name}' has other {what} than {run.path}: import it with --like "
                f"{run.path} and the phones of the run as --vocabulary"
            )
    found = run.task.calibration(model.model, corpus, model.recipe, runtime)
    return {name: tensor.half() for name, tensor in found.items()}


def features_hash(run: Run) -> str:
    """Of what frames or pixels are: models of equal hashes take the same features.

    Returns:
        12 hexadecimal digits.
    """
    told = json.dumps(run.features.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _card(
    run: Run,
    recipe: Recipe,
    scores: Mapping[str, Scores],
    name: str,
    size: int,
    licence: str,
    words: str,
) -> str:
    """Markdown, with what Hugging Face reads of a model card before it."""
    info = run.info
    facts = {
        "Task": recipe.task,
        "Recipe": f"`{full_name(recipe)}`, seed {recipe.seed}, {recipe.epochs} epochs",
        "Trained on": f"{info.corpus}" + (f" ({info.corpus_note})" if info.corpus_note else ""),
        "Begun from": "; ".join(str(origin) for origin in info.origins) or "fresh weights",
        "Answers": f"{len(run.classes)} classes: {', '.join(run.classes)}" if run.classes else "",
        "Features": f"{run.features.describe()} (hash {features_hash(run)})",
        "Size": f"{info.parameters:,} parameters, {math.ceil(size / 1e5) / 10:g} MB as float16",
        "Trained for": f"{info.seconds or 0:,.0f} s on {info.hardware}",
        "Made with": f"bossline {info.version}, torch {info.torch}",
        "Licence": licence or "none given",
    }
    example = "recording.wav" if run.features.item == "utterance" else "FILE"
    lines = [
        "---",
        f"license: {json.dumps('-'.join(licence.lower().split()) or 'unknown')}",
        "library_name: bossline",
        "---",
        "",
        f"# {name}",
        "",
        "```bash",
        f"bossline predict {name} {example}",
        "```",
        "",
        *(["", words.strip(), ""] if words.strip() else []),
        "| | |",
        "| --- | --- |",
        *(f"| {what} | {said} |" for what, said in facts.items() if said),
        "",
        "## Scores",
        "",
        "Of the run's own splits, before the weights were rounded to float16; intervals are of "
        "95 %.",
        "",
        f"| split | {run.metric.words} | items |",
        "| --- | --- | --- |",
        *(f"| {split} | {found.score} | {len(found.ids):,} |" for split, found in scores.items()),
        "",
    ]
    return "\n".join(lines)
