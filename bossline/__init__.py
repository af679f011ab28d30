"""bossline: from the sample code to past the boss baseline.

>>> import bossline
>>> corpus = bossline.open_corpus("libriphone")            # doctest: +SKIP
>>> run = bossline.train("phoneme/simple", "libriphone")   # doctest: +SKIP
>>> run.scores["test"].score.value                      # doctest: +SKIP
>>> model = bossline.load(run)                             # doctest: +SKIP
>>> model.predict("recording.wav")[0].segments             # doctest: +SKIP
>>> bossline.plot.learning_curves([run])                   # doctest: +SKIP

Names are imported when they are first used, so that `import bossline` does not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bossline.core.errors import UserError
from bossline.version import __version__

if TYPE_CHECKING:
    from bossline import plot
    from bossline.api import (
        align,
        calibrate,
        draw_trials,
        dry_run,
        embed,
        enroll,
        evaluate,
        evaluate_trials,
        identify,
        identify_each,
        label,
        load,
        load_run,
        predict,
        pseudo_label,
        recipe,
        recipe_keys,
        resume,
        submit,
        train,
        verify,
        verify_each,
    )
    from bossline.data.importing import import_corpus
    from bossline.data.packed import Corpus
    from bossline.data.store import list_corpora, open_corpus
    from bossline.data.synthetic.corpus import synth
    from bossline.evaluation.alignment_files import score_alignments
    from bossline.extensions import load_extension
    from bossline.recipes import Recipe, load_recipe
    from bossline.reports.page import write_report
    from bossline.runs.listing import list_runs
    from bossline.runs.loaded import Model
    from bossline.runs.run import Run
    from bossline.studies.ablate import ablate
    from bossline.studies.compare import compare
    from bossline.studies.diagnosis.diagnose import diagnose
    from bossline.studies.ladder import cross_validate, ladder
    from bossline.studies.sweep import sweep
    from bossline.studies.tuning.tune import tune
    from bossline.tasks import register_model, register_schedule, register_task
    from bossline.tasks.alignment.aligned import Aligned
    from bossline.tasks.prediction import Prediction

_HOME = {
    "Aligned": "bossline.tasks.alignment.aligned",
    "Corpus": "bossline.data.packed",
    "Model": "bossline.runs.loaded",
    "Prediction": "bossline.tasks.prediction",
    "Recipe": "bossline.recipes",
    "Run": "bossline.runs.run",
    "ablate": "bossline.studies.ablate",
    "align": "bossline.api",
    "calibrate": "bossline.api",
    "compare": "bossline.studies.compare",
    "cross_validate": "bossline.studies.ladder",
    "diagnose": "bossline.studies.diagnosis.diagnose",
    "draw_trials": "bossline.api",
    "dry_run": "bossline.api",
    "embed": "bossline.api",
    "enroll": "bossline.api",
    "evaluate": "bossline.api",
    "evaluate_trials": "bossline.api",
    "identify": "bossline.api",
    "identify_each": "bossline.api",
    "label": "bossline.api",
    "import_corpus": "bossline.data.importing",
    "ladder": "bossline.studies.ladder",
    "list_corpora": "bossline.data.store",
    "list_runs": "bossline.runs.listing",
    "load": "bossline.api",
    "load_extension": "bossline.extensions",
    "load_recipe": "bossline.recipes",
    "load_run": "bossline.api",
    "open_corpus": "bossline.data.store",
    "predict": "bossline.api",
    "pseudo_label": "bossline.api",
    "recipe": "bossline.api",
    "recipe_keys": "bossline.api",
    "register_model": "bossline.tasks",
    "register_schedule": "bossline.tasks",
    "register_task": "bossline.tasks",
    "resume": "bossline.api",
    "score_alignments": "bossline.evaluation.alignment_files",
    "submit": "bossline.api",
    "sweep": "bossline.studies.sweep",
    "synth": "bossline.data.synthetic.corpus",
    "train": "bossline.api",
    "tune": "bossline.studies.tuning.tune",
    "verify": "bossline.api",
    "verify_each": "bossline.api",
    "write_report": "bossline.reports.page",
}

__all__ = [
    "Aligned",
    "Corpus",
    "Model",
    "Prediction",
    "Recipe",
    "Run",
    "UserError",
    "__version__",
    "ablate",
    "align",
    "calibrate",
    "compare",
    "cross_validate",
    "diagnose",
    "draw_trials",
    "dry_run",
    "embed",
    "enroll",
    "evaluate",
    "evaluate_trials",
    "identify",
    "identify_each",
    "import_corpus",
    "label",
    "ladder",
    "list_corpora",
    "list_runs",
    "load",
    "load_extension",
    "load_recipe",
    "load_run",
    "open_corpus",
    "plot",
    "predict",
    "pseudo_label",
    "recipe",
    "recipe_keys",
    "register_model",
    "register_schedule",
    "register_task",
    "resume",
    "score_alignments",
    "submit",
    "sweep",
    "synth",
    "train",
    "tune",
    "verify",
    "verify_each",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("bossline.plot")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'bossline' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
