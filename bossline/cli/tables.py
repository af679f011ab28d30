"""What the verbs print: tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from textwrap import fill

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from bossline.core.counting import counted
from bossline.core.progress import duration
from bossline.data.features.spec import FeatureSpec, ImageSpec, TableSpec
from bossline.data.packed import Corpus
from bossline.data.remarks import remarks_on_copies
from bossline.evaluation.classification import ClassificationScores, precision_recall_f1
from bossline.evaluation.comparison import Comparison, paired_difference
from bossline.evaluation.scores import Metric, Scores
from bossline.recipes import catalogue
from bossline.reports.study import StudyTable
from bossline.reports.wording import beside, brought_by, standing, together
from bossline.runs.info import RunInfo
from bossline.runs.run import Run, target_of
from bossline.studies.folds import Folds
from bossline.studies.standings import Standings
from bossline.studies.sweep import Sweep
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.prediction import ClassPrediction, Prediction
from bossline.tasks.speaker.prediction import SpeakerPrediction
from bossline.tasks.speaker.verbs import Identification
from bossline.tasks.speaker.verification.calibration import Threshold
from bossline.tasks.speaker.verification.scores import VerificationScores

SEGMENTS_SHOWN = 200
LIKELIEST_SHOWN = 5
PREDICTIONS_SHOWN = 20


def _table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def _facts(facts: Mapping[str, str]) -> Table:
    """A line a fact."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for fact, value in facts.items():
        table.add_row(fact, escape(value))
    return table


def tasks_table() -> Table:
    """Every recipe with its targets and one sentence. Reads the files only: it is instant."""
    table = _table("recipe", "target", "what it is", right=("target",))
    for name in catalogue.names():
        content = catalogue.read_yaml(catalogue.find(name))
        targets = content.get("target", {})
        shown = "\n".join(f"{score:.5f} ({year})" for year, score in targets.items())
        table.add_row(name, shown, content["about"])
    return table


def corpora_table(corpora: Sequence[tuple[str, Corpus]]) -> Table:
    table = _table("corpus", "size", "hours", "labels", "source", right=("size", "hours"))
    for name, corpus in corpora:
        features = corpus.header.features
        table.add_row(
            name,
            counted(len(corpus), features.item),
            f"{corpus.hours:.2f}" if isinstance(features, FeatureSpec) else "",
            features.target
            if isinstance(features, TableSpec)
            else counted(len(corpus.header.classes), "class"),
            corpus.header.source.path,
        )
    return table


def corpus_table(name: str, corpus: Corpus) -> Table:
    """One corpus, a line a fact."""
    header = corpus.header
    features = header.features
    match features:
        case TableSpec():
            content = _rows_of(corpus, features)
        case ImageSpec():
            content = _images_of(corpus)
        case FeatureSpec():
            content = _utterances_of(corpus)
    facts = {
        "corpus": f"{name} ({header.source.reader})",
        "features": features.describe(),
        **content,
        "note": header.note,
        "folder": str(corpus.path),
    }
    for part in header.parts:
        facts[f"part {part}"] = _part(corpus, part)
    if header.left_out:
        facts["left out"] = f"{len(header.left_out)} damaged {features.item}s"
    if header.passed_over:
        facts["passed over"] = "; ".join(header.passed_over)
    facts["copies"] = "\n".join(remarks_on_copies(corpus))
    return _facts({fact: value for fact, value in facts.items() if value})


def _utterances_of(corpus: Corpus) -> dict[str, str]:
    header, lengths = corpus.header, corpus.lengths
    return {
        "utterances": f"{len(corpus):,}, of {lengths.min()} to {lengths.max()} frames, "
        f"median {np.median(lengths):.0f}",
        "frames": f"{header.frames:,} ({corpus.hours:.2f} hours), {header.labelled_frames:,} "
        "with labels",
        "speakers": f"{len(header.speakers):,}" if header.speakers else "unknown",
        "classes": str(len(header.classes)),
    }


