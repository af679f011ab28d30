"""Pseudo-labels (Lee 2013): what a model is sure of becomes training data for the next one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import numpy as np

from bossline.core.errors import UserError, did_you_mean
from bossline.core.runtime import Runtime
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.splits import PSEUDO
from bossline.data.store import check_name, is_packed, pack_path, register
from bossline.data.writer import writing
from bossline.tasks.base import OpenRun
from bossline.tasks.trained import TrainedModel


def pseudo_label(
    run: OpenRun,
    name: str,
    *,
    threshold: float = 0.9,
    part: str = "unlabelled",
    device: str = "auto",
    advance: Callable[[int], None] = lambda images: None,
) -> tuple[Corpus, int, int]:
    """Make a corpus that also holds the unlabelled images that a run is sure of, with its labels.

    They only ever train: splits leave validation and test as they were, so a run on the new corpus
    can be compared with its teacher.

    Args:
        run: the teacher, trained on the corpus whose images are to be labelled.
        name: what the new corpus is called.
        threshold: least probability of a label that is taken.
        part: of the corpus, without labels.
        device: where the teacher computes.
        advance: called with the images written since the last call.

    Returns:
        The corpus, how many images got a label, and of how many.

    Raises:
        UserError: a run of another task, no such part, one with labels, or no image that the run
            is sure of.
    """
    check_name(name)
    if run.task.name != "food":
        raise UserError(f"{run.path} is of the task {run.task.name}: pseudo-labels are for images")
    corpus = run.corpus()
    chosen = corpus.part(part) if part in corpus.header.parts else np.zeros(0, np.int64)
    if not len(chosen) or corpus.labelled[chosen].any():
        bare = [p for p in corpus.header.parts if not corpus.labelled[corpus.part(p)].any()]
        raise UserError(
            f"corpus '{run.corpus_name}' has no unlabelled part '{part}': "
            f"{did_you_mean(part, bare)}"
        )
    trained = TrainedModel(run, Runtime.choose(device))
    outputs = trained.answers(run.task.pieces(corpus, chosen)).array
    sure = np.flatnonzero(outputs.max(1) >= threshold)
    if not len(sure):
        raise UserError(
            f"{run.path} gives no image of part '{part}' a probability of {threshold:g}; the "
            f"highest is {outputs.max():.3f}: lower the threshold, or train a better teacher"
        )
    pseudo = dict(zip(chosen[sure].tolist(), outputs[sure].argmax(1).tolist(), strict=True))
    options: dict[str, str | int | float | bool] = {
        "teacher": run.path.resolve().name,
        "threshold": threshold,
        "part": part,
    }
    content = json.dumps([corpus.key, options, sorted(pseudo.items())])
    pack = pack_path(hashlib.sha256(content.encode()).hexdigest())
    if not is_packed(pack):
        note = f"{len(sure):,} pseudo-labels of {run.path.resolve().name} at {threshold:g} or more"
        with writing(
            pack,
            features=corpus.header.features,
            classes=corpus.header.classes,
            source=Source(reader="pseudo-labels", path=str(run.path), options=options),
            note="; ".join(filter(None, (corpus.header.note, note))),
        ) as writer:
            for item, id in enumerate(corpus.ids):
                category = int(corpus.categories[item])
                writer.add(
                    id,
                    corpus.image(item),
                    part=corpus.header.parts[corpus.parts[item]],
                    category=category if category >= 0 else None,
                )
                if item in pseudo:
                    writer.add(
                        f"{PSEUDO}/{id}",
                        corpus.image(item),
                        part=PSEUDO,
                        category=pseudo[item],
                    )
                advance(1)
    register(name, pack)
    return Corpus(pack, name), len(sure), len(chosen)
