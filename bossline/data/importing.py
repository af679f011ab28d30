"""From a source's own files to a packed corpus: checked frame by frame, once per content."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable
from bossline.core.processes import in_order
from bossline.core.reading import let_go, open_file, reason
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.header import FORMAT, Source
from bossline.data.loading import Loaded, Loading, load_all
from bossline.data.packed import Corpus
from bossline.data.phone_maps import KEEP, phone_map
from bossline.data.readers import choose_reader
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    RecordingOptions,
    TableOptions,
)
from bossline.data.speeds import check_speeds, is_copy
from bossline.data.store import check_name, is_packed, pack_path, register
from bossline.data.strings import StringSource
from bossline.data.timelines import Labels, Timeline
from bossline.data.writer import writing

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many files or items are done, and of how many."""

_AHEAD = 64  # files given to the threads at a time: what Ctrl-C waits for
_SHOWN = 20


def import_corpus(
    path: Path,
    name: str,
    *,
    reader: str | None = None,
    deltas: Literal["keep", "time"] = "keep",
    speeds: Sequence[float] = (),
    strings: Sequence[Path] = (),
    vocabulary: Path | None = None,
    phones: str = KEEP,
    recordings: RecordingOptions = RecordingOptions(),
    table: TableOptions = TableOptions(),
    skip_damaged: bool = False,
    fresh: bool = False,
    note: str = "",
    processes: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Corpus:
    """Make a packed corpus of a folder and let `name` point to it.

    The pack is named by the content of the source's files and by the options; where it exists
    already nothing but the files' bytes is read.

    Args:
        path: the source's folder.
        name: what the corpus is called from now on; an old corpus of this name is let go.
        reader: the layout; None recognises it.
        deltas: "time" replaces deltas along the coefficient axis by those over time.
        speeds: at which recordings are kept once more, beside the speed that they have.
        strings: files or folders of what is said in utterances; see strings.py.
        vocabulary: a file of all phones that strings may hold, in their order, one a line.
        phones: how phones are folded, in strings and in classes that have names; see phone_maps.py.
        recordings: what their frames are, where labels over time are, and which of them.
        table: of a table of one's own: the column that is to be foretold, and that of ids.
        skip_damaged: leave damaged items out, and say so in the header, instead of failing.
        fresh: import again even if the pack exists.
        note: a remark that every report repeats, e.g. on where the labels come from.
        processes: how many read files; None: one a core where that is sooner, else this one.
        progress: told how far things are.

    Raises:
        UserError: anything wrong with the source, all problems in one message, or with the disk.
    """
    check_name(name)
    path = path.expanduser().absolute()
    chosen = choose_reader(path, reader).told(recordings).with_columns(table)
    options: dict[str, str | int | float | bool] = {"deltas": deltas, "skip_damaged": skip_damaged}
    if speeds:
        try:
            options["speeds"] = ",".join(f"{speed:g}" for speed in check_speeds(speeds))
        except ValueError as error:
            raise UserError(f"--speed: {error}") from error
    if phones != KEEP:
        options["phones"] = printable(phones)
    if recordings.features is not None:
        options["features"] = recordings.features.describe()
    if recordings.tier is not None:
        options["tier"] = printable(recordings.tier)
    if recordings.speaker is not None:
        options["speaker_pattern"] = printable(recordings.speaker.pattern)
    if table.target is not None:
        options["target"] = printable(table.target)
    if table.id is not None:
        options["id"] = printable(table.id)
    beside = _beside(strings, vocabulary, phones)
    with _within_memory(chosen, path), ThreadPoolExecutor(os.cpu_count()) as threads:
        told: list[object] = [options, note]
        if beside is not None:
            names, files = beside.files()
            digests = [*in_order(threads, _digest, files, _AHEAD)]
            told.append([beside.folding and beside.folding.table, names, digests])
        key = _fingerprint(path, chosen, told, threads, progress)
        pack = pack_path(key)
        if fresh or not is_packed(pack):
            source = Source(reader=chosen.name, path=printable(str(path)), options=options)
            listing = chosen.scan(path)
            if beside is not None:
                listing, said = beside.join(path, listing)
                note = "; ".join(filter(None, (said, note)))
            if speeds:
                listing.items.extend(chosen.at_speeds(path, listing.items, speeds))
            loading = Loading(listing.features, rebuild=deltas == "time")
            results = load_all(loading, listing.items, threads, processes)
            with closing(results):
                _pack(pack, path, listing, source, note, results, progress)
        corpus = Corpus(pack, name)
    register(name, pack)
    return corpus


def _beside(strings: Sequence[Path], vocabulary: Path | None, phones: str) -> StringSource | None:
    """
    Raises:
        UserError: no such mapping of phones, or a vocabulary of nothing.
    """
    folding = phone_map(phones)
    if vocabulary is not None and not strings:
        raise UserError("--vocabulary lists the phones of --strings: give those as well")
    if not strings and folding is None:
        return None
    paths = tuple(given.expanduser().absolute() for given in strings)
    return StringSource(paths, vocabulary and vocabulary.expanduser().absolute(), folding)


@contextmanager
def _within_memory(reader: Reader, path: Path) -> Iterator[None]:
    """
    Raises:
        UserError: what the source's files list or hold is larger than the memory.
    """
    try:
        yield
    except MemoryError as error:
        let_go(error)
        size, file = max((file.stat().st_size, file) for file in reader.files(path))
        raise UserError(
            f"{path}: there is not enough memory to take apart what its files list; the largest of "
            f"them is {printable(file.name)}, {size:,} bytes"
        ) from error


def _digest(file: Path) -> str:
    """SHA-256, or why there is none: whoever reads the file later says so, of a single item."""
    try:
        with open_file(file) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return reason(error)


def _fingerprint(
    path: Path, reader: Reader, options: object, threads: Executor, progress: Progress
) -> str:
    """SHA-256 over all that decides what the pack will hold."""
    files = reader.files(path)
    contents = []
    for file, digest in zip(files, in_order(threads, _digest, files, _AHEAD), strict=True):
        contents.append([os.path.relpath(file, path), digest])
        progress("reading", len(contents), len(files))
    return hashlib.sha256(json.dumps([FORMAT, reader.name, options, contents]).encode()).hexdigest()


def _pack(
    pack: Path,
    path: Path,
    listing: Listing,
    source: Source,
    note: str,
    results: Iterator[Loaded],
    progress: Progress,
) -> None:
    """
    Args:
        results: what became of the listing's items, in their order.
    """
    rebuild = source.options["deltas"] == "time"
    features = _with_time_deltas(path, listing.features) if rebuild else listing.features
    problems = defaultdict[tuple[str, str], list[Problem]](list)
    for problem in listing.problems:
        problems[problem.part, problem.id].append(problem)

    with writing(
        pack,
        features=features,
        classes=listing.classes,
        source=source,
        note=note,
        speakers=listing.speakers,
        vocabulary=listing.vocabulary,
        passed_over=listing.passed_over,
    ) as writer:
        packed = 0
        for done, (item, (values, faults, known, noticed)) in enumerate(
            zip(listing.items, results, strict=True), start=1
        ):
            key = item.part, item.id
            for why in faults:
                problems[key].append(Problem(item.source, why, item.id, item.part))
            if values is not None and key not in problems:
                writer.add(
                    item.id,
                    values,
                    part=item.part,
                    labels=_of_frames(item, features, len(values)),
                    string=item.string,
                    speaker=item.speaker,
                    category=item.category,
                    target=item.target,
                    known=known,
                )
                packed += 1
                if not is_copy(item.part):  # what is odd about a recording is so at all speeds
                    for what in noticed:
                        writer.notice(printable(f"{item.source}: {what}"))
            progress("importing", done, len(listing.items))
        _settle(path, problems, bool(source.options["skip_damaged"]), features.item)
        if not packed:
            raise UserError(f"{path}: no {features.item} is left to import")
        for (part, id), found in problems.items():
            writer.leave_out(printable(id), part=part, why="; ".join(map(str, found)))


def _of_frames(item: Item, features: Features, count: int) -> Labels | None:
    """The labels of an item's frames."""
    if isinstance(item.labels, Timeline):
        assert isinstance(features, FeatureSpec)  # what has frames
        return item.labels.of_frames(features, count)
    return item.labels


def _settle(
    path: Path,
    problems: dict[tuple[str, str], list[Problem]],
    skip_damaged: bool,
    item: str,
) -> None:
    """
    Args:
        item: what a single one is called.

    Raises:
        UserError: problems that are not to be left out, or cannot be.
    """
    found = [problem for group in problems.values() for problem in group]
    fatal = [problem for problem in found if not (skip_damaged and problem.id)]
    if not fatal:
        return
    count = counted(len(fatal), "problem")
    advice = "mend them" if len(fatal) > 1 else "mend it"
    if skip_damaged:
        advice += f"; --skip-damaged leaves out single {item}s only"
    elif any(problem.id for problem in fatal):
        advice += f", or leave the damaged {item}s out with --skip-damaged"
    lines = [f"{count} in {path}: {advice}", *(f"  {problem}" for problem in fatal[:_SHOWN])]
    if len(fatal) > _SHOWN:
        lines.append(f"  and {len(fatal) - _SHOWN} more")
    raise UserError("\n".join(lines))


def _with_time_deltas(path: Path, features: Features) -> Features:
    if not (
        isinstance(features, FeatureSpec)
        and (features.kind, features.dim, features.deltas) == ("mfcc", 39, "coefficient")
    ):
        raise UserError(
            f"{path}: deltas over time can be rebuilt only for 39 MFCC with deltas over "
            f"coefficient; these features are: {features.describe()}"
        )
    return features.model_copy(update={"deltas": "time"})
