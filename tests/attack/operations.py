"""What is done with a data set, a pack, a run or a recipe, and its outcome as plain values.

Two outcomes are equal where all that a user could tell apart is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.readers.base import TableOptions
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.recipes.loading import save_recipe
from bossline.reports.page import write_report
from bossline.runs.run import Run

QUIET = Console(quiet=True)
NAME = "attacked"

Operation = Callable[[Path], Any]
"""Takes the working folder of a case, in which home/ is the cache of corpora."""


def _digest(*arrays: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        contiguous = np.ascontiguousarray(array)
        digest.update(f"{contiguous.dtype} {contiguous.shape}".encode())
        digest.update(contiguous.tobytes())
    return digest.hexdigest()[:16]


def content_of(corpus: Corpus) -> dict[str, Any]:
    """Item by item what a corpus holds."""
    header = corpus.header
    items = {}
    for number, id in enumerate(corpus.ids):
        speaker = int(corpus.speakers[number])
        name = header.speakers[speaker] if speaker >= 0 else ""
        frames = corpus.frames(number)
        if header.features.kind not in ("image", "table"):
            # One number that half precision cannot hold, and all frames are kept in single.
            with np.errstate(over="ignore"):
                frames = frames.astype(np.float16)
        values: list[Any] = [frames, list(name.encode())]
        match header.features.kind:
            case "image":
                values += [corpus.categories[number], corpus.shapes[number]]
            case "table":
                values.append(corpus.targets[number])
            case _:
                values.append(corpus.frame_labels(number))
        items[f"{header.parts[corpus.parts[number]]}/{id}"] = _digest(*values)
    return {
        "items": items,
        "features": header.features.model_dump(mode="json"),
        "classes": [header.classes, sorted(header.speakers), sorted(header.parts)],
        "left out": [[entry.part, entry.id] for entry in header.left_out],
        # What a header says only where there is something to say.
        "passed over": list(header.model_dump().get("passed_over", ())),
    }


def work_in(work: Path) -> None:
    """Let this process's cache and runs lie in a folder."""
    os.environ["BOSSLINE_HOME"] = str(work / "home")
    os.chdir(work)


def import_source(work: Path) -> Any:
    work_in(work)
    return content_of(import_corpus(work / "source", NAME))


def import_leniently(work: Path) -> Any:
    """Damaged items are left out, and said to be."""
    work_in(work)
    return content_of(import_corpus(work / "source", NAME, skip_damaged=True))


def import_table(work: Path) -> Any:
    work_in(work)
    return content_of(import_corpus(work / "source", NAME, table=TableOptions("price")))


def import_table_leniently(work: Path) -> Any:
    """See `import_leniently`."""
    work_in(work)
    table = TableOptions("price")
    return content_of(import_corpus(work / "source", NAME, table=table, skip_damaged=True))


def open_pack(work: Path) -> Any:
    """Opened, and its bytes held against the header's hashes; what --verify refuses is refused."""
    work_in(work)
    corpus = open_corpus(NAME)
    content = content_of(corpus)
    corpus.verify()
    return content


def import_anew(work: Path) -> Any:
    """Onto a pack that is there already, perhaps damaged."""
    work_in(work)
    corpus = import_corpus(work / "source", NAME)
    content = content_of(corpus)
    corpus.verify()
    return content


def train_on_pack(recipe: str, *overrides: str) -> Operation:
    """Trained; whether there are scores, for a damaged frame may well change them."""

    def operation(work: Path) -> Any:
        work_in(work)
        run = api.train(
            recipe, NAME, overrides, run="runs/new", device="cpu", threads=1, console=QUIET
        )
        return sorted(run.scores)

    return operation


def _scores(found: dict[str, Any]) -> Any:
    return {split: scores.model_dump(mode="json") for split, scores in found.items()}


def evaluate(work: Path) -> Any:
    work_in(work)
    return _scores(api.evaluate("runs/a", device="cpu"))


def predict(work: Path) -> Any:
    work_in(work)
    found = api.predict("runs/a", "test", device="cpu")
    return [[prediction.id, _digest(prediction.outputs)] for prediction in found]


def align(work: Path) -> Any:
    """Words and phones with their times, by a run's own knowledge and a dictionary."""
    work_in(work)
    model = api.load("runs/a", device="cpu")
    found = model.align("spoken", dictionary="spoken/own.dict")
    return [
        [one.id, [[w.word, f"{w.start:.3f}", [p.phone for p in w.phones]] for w in one.words]]
        for one in found
    ]


def report(work: Path) -> Any:
    """The scores that it shows; a report does without what else it cannot read."""
    work_in(work)
    run = Run("runs/a")
    write_report([run], run.path / "report.html")
    return _scores(run.scores)


def resume(work: Path) -> Any:
    work_in(work)
    run = api.resume("runs/a", device="cpu", console=QUIET)
    return outcome_of(run.path)


def outcome_of(path: Path) -> dict[str, Any]:
    """All of a finished run that must not depend on interruptions."""
    run = Run(path)
    records = run.metrics()
    for record in records:
        record.pop("seconds", None)
        record.pop("per_second", None)
    weights = path / "best.safetensors"
    return {
        "weights": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "scores": _scores(run.scores),
        "metrics": records,
    }


def verify(work: Path) -> Any:
    work_in(work)
    found = api.verify("runs/a", "uttr-0000.pt", "uttr-0003.pt", device="cpu")
    threshold = found.threshold and found.threshold.model_dump(mode="json")
    return [f"{found.cosine:.4f}", f"{found.score:.4f}", threshold]


def identify(work: Path) -> Any:
    work_in(work)
    found = api.identify("runs/a", "uttr-0000.pt", device="cpu")
    return [[str(c.enrolment), c.enrolment.speaker, f"{c.score:.4f}"] for c in found.candidates]


def enroll(work: Path) -> Any:
    work_in(work)
    api.enroll("runs/a", "new", ["uttr-0005.pt"], device="cpu")
    return identify(work)


def read_recipe(name: str, overrides: tuple[str, ...] = ()) -> Operation:
    """Read, written and read again: the same."""

    def operation(work: Path) -> Any:
        work_in(work)
        recipe = load_recipe(name, overrides)
        dumped = recipe.model_dump(mode="json")
        saved = work / "saved.yaml"
        save_recipe(recipe, saved)
        try:
            again = load_recipe(str(saved)).model_dump(mode="json")
        except UserError as error:
            raise AssertionError(f"what was read cannot be read again: {error}") from error
        assert again == dumped, "another recipe when written and read again"
        return dumped

    return operation
