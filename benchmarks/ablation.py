"""What each regulariser and each smoother is worth: one at a time, on and off, paired intervals.

    python -m benchmarks.ablation --corpus libriphone

Every row is a run below runs/ablation/, of one seed: trained, gone on with, or found finished. The
interval is over test utterances and knows nothing of seeds; the first row, the base again from
another seed, shows what that leaves out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from benchmarks.common import print_table
from bossline import api
from bossline.evaluation.comparison import paired_difference
from bossline.evaluation.scores import Scores
from bossline.runs.run import Run
from bossline.tasks.trained import Smoothing

FOLDER = Path("runs/ablation")

LSTM = (
    "epochs=8",
    "model.frame_stack=3",
    "model.encoder.depth=2",
    "model.encoder.width=128",
    "model.encoder.front_width=64",
)
CONFORMER = (
    "epochs=8",
    "model.frame_stack=3",
    'model.encoder={"kind": "conformer", "depth": 4, "width": 96, "kernel": 15}',
)
MLP = ("epochs=3", "model.width=512", "model.depth=3", "batches.frames=31", "batches.size=1024")

BASES = {
    "BiLSTM": ("phoneme/boss-small", LSTM),
    "Conformer": ("phoneme/boss-small", CONFORMER),
    "MLP": ("phoneme/strong", MLP),
}
ROWS = {
    "another seed": ("BiLSTM", ("seed=2",)),
    "dropout 0.3 -> 0": ("BiLSTM", ("model.dropout=0", "model.encoder.dropout=0")),
    "label smoothing 0.1": ("BiLSTM", ("objective.label_smoothing=0.1",)),
    "time masks": ("BiLSTM", ("augment={kind: spec-augment, time_masks: {density: 0.02}}",)),
    "frequency masks": (
        "BiLSTM",
        ("augment={kind: spec-augment, frequency_masks: {count: 1, share: 1.0}}",),
    ),
    "time warp": ("BiLSTM", ("augment={kind: spec-augment, time_warp: {frames: 60}}",)),
    "EMA of weights": ("BiLSTM", ("averaging.kind=ema", "averaging.decay=0.995")),
    "SWA of weights": ("BiLSTM", ("averaging.kind=swa",)),
    "stochastic depth 0.1": ("Conformer", ("model.encoder.drop_path=0.1",)),
}
SMOOTHERS: tuple[Smoothing, ...] = ("median", "viterbi")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    console = Console()

    def trained(name: str, base: str, overrides: tuple[str, ...] = ()) -> Run:
        path = FOLDER / name.replace(" ", "-").replace("->", "to")
        if (path / "run.json").is_file():
            return api.resume(path, console=console)
        recipe, shared = BASES[base]
        return api.train(
            recipe,
            arguments.corpus,
            (*shared, *overrides),
            run=path,
            threads=arguments.threads,
            device="cpu",
            console=console,
        )

    def row(name: str, base: str, scores: Scores, against: Scores) -> list[str]:
        found = paired_difference(scores, against)
        difference = found.difference
        return [
            name,
            base,
            f"{scores.score.value:.4f}",
            f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]",
            found.verdict,
        ]

    bases = {base: trained(base, base) for base in BASES}
    table = [[base, base, str(run.scores["test"].score), "", ""] for base, run in bases.items()]
    for name, (base, overrides) in ROWS.items():
        run = trained(name, base, overrides)
        table.append(row(name, base, run.scores["test"], bases[base].scores["test"]))
    for base, run in bases.items():
        for smoother in SMOOTHERS:
            smoothed = api.evaluate(run, smoothing=smoother, device="cpu")["test"]
            table.append(row(f"{smoother} smoothing", base, smoothed, run.scores["test"]))
    print_table(("what", "base", "test accuracy", "difference [95 %]", "verdict"), table)


if __name__ == "__main__":
    main()
