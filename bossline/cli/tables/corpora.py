"""What is in a corpus. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.core.counting import counted
from bossline.data.features.spec import FeatureSpec, ImageSpec, TableSpec
from bossline.data.packed import Corpus
from bossline.data.remarks import remarks_on_copies

_NOTICED_SHOWN = 20


def corpora_table(corpora: Sequence[tuple[str, Corpus]]) -> Table:
    table = new_table("corpus", "size", "hours", "labels", "source", right=("size", "hours"))
    for name, corpus in corpora:
        features = corpus.header.features
        table.add_row(
            name,
            counted(len(corpus), features.item),
            f"{corpus.hours:.2f}" if isinstance(features, FeatureSpec) else "",
            features.target if isinstance(features, TableSpec) else _labels_of(corpus),
            corpus.header.source.path,
        )
    return table


def _labels_of(corpus: Corpus) -> str:
    """What there is to learn, apart from a target."""
    header = corpus.header
    known = {
        "class": header.classes, "speaker": header.speakers, "phone": header.vocabulary,
    }  # fmt: skip
    return ", ".join(counted(len(names), what) for what, names in known.items() if names)


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
    facts["listen to"] = "\n".join(header.noticed[:_NOTICED_SHOWN])
    if (more := len(header.noticed) - _NOTICED_SHOWN) > 0:
        facts["listen to"] += f"\nand {more:,} more"
    facts["copies"] = "\n".join(remarks_on_copies(corpus))
    return facts_table({fact: value for fact, value in facts.items() if value})


def _utterances_of(corpus: Corpus) -> dict[str, str]:
    header, lengths = corpus.header, corpus.lengths
    return {
        "utterances": f"{len(corpus):,}, of {lengths.min()} to {lengths.max()} frames, "
        f"median {np.median(lengths):.0f}",
        "frames": f"{header.frames:,} ({corpus.hours:.2f} hours)"
        + (f", {header.labelled_frames:,} with labels" if header.classes else ""),
        "speakers": f"{len(header.speakers):,}" if header.speakers else "unknown",
        "classes": str(len(header.classes)) if header.classes else "",
        "strings": _strings_of(corpus),
    }


def _strings_of(corpus: Corpus) -> str:
    if not (names := corpus.header.vocabulary):
        return ""
    known = np.flatnonzero(corpus.has_string)
    count = sum(len(corpus.string(int(u))) for u in known)
    of = counted(len(names), "phone")
    return f"of {counted(len(known), 'utterance')}, {counted(count, 'symbol')} of {of}"


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
        facts = [text, counted(int(corpus.lengths[chosen].sum()), "frame")]
        if corpus.header.classes:
            partly = f"{known:,} of them labelled"
            facts.append(partly if 0 < known < count else "labelled" if known else "without labels")
        if corpus.header.vocabulary:
            facts.append(f"{int(corpus.has_string[chosen].sum()):,} with strings")
        if corpus.header.speakers:
            spoken = np.unique(corpus.speakers[chosen])
            heard = int((spoken >= 0).sum())
            facts.append(f"of {counted(heard, 'speaker')}" if heard else "of nobody known")
        return ", ".join(facts)
    what = "target" if isinstance(features, TableSpec) else "class"
    if 0 < known < count:
        return f"{text}, {known:,} with {what}, {count - known:,} without"
    return f"{text}, {'with' if known else 'without'} {what}"


def classes_table(corpus: Corpus) -> Table:
    """Frames or images of each class, most frequent first."""
    counted = "images" if isinstance(corpus.header.features, ImageSpec) else "frames"
    table = new_table("class", "name", counted, "share", right=("class", counted, "share"))
    counts = np.array(corpus.header.class_counts)
    for label in counts.argsort(kind="stable")[::-1]:
        share = counts[label] / counts.sum()
        name = corpus.header.classes[label]
        table.add_row(str(label), name, f"{counts[label]:,}", f"{share:.2%}")
    return table
