"""All that is attacked: sources, packs, runs and recipes, each built once, sound and small."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import yaml

from bossline import api
from bossline.recipes import catalogue, load_recipe
from bossline.tasks.speaker.verification.trials import write_trials
from bossline.training import loop
from bossline.training.contents import ALIGNMENT
from tests.attack import operations
from tests.attack.child import Ended, run_in_child
from tests.attack.operations import NAME, QUIET, Operation
from tests.attack.sources import LAYOUTS, spoken

_NETWORK = ("epochs=2", "precision=float32")
TRAININGS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "phoneme": (
        "libriphone",
        "phoneme/simple",
        (*_NETWORK, "model.width=8", "batches.size=16", "smoothing={kind: viterbi}"),
    ),
    "average": (
        "libriphone",
        "phoneme/simple",
        (*_NETWORK, "model.width=8", "batches.size=16", "averaging={kind: ema, decay: 0.9}"),
    ),
    "speaker": (
        "speaker",
        "speaker/simple",
        (
            *_NETWORK,
            "batches={kind: segments, frames: 8, size: 8, valid_every: 10}",
            "model.encoder={kind: rnn, width: 6, depth: 1}",
            "model.frame_stack=1",
            "model.embedding=6",
        ),
    ),
    "covid": ("covid", "covid/simple", (*_NETWORK, "batches.size=16", "model.network.width=4")),
    "food": (
        "food",
        "food/simple",
        (*_NETWORK, "batches={kind: images, side: 32, size: 8}", "model.width=2"),
    ),
}
"""Of each training the layout, the recipe, and what makes it small."""


@dataclass(frozen=True)
class Target:
    """Something that may be damaged, and what may be done with it afterwards."""

    name: str
    group: str
    """What the counts are kept by: import, pack, run, align, recipe or train."""
    root: Path
    """Copied for each case; attacked are `files` in it."""
    operations: Mapping[str, Operation]
    files: tuple[PurePath, ...] = ()
    layout: str = ""
    """Of a recipe its name, of a training which it is."""
    _clean: dict[str, Ended] = field(default_factory=dict)

    def clean(self, operation: str, scratch: Path) -> Any:
        """The outcome without damage."""
        if operation not in self._clean:
            with copied(self.root, scratch / "clean") as work:
                ended = run_in_child(lambda: self.operations[operation](work))
            if ended.how != "returned":
                raise AssertionError(f"{self.name} {operation}, undamaged: {ended}")
            self._clean[operation] = ended
        return self._clean[operation].value


@contextmanager
def copied(root: Path, work: Path) -> Iterator[Path]:
    """A copy of a folder for one case."""
    _remove(work)
    shutil.copytree(root, work, symlinks=True)
    try:
        yield work
    finally:
        _remove(work)


def _remove(work: Path) -> None:
    """Even folders in folders without end, for each of which rmtree calls itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    shutil.rmtree(work, ignore_errors=True)
    sys.setrecursionlimit(limit)


def _files(root: Path, within: str, *leave: str) -> tuple[PurePath, ...]:
    return tuple(
        PurePath(file.relative_to(root))
        for file in sorted((root / within).rglob("*"))
        if file.is_file() and file.name not in leave
    )


def _made(folder: Path, work: Operation) -> None:
    """Do something in a child that must succeed: this process stays as it is."""
    ended = run_in_child(lambda: work(folder), seconds=120, memory=None)
    if ended.how != "returned":
        raise AssertionError(f"cannot build {folder.name}: {ended.text}")


def _train(training: str) -> Operation:
    _, recipe, overrides = TRAININGS[training]

    def operation(work: Path) -> None:
        operations.work_in(work)
        api.train(recipe, NAME, overrides, run="runs/a", device="cpu", threads=1, console=QUIET)
        if training == "speaker":
            trials = api.draw_trials("runs/a", count=12, split="train")
            write_trials(Path("trials.txt"), trials)
            api.evaluate_trials("runs/a", "trials.txt", score_norm="as-norm")
            api.calibrate("runs/a", "trials.txt", score_norm="as-norm")
            for voice, number in (("zoe", 0), ("ann", 1), ("bob", 2)):
                api.enroll("runs/a", voice, [f"uttr-{number:04x}.pt"])
        operations.report(work)

    return operation


class Stopped(Exception):
    """What ends a training half-way."""


def _train_half(work: Path) -> None:
    """A run with a checkpoint, ended as a crash does."""
    operations.work_in(work)
    loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
    _, recipe, overrides = TRAININGS["average"]

    def stop(epoch: int, score: float) -> None:
        raise Stopped

    try:
        api.train(
            recipe, NAME, overrides, run="runs/a", device="cpu", threads=1, console=QUIET,
            watch=stop,
        )  # fmt: skip
    except Stopped:
        return