def _rows_of(corpus: Corpus, features: TableSpec) -> dict[str, str]:
    known = corpus.targets[corpus.labelled]
    facts = {
        "rows": f"{len(corpus):,}, {len(known):,} with target",
        "columns": ", ".join(features.columns),
        "target": features.target,
    }
    if len(known):
        facts["target"] += f", mean {known.mean():.4g}, standard deviation {known.std():.4g}"
    return facts


def _images_of(corpus: Corpus) -> dict[str, str]:
    shapes = Counter((height, width) for height, width in corpus.shapes.tolist())
    (height, width), _ = shapes.most_common(1)[0]
    sides = [side for shape in shapes for side in shape]
    size = f"{width} x {height} pixels"
    if len(shapes) > 1:
        size = f"sides of {min(sides)} to {max(sides)} pixels, most often {size}"
    return {
        "images": f"{len(corpus):,}, {corpus.header.labelled_frames:,} with class; {size}",
        "classes": str(len(corpus.header.classes)),
    }


def _part(corpus: Corpus, part: str) -> str:
    """How much there is, and whether it can be learnt from."""
    chosen, features = corpus.part(part), corpus.header.features
    count, known = len(chosen), int(corpus.labelled[chosen].sum())
    text = counted(count, features.item)
    if isinstance(features, FeatureSpec):
        kind = "labelled" if count and known == count else "without labels"
        return f"{text}, {counted(int(corpus.lengths[chosen].sum()), 'frame')}, {kind}"
    what = "target" if isinstance(features, TableSpec) else "class"
    if 0 < known < count:
        return f"{text}, {known:,} with {what}, {count - known:,} without"
    return f"{text}, {'with' if known else 'without'} {what}"


def classes_table(corpus: Corpus) -> Table:
    """Frames or images of each class, most frequent first."""
    counted = "images" if isinstance(corpus.header.features, ImageSpec) else "frames"
    table = _table("class", "name", counted, "share", right=("class", counted, "share"))
    counts = np.array(corpus.header.class_counts)
    for label in counts.argsort(kind="stable")[::-1]:
        share = counts[label] / counts.sum()
        name = corpus.header.classes[label]
        table.add_row(str(label), name, f"{counts[label]:,}", f"{share:.2%}")
    return table


def runs_table(runs: Sequence[Run]) -> Table:
    """The ladder: target, score with interval, parameters, time; fits 80 columns.

    Args:
        runs: finished ones of one measure.
    """
    metric = runs[0].metric
    table = _table(
        "rung", "target", _score_of(metric), "", "size", "time",
        right=("target", "size", "time"),
    )  # fmt: skip
    for run in runs:
        score, target = run.scores["test"].score, target_of(run.recipe)
        table.add_row(
            run.recipe.name,
            f"{target[1]:.4f}" if target else "",
            str(score),
            standing(score, target[1]) if target else "",
            _count(run.info.parameters),
            duration(run.info.seconds or 0),
        )
    editions = {target[0] for run in runs if (target := target_of(run.recipe))}
    notes = [f"target: published score of {', '.join(sorted(editions))}"] if editions else []
    return _with_notes(table, notes + _which_way(metric), [run.info for run in runs])


def folds_table(rungs: Sequence[Folds]) -> Table:
    """A cross-validated ladder: scores over all folds, what a rung gains; fits 80 columns."""
    table = _table(
        "rung", _score_of(rungs[0].metric), "against the rung below", "size, time",
        right=("size, time",),
    )  # fmt: skip
    for below, rung in zip([None, *rungs], rungs, strict=False):
        test = rung.scores["test"]
        table.add_row(
            rung.recipe.name.split("/")[-1],
            str(test.score),
            "" if below is None else _gain(test, below.scores["test"]),
            f"{_count(rung.info.parameters)}\n{duration(rung.info.seconds or 0)}",
        )
    test = rungs[0].scores["test"]
    notes = [f"{len(rungs[0].runs)} folds test {test.counted}, each once; time of all"]
    notes += _which_way(test.measure)
    return _with_notes(table, notes, [rung.info for rung in rungs])


