"""Labels for frames that have none: from what is said alone, then by a network that learns them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.progress import bar
from bossline.core.runtime import Runtime
from bossline.core.terminal import terminal
from bossline.data.features.cmvn import cmvn
from bossline.data.features.deltas import TIME, with_deltas
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import FORMAT, Source
from bossline.data.packed import Corpus, Ints
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.store import check_name, is_packed, open_corpus, pack_path, register
from bossline.data.transcripts import read_transcripts
from bossline.data.writer import writing
from bossline.evaluation.intervals import Interval, mean_interval
from bossline.recipes import Recipe
from bossline.recipes.overrides import Overrides, as_text
from bossline.runs.aligning import knowledge_of
from bossline.runs.engine import chosen_recipe, resume, train
from bossline.runs.folders import RUNS
from bossline.runs.run import Run
from bossline.tasks.alignment.aligner import Aligner
from bossline.tasks.labelling.chains import check_room
from bossline.tasks.labelling.flat_start import Frames, Utterances, flat_start, labels
from bossline.tasks.labelling.said import (
    Said,
    places_of,
    said_in_labels,
    said_in_strings,
    said_in_texts,
)
from bossline.tasks.trained import TrainedModel
from bossline.training.contents import INFO, WEIGHTS

RECIPE = "phoneme/medium"
_EDITION = 1  # of how labels are found: what another has found is found anew
_TOGETHER = 64  # utterances that a network is asked about at once

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Labelled:
    """What came of a corpus.

    Attributes:
        corpus: with labels, where something is known of an utterance.
        count: utterances that have labels now.
        refused: ids of those that could not be labelled, and why.
        agreement: share of the frames whose label is the one that the corpus had, where it had.
        at_first: the same, before the network.
        run: the network's; None where there was none.
        guessed: words that no dictionary has, said as their letters tell.
        strangers: ids of texts that are of no utterance.
    """

    corpus: Corpus
    count: int
    refused: Mapping[str, str]
    agreement: Interval | None
    at_first: Interval | None
    run: Run | None
    guessed: Sequence[str]
    strangers: Sequence[str]


def label(
    corpus: str | Path | Corpus,
    name: str,
    *,
    text: str | Path | None = None,
    dictionary: str | Path | None = None,
    phones: bool = False,
    by: str | Path | Run | None = None,
    recipe: str | None = RECIPE,
    overrides: Overrides = (),
    device: str = "auto",
    threads: int | None = None,
    note: str = "",
    console: Console | None = None,
) -> Labelled:
    """Make a corpus with labels of frames from one of which only is known what is said.

    From a flat start: a hidden Markov model of single phones is estimated by expectation
    maximisation and labels the frames; a network is trained on these (NAME-flat, its run is
    runs/label-NAME), and labels them anew, now with every pronunciation of a word. What was done
    is not done again.

    Args:
        corpus: of MFCC or other features in which silence was not left out.
        name: what the new corpus is called; an old one of this name is let go.
        text: transcripts, see data/transcripts.py; None: the corpus' own strings, else its labels,
            whose times are not looked at.
        dictionary: a file of pronunciations that goes before CMUdict.
        phones: whether texts are of phones, words apart by "|".
        by: a run that tells phones frame by frame, in place of the flat start and the network.
        recipe: of the network, of the phoneme task; None: the model's labels stay.
        overrides: of the recipe.
        note: a remark that every report repeats.
        console: where progress is shown; None shows it on the terminal.

    Raises:
        UserError: a corpus that holds no speech or only frames without silence, of which nothing
            is known, or bad files.
    """
    check_name(name)
    opened = open_corpus(corpus, verified=True)
    spec = opened.speech
    if spec.kind == "log-mel":
        raise UserError(
            f"corpus '{opened.name}': its features leave silence out, so that times are unknown: "
            "import the recordings as MFCC, by --like phoneme-en"
        )
    chosen = None if by is not None or recipe is None else chosen_recipe(recipe, overrides)
    if chosen is None and overrides:
        raise UserError(f"{as_text(overrides)[0]}: there is no network to train")
    if chosen is not None and chosen.task != "phoneme":
        raise UserError(f"{recipe}: labels of frames are learnt by the phoneme task")
    runtime = Runtime.choose(device, threads)
    run = None if by is None else Run.of(by)
    network = (
        None
        if run is None
        else _network(run, spec, runtime, str(run.path if isinstance(by, Run) else by))
    )
    pronouncer = Pronouncer.of(dictionary)
    classes = None if network is None else network.frame_classes
    strangers: Sequence[str] = ()
    if text is not None:
        transcripts = read_transcripts(Path(text), opened.ids)
        strangers = transcripts.strangers
        said = said_in_texts(transcripts.texts, pronouncer, phones, classes)
    elif opened.header.vocabulary:
        said = said_in_strings(opened, classes)
    elif opened.header.labelled_frames:
        said = said_in_labels(opened, classes)
    else:
        raise UserError(f"corpus '{opened.name}': what is said in it? give --text")
    _leave_out_what_has_no_room(opened, said)
    work = _Work(opened, said, note or opened.header.note, console or terminal())

    def told(found: Corpus, at_first: Interval | None, run: Run | None) -> Labelled:
        return Labelled(
            corpus=found,
            count=int(found.labelled.sum()),
            refused={opened.ids[item]: why for item, why in sorted(said.refused.items())},
            agreement=work.agreement(found),
            at_first=at_first,
            run=run,
            guessed=sorted(pronouncer.guessed),
            strangers=strangers,
        )

    at_first = None
    if run is None or network is None:
        flat = name if chosen is None else f"{name}-flat"
        first = work.done(flat, "a flat start", partial(_from_nothing, opened, said))
        at_first = work.agreement(first)
        if chosen is None:
            return told(first, at_first, None)
        run = _trained(name, chosen, first, device, threads, console)
        network = _network(run, spec, runtime, str(run.path))
    final = work.done(
        name,
        f"the network of {run.name}",
        partial(_by_network, opened, said, run, network),
        hashlib.sha256(run.read(WEIGHTS)).hexdigest(),
    )
    return told(final, at_first, run)


def _network(run: Run, spec: FeatureSpec, runtime: Runtime, called: str) -> TrainedModel:
    """
    Args:
        called: how it is named in an error.

    Raises:
        UserError: it tells nothing of frames, or takes other features.
    """
    model = TrainedModel(run, runtime)
    if not model.frame_classes:
        raise UserError(f"{called}: a run of {run.task.name} that says nothing of frames")
    if run.features != spec:
        raise UserError(
            f"{called} takes {run.features.describe()}; the corpus has {spec.describe()}: import "
            f"the recordings again, --like {called}"
        )
    return model


def _leave_out_what_has_no_room(corpus: Corpus, said: Said) -> None:
    """
    Raises:
        UserError: nothing is left.
    """
    for item in said.utterances:
        try:
            check_room(said.chain(item), int(corpus.lengths[item]))
        except UserError as error:
            said.refuse(item, str(error))
    if not said.utterances:
        item, why = next(iter(said.refused.items()))
        raise UserError(
            f"corpus '{corpus.name}': none of {counted(len(said.refused), 'utterance')} can be "
            f"labelled; {corpus.ids[item]}: {why}"
        )


@dataclass(frozen=True)
class _Work:
    """One corpus and what is said in it, on its way to labels."""

    corpus: Corpus
    said: Said
    note: str
    console: Console

    def done(
        self,
        name: str,
        how: str,
        find: Callable[[Progress], Iterator[tuple[int, Ints]]],
        of: str = "",
    ) -> Corpus:
        """The corpus with the labels that are found, unless they were found before.

        Args:
            name: to register it under.
            how: they are found, for its note.
            find: items and their labels, in any order.
            of: what else they depend on.
        """
        pack = pack_path(self._key(how, of))
        if not is_packed(pack):
            with bar(self.console, "utterances") as shown:
                found = dict(find(shown.set))
            self._write(pack, how, found)
        register(name, pack)
        return Corpus(pack, name)

    def _key(self, *others: str) -> str:
        said = hashlib.sha256()
        for item in self.said.utterances:
            ways = [word.ways for word in self.said.words.get(item, ())]
            exact = self.said.exact.get(item, np.empty(0, np.int64)).tolist()
            said.update(json.dumps([item, ways, exact]).encode())
        parts = [FORMAT, _EDITION, self.corpus.key, self.said.classes, said.hexdigest(), self.note]
        return hashlib.sha256(json.dumps([*parts, *others]).encode()).hexdigest()

    def _write(self, pack: Path, how: str, found: Mapping[int, Ints]) -> None:
        corpus, header = self.corpus, self.corpus.header
        notes = filter(None, [self.note, f"labels of frames found by {how} from what is said"])
        with writing(
            pack,
            features=header.features,
            classes=self.said.classes,
            source=Source(reader="labelled", path=corpus.name),
            note="; ".join(notes),
            speakers=header.speakers,
            vocabulary=header.vocabulary,
        ) as writer:
            for item, id in enumerate(corpus.ids):
                speaker = int(corpus.speakers[item])
                writer.add(
                    id,
                    corpus.frames(item),
                    part=header.parts[corpus.parts[item]],
                    labels=found.get(item),
                    string=corpus.string(item) if header.vocabulary else None,
                    speaker=header.speakers[speaker] if speaker >= 0 else None,
                )

    def agreement(self, found: Corpus) -> Interval | None:
        """With the labels that the corpus had; None: it had none."""
        both = np.flatnonzero(self.corpus.labelled & found.labelled)
        if not len(both):
            return None
        places = places_of(self.corpus.header.classes, self.said)
        same = [
            int((places[self.corpus.frame_labels(item)] == found.frame_labels(item)).sum())
            for item in both.tolist()
        ]
        return mean_interval(same, self.corpus.lengths[both], share=True)


def _from_nothing(corpus: Corpus, said: Said, progress: Progress) -> Iterator[tuple[int, Ints]]:
    items = said.utterances
    spec = corpus.speech

    def read(place: int) -> Frames:
        frames = corpus.frames(items[place]).astype(np.float64)
        if spec.kind == "mfcc":  # deltas over coefficients tell nothing
            frames = with_deltas(frames[:, : spec.statics], TIME)
        return cmvn(frames).astype(np.float32)

    utterances = Utterances(
        corpus.lengths[items].tolist(), [said.chain(item) for item in items], read
    )
    dim = 3 * spec.statics if spec.kind == "mfcc" else spec.dim
    model = flat_start(utterances, len(said.classes), dim, progress=progress)
    for place, units in labels(utterances, model, progress):
        yield items[place], units


def _trained(
    name: str,
    recipe: Recipe,
    corpus: Corpus,
    device: str,
    threads: int | None,
    console: Console | None,
) -> Run:
    """The network of these labels; one that was begun is gone on with.

    Raises:
        UserError: another run is in its place.
    """
    folder = RUNS / f"label-{name}"
    if not (folder / INFO).exists():
        return train(recipe, corpus, run=folder, device=device, threads=threads, console=console)
    run = Run(folder)
    if run.recipe != recipe or run.corpus_key != corpus.key:
        raise UserError(
            f"{folder} learnt other labels or by another recipe: remove it, or choose another name"
        )
    return resume(run, device=device, console=console)


def _by_network(
    corpus: Corpus, said: Said, run: Run, network: TrainedModel, progress: Progress
) -> Iterator[tuple[int, Ints]]:
    aligner = Aligner(knowledge_of(run, network), network.frame_classes, corpus.speech)
    items = np.array(said.utterances)
    items = items[np.argsort(corpus.lengths[items], kind="stable")]
    for begin in range(0, len(items), _TOGETHER):
        asked = items[begin : begin + _TOGETHER]
        answers = network.frame_answers(run.task.pieces(corpus, asked)).each()
        for item, posteriors in zip(asked.tolist(), answers, strict=True):
            if item in said.exact:
                units, starts = said.exact[item], aligner.starts(said.exact[item], posteriors)
            else:
                graph, path = aligner.laid(said.words[item], posteriors)
                units, starts = graph.unit[path.arcs], path.starts
            if starts is not None:
                yield item, np.repeat(units, np.diff(starts))
        progress("labelling by the network", min(begin + _TOGETHER, len(items)), len(items))
