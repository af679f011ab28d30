"""What a search for strings is worth, and how long it takes: one run, searched in many ways.

    python -m benchmarks.decoding runs/boss

Scores are of the validation split, on which a search may be chosen; differences are to the run's
own greedy search, paired by utterance, with Holm's verdicts for the whole table. Times are medians
of several passes over the same utterances, network included, one way after the other in turn.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from benchmarks.common import interleaved, print_table
from bossline.core.runtime import Runtime
from bossline.evaluation.comparison import holm_adjusted, paired_difference
from bossline.models.transcriber import TranscriberConfig
from bossline.runs.engine import searching
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.trained import TrainedModel

GREEDY = "greedy"
CTC = {
    GREEDY: ["kind=greedy"],
    "prefix beam 8": ["kind=prefix-beam"],
    **{f"prefix beam {beam}": ["kind=prefix-beam", f"beam={beam}"] for beam in (2, 4, 16)},
    **{
        f"prefix beam 8, {order}-gram, weight {weight}": [
            "kind=prefix-beam", f"ngram.order={order}", f"ngram.weight={weight}",
            f"bonus={2 * weight:g}",
        ]
        for order, weight in ((2, 0.3), (3, 0.3), (4, 0.3), (4, 0.5), (6, 0.5))
    },
}  # fmt: skip
DECODER = {
    **{f"decoder, beam {beam}": ["kind=beam", "ctc_weight=0", f"beam={beam}"]
        for beam in (1, 4, 8)},
    **{
        f"decoder, beam 8, length penalty {penalty}": [
            "kind=beam", "ctc_weight=0", f"length_penalty={penalty}"
        ]
        for penalty in (0.5, 1.0)
    },
    "decoder, beam 8, coverage 0.05": ["kind=beam", "ctc_weight=0", "coverage=0.05"],
    "decoder, beam 8, end threshold 1.5": ["kind=beam", "ctc_weight=0", "end_threshold=1.5"],
}  # fmt: skip
JOINT = {
    **{
        f"joint, beam 8, CTC {weight}": ["kind=beam", f"ctc_weight={weight}"]
        for weight in (0.1, 0.3, 0.5, 0.7)
    },
    "joint, beam 8, CTC 0.5, 4-gram, weight 0.3": [
        "kind=beam", "ctc_weight=0.5", "ngram.order=4", "ngram.weight=0.3", "length_penalty=1.0",
    ],
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="validation", choices=["validation", "test"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="searches whose names hold this, and greedy")
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    run, runtime = Run(arguments.run), Runtime.choose("cpu", arguments.threads)
    lesson = lesson_of(run.recipe, run.corpus(), runtime)
    model = run.recipe.model
    assert isinstance(model, TranscriberConfig)
    ways = {
        **(CTC if model.ctc else {GREEDY: ["kind=greedy"]}),
        **(DECODER if model.decoder else {}),
        **(JOINT if model.decoder and model.ctc else {}),
    }
    ways = {name: way for name, way in ways.items() if name == GREEDY or arguments.only in name}
    pieces = lesson.pieces(arguments.split)
    trained = {
        name: TrainedModel(run, runtime, searching([run], overrides)[0])
        for name, overrides in ways.items()
    }
    scores = {
        name: lesson.score(one, None, arguments.split).scores for name, one in trained.items()
    }
    seconds = interleaved(
        {name: partial(one.answers, pieces) for name, one in trained.items()}, arguments.rounds
    )
    others = [name for name in ways if name != GREEDY]
    verdicts = holm_adjusted([paired_difference(scores[name], scores[GREEDY]) for name in others])
    told = dict(zip(others, verdicts, strict=True))
    print(f"{run.recipe.name}, {arguments.split}")
    print_table(
        ("search", "PER [95 %]", "to greedy [95 %]", "verdict", "utterances/s"),
        [
            (
                name,
                str(scores[name].score),
                str(told[name].difference) if name in told else "",
                told[name].verdict if name in told else "",
                f"{len(pieces) / seconds[name]:.0f}",
            )
            for name in ways
        ],
    )


if __name__ == "__main__":
    main()