def build_sources(folder: Path) -> list[Target]:
    """A target a layout: it is imported."""
    targets = []
    for layout, make in LAYOUTS.items():
        root = folder / layout
        root.mkdir(parents=True)
        make(root / "source")
        actions = {
            "import": operations.import_source,
            "import leniently": operations.import_leniently,
        }
        if layout == "table":
            actions = {
                "import": operations.import_table,
                "import leniently": operations.import_table_leniently,
            }
        files = _files(root, "source")
        targets.append(Target(layout, "import", root, actions, files, layout))
    return targets


def _imported(sources: list[Target], layout: str, root: Path) -> Path:
    source = next(target for target in sources if target.name == layout)
    shutil.copytree(source.root, root)
    _made(root, operations.import_source)
    return root


def build_packs(folder: Path, sources: list[Target]) -> list[Target]:
    """A target a kind of pack: it is opened, imported again, trained on."""
    floors = {
        "libriphone": ("phoneme/floor", "batches.frames=1"),
        "covid": ("covid/floor",),
        "food": TRAININGS["food"][1:2] + TRAININGS["food"][2],
        "speaker": ("speaker/floor",),
        "recordings": ("speaker/floor",),
    }
    targets = []
    for layout, (recipe, *overrides) in floors.items():
        root = _imported(sources, layout, folder / layout)
        actions: dict[str, Operation] = {
            "open": operations.open_pack,
            "import anew": operations.import_anew,
        }
        if layout != "recordings":
            actions["train"] = operations.train_on_pack(recipe, *overrides)
        files = _files(root, "home", ".lock")
        targets.append(Target(f"pack of {layout}", "pack", root, actions, files, layout))
    return targets


def build_runs(folder: Path, sources: list[Target]) -> list[Target]:
    """A target a kind of run: it is scored, reported on, asked, gone on with."""
    targets = []
    actions = {
        "evaluate": operations.evaluate,
        "predict": operations.predict,
        "report": operations.report,
    }
    for training, (layout, _, _) in TRAININGS.items():
        if training == "average":
            continue
        root = _imported(sources, layout, folder / training)
        shutil.rmtree(root / "source")
        _made(root, _train(training))
        more = {}
        if training == "speaker":
            more = {name: getattr(operations, name) for name in ("verify", "identify", "enroll")}
        files = _files(root, "runs", "report.html", "log.txt", ".lock")
        files = tuple(file for file in files if "tensorboard" not in file.parts)
        targets.append(Target(f"run of {training}", "run", root, {**actions, **more}, files))
    root = _imported(sources, "libriphone", folder / "interrupted")
    shutil.rmtree(root / "source")
    _made(root, _train_half)
    files = _files(root, "runs", "log.txt", ".lock")
    files = tuple(file for file in files if "tensorboard" not in file.parts)
    resumed = {"resume": operations.resume}
    targets.append(Target("interrupted run", "run", root, resumed, files))
    return targets


def build_aligning(folder: Path, sources: list[Target]) -> list[Target]:
    """A run that has aligned, and what it aligns."""
    root = _imported(sources, "libriphone", folder / "aligning")
    shutil.rmtree(root / "source")
    spoken(root / "spoken")
    _made(root, _train("phoneme"))
    _made(root, operations.align)
    files = (*_files(root, "spoken"), PurePath("runs/a", ALIGNMENT))
    return [Target("aligning", "align", root, {"align": operations.align}, files, "spoken")]


def build_recipes(folder: Path, sources: list[Target]) -> list[Target]:
    """Recipes of the catalogue as files; and the small trainings, for hostile overrides."""
    targets = []
    for name in catalogue.names():
        root = folder / name.replace("/", "-")
        root.mkdir(parents=True)
        shutil.copyfile(catalogue.FOLDER / f"{name}.yaml", root / "recipe.yaml")
        actions = {"read": operations.read_recipe("recipe.yaml")}
        files = (PurePath("recipe.yaml"),)
        targets.append(Target("recipe", "recipe", root, actions, files, name))
    return targets


def build_trainings(folder: Path, sources: list[Target]) -> list[Target]:
    """Each is trained with one more override than it has."""
    targets = []
    for training, (layout, recipe, overrides) in TRAININGS.items():
        root = _imported(sources, layout, folder / f"train-{training}")
        shutil.rmtree(root / "source")
        targets.append(Target("training", "train", root, {}, (), training))
        spelled = load_recipe(recipe, overrides).model_dump(mode="json")
        (root / "spelled.yaml").write_text(yaml.safe_dump(spelled), encoding="utf-8")
    return targets


def build(folder: Path, groups: frozenset[str]) -> list[Target]:
    """The targets of these groups."""
    sources = build_sources(folder / "import")
    targets = list(sources) if "import" in groups else []
    for group, make in (
        ("pack", build_packs),
        ("run", build_runs),
        ("align", build_aligning),
        ("recipe", build_recipes),
        ("train", build_trainings),
    ):
        if group in groups:
            targets += make(folder / group, sources)
    return targets
