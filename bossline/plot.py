"""The reports' figures, and a recording's, for a notebook: each function returns a matplotlib
Figure."""

from bossline.figures.classes import per_class
from bossline.figures.confusion import confusion
from bossline.reports.curves import learning_curves, learning_rate
from bossline.reports.ladder import ladder
from bossline.runs.pictured import pictured
from bossline.tasks.phoneme.pictures import example, example_of

__all__ = [
    "confusion",
    "example",
    "example_of",
    "ladder",
    "learning_curves",
    "learning_rate",
    "per_class",
    "pictured",
]