def sweep_table(found: Sweep) -> Table:
    """The cells of a sweep: means over seeds, and how each stands to the reference."""
    table = _table("cell", _score_of(found.metric), "against the reference")
    for place, entry in found.entries.items():
        compared = found.comparisons.get(place)
        table.add_row(
            escape(entry.name),
            f"{entry.score}\nvalidation {found.validation(place):.4f}",
            "" if compared is None else _in_two_lines(compared),
        )
    reference, seeds = found.study.cells[found.study.reference].name, len(found.study.seeds)
    notes = [
        f"{counted(seeds, 'seed')} a cell, scores are means; reference: {reference}",
        f"verdicts {together(len(found.comparisons))}",
        *_which_way(found.metric),
    ]
    return _with_notes(table, notes, [run.info for e in found.entries.values() for run in e.runs])


def standings_table(standings: Standings) -> Table:
    """Recipes held against a reference; fits 80 columns."""
    table = _table("recipe", _score_of(standings.metric), "against the reference")
    for entry, found in zip(standings.entries, [None, *standings.comparisons], strict=True):
        seeds = f"\nseeds {entry.seeds}" if len(entry.runs) > 1 else ""
        table.add_row(
            escape(entry.name),
            f"{entry.score}{seeds}",
            "" if found is None else _in_two_lines(found),
        )
    infos = [run.info for entry in standings.entries for run in entry.runs]
    return _with_notes(table, _which_way(standings.metric), infos)


def study_table(content: StudyTable) -> Table:
    """A table of a study's page: numbers stay on one line, names are folded and never cut."""
    table = _table()
    for number, column in enumerate(content.columns):
        if content.is_numeric(number):
            width = max((len(row[number]) for row in content.rows), default=len(column))
            heading = fill(column, width, break_long_words=False)
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in content.rows:
        table.add_row(*map(escape, row))
    return table


def _score_of(metric: Metric) -> str:
    """The heading of a column of test scores."""
    return f"test {metric.words} [95 %]"


def _which_way(metric: Metric) -> list[str]:
    """A note below a table of scores, where less is better."""
    return [] if metric.higher_is_better else [f"{metric.words}: lower is better"]


def _gain(above: Scores, below: Scores) -> str:
    return _in_two_lines(paired_difference(above, below))


def _in_two_lines(found: Comparison) -> str:
    gain = found.difference
    return f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]\n{found.verdict}"


def _with_notes(table: Table, notes: Sequence[str], infos: Sequence[RunInfo]) -> Table:
    """Notes below a table, and what the corpora have to say."""
    remarks = dict.fromkeys(info.corpus_note for info in infos if info.corpus_note)
    table.caption, table.caption_justify = "\n".join([*notes, *remarks]), "left"
    return table


def _count(number: int) -> str:
    """A number of parameters in six characters.

    >>> _count(552), _count(14377), _count(3781673)
    ('552', '14.4 k', '3.78 M')
    """
    if number < 1000:
        return str(number)
    return f"{number / 1e3:.3g} k" if number < 1e6 else f"{number / 1e6:.3g} M"


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Scores split by split; where smoothing or views decided, what they changed."""
    metric = scores["test"].measure
    table = _table("split", f"{metric.words} [95 %]", *scores["test"].others, "of")
    for split, found in scores.items():
        table.add_row(split, str(found.score), *found.others.values(), found.counted)
    notes = [
        f"{brought_by(lacking)} on test: {paired_difference(scores['test'], before)}"
        for lacking, before in beside(scores).items()
    ]
    return _with_notes(table, notes + _which_way(metric), [])


def per_class_table(scores: ClassificationScores, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, most frequent class first."""
    table = _table(
        "class", scores.unit, "precision", "recall", "F1",
        right=(scores.unit, "precision", "recall", "F1"),
    )  # fmt: skip
    confusion = np.array(scores.confusion)
    rates = np.stack(precision_recall_f1(confusion), axis=1)
    counts = confusion.sum(1)
    for label in counts.argsort(kind="stable")[::-1]:
        shown = [f"{value:.4f}" for value in rates[label]]
        table.add_row(classes[label], f"{counts[label]:,}", *shown)
    return table


