"""The model of phones that a run keeps beside its weights, and how a model gets it."""

from __future__ import annotations

from pathlib import Path

from bossline.core.errors import UserError
from bossline.models.transcriber import Transcriber
from bossline.tasks.base import OpenRun
from bossline.tasks.trained import items_of
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.decoding import DecodingConfig
from bossline.tasks.transcribe.decoding.arpa import arpa_in, parse_arpa, read_arpa
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ngram import Ngram, NgramConfig, estimate
from bossline.training.contents import PHONES


def asked_for(decoding: DecodingConfig) -> NgramConfig | None:
    """The n-grams that a search asks for."""
    return None if decoding.kind == "greedy" else decoding.ngram


def equip(model: Transcriber, run: OpenRun, decoding: DecodingConfig) -> None:
    """Give a model the n-grams that a search asks for: those of the run, or where its own recipe
    asks for others, those of a file or of its training strings, counted now.

    Raises:
        UserError: the file or the run's are gone or damaged, or its corpus is.
    """
    config = asked_for(decoding)
    if config is None:
        return
    own = asked_for(run.recipe.decoding)
    if own is not None and (own.order, own.file) == (config.order, config.file):
        found = _kept(run)
    elif config.file is not None:
        found = read_arpa(Path(config.file), run.classes)
    else:
        corpus = run.corpus()
        truth = run.task.truth(corpus, items_of([run], corpus, "train"))
        found = estimate(transcripts.strings(truth), len(run.classes), config.order)
    model.phones = Automaton.of(found).to(model.confidence.device)


def _kept(run: OpenRun) -> Ngram:
    path = run.path / PHONES
    try:
        content = run.read(PHONES)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run 'bossline evaluate {run.path}'") from error
    return parse_arpa(arpa_in(content, path), path, run.classes)