def segments_table(prediction: FramePrediction) -> Table:
    """Phones over time."""
    table = _table("from", "to", "phone", "probability", right=("from", "to"), title=prediction.id)
    segments = list(prediction.segments())
    for segment in islice(segments, SEGMENTS_SHOWN):
        table.add_row(
            f"{segment.start:.2f} s", f"{segment.end:.2f} s", segment.phone,
            f"{segment.confidence:.2f}",
        )  # fmt: skip
    if len(segments) > SEGMENTS_SHOWN:
        table.add_row("...", "", f"{len(segments) - SEGMENTS_SHOWN} more: write a file with -o", "")
    return table


def likeliest_table(prediction: ClassPrediction) -> Table:
    """The most probable speakers, or classes of an image."""
    word = "speaker" if isinstance(prediction, SpeakerPrediction) else "class"
    table = _table(word, "probability", right=("probability",), title=prediction.id)
    (row,) = prediction.outputs
    for label in row.argsort(kind="stable")[: -LIKELIEST_SHOWN - 1 : -1]:
        table.add_row(escape(prediction.classes[label]), f"{row[label]:.4f}")
    return table


def predictions_table(predictions: Sequence[Prediction]) -> Table:
    """Many predictions of one kind, a row each: the first of them."""
    columns = predictions[0].columns
    table = _table(*columns, right=("value", "probability"))
    for prediction in predictions[:PREDICTIONS_SHOWN]:
        for record in prediction.records():
            table.add_row(*map(escape, map(str, record)))
    if (more := len(predictions) - PREDICTIONS_SHOWN) > 0:
        table.add_row(f"{more:,} more: write a file with -o")
    return table


def verification_table(scores: VerificationScores) -> Table:
    """Error rates with intervals over speakers, and whom the model knew."""
    trained_on = f"{scores.trained_on:,} of {scores.speakers:,} speakers were trained on"
    if scores.trained_on and scores.score_scale == "as-norm":
        trained_on += ", and are in the cohort"
    return _facts(
        {
            "equal error rate [95 %]": str(scores.equal_error_rate),
            **{
                f"min DCF, p target {cost.p_target:g} [95 %]": str(cost.minimum)
                for cost in scores.min_dcf
            },
            "scores": scores.score_scale,
            "trials": f"{scores.targets:,} target, {scores.nontargets:,} non-target",
            "speakers": trained_on,
        }
    )


def threshold_table(threshold: Threshold) -> Table:
    """A threshold and what it cost on its trials."""
    return _facts(
        {
            "threshold": f"{threshold.value:.4f} ({threshold.score_scale})",
            "false accepts": f"{threshold.false_accept_rate:.2%}, {threshold.false_accepts:,} of "
            f"{threshold.nontargets:,} non-target trials",
            "false rejects": f"{threshold.false_reject_rate:.2%}, {threshold.false_rejects:,} of "
            f"{threshold.targets:,} target trials",
        }
    )


def candidates_table(found: Identification) -> Table:
    """The nearest enrolled speakers."""
    table = _table("speaker", found.score_scale, "enrolled from", right=(found.score_scale,))
    for candidate in found.candidates[:LIKELIEST_SHOWN]:
        enrolment = candidate.enrolment
        table.add_row(escape(enrolment.speaker), f"{candidate.score:.4f}", escape(str(enrolment)))
    return table
