"""Which items train, validate and test. Never frames of an utterance: neighbours would leak.

Items that hold the same values go to one side together; only the corpus' own parts are taken as
they are.
"""

from __future__ import annotations

from contextlib import suppress
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from bossline.core.config import Config
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.duplicates import leaders
from bossline.data.packed import Corpus, Ints
from bossline.data.speeds import copies

SPLITS = ("train", "validation", "test")
PSEUDO = "pseudo"  # a part that only trains: its labels are a model's
UNHEARD = "unheard"  # speakers set aside by SplitConfig.unheard
_LARGER = (0.15, 0.2, 0.25, 0.34)  # shares to propose where the usual ones leave nothing


class SplitConfig(Config):
    """How the labelled items are divided."""

    by: Literal["auto", "corpus", "utterance", "speaker", "each-speaker"] = Field(
        "auto",
        description="corpus: the corpus' own labelled train, validation and test parts (where it "
        "lacks one of the last two, the other is tested on, and a share of train validates); "
        "utterance: item by item, images and rows too; speaker: no speaker on two sides; "
        "each-speaker: the same share of each speaker's utterances; auto: corpus where it has "
        "them, else utterance",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share that the best epoch is chosen on; 0: it trains too, as does the corpus' "
        "own part for it, and the last epoch is kept",
    )
    test: float = Field(0.1, gt=0, lt=1, description="share that scores are reported on")
    seed: int = Field(0, ge=0, description="of the order in which items are dealt out")
    fold: int = Field(
        0,
        ge=0,
        description="which share is tested on; other folds test elsewhere. The corpus' own parts "
        "have fold 0 only",
    )

    unheard: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the speakers that is set aside: neither trained, validated nor "
        "tested on, but there for trials (bossline trials RUN --split unheard)",
    )

    @model_validator(mode="after")
    def _leaves_some(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave something to train on")
        return self

    @property
    def held_out(self) -> tuple[str, ...]:
        """The splits that are not trained on, by name."""
        return ("validation", "test") if self.validation else ("test",)

    @property
    def sides(self) -> tuple[str, ...]:
        """All splits that have items."""
        return ("train", *self.held_out)

    @property
    def folds(self) -> int:
        """How many folds test on other items each."""
        return round(1 / self.test)


def split_corpus(
    corpus: Corpus, config: SplitConfig, labels: npt.NDArray[np.bool_] | None = None
) -> dict[str, Ints]:
    """Item indices of "train", "validation" and "test", in corpus order.

    Those of speakers that are set aside are under "unheard". Pseudo-labelled ones join "train" once
    the others are split; copies at other speeds are in none. Items of equal values are on one
    side; what equals one that is set aside is on none, and so is a pseudo-labelled one that equals
    one held out.

    Args:
        corpus: to be split.
        config: how.
        labels: (U,) True where the task has a label; None: where frames have labels.

    Raises:
        UserError: too few labelled items or speakers, or the corpus lacks the parts.
    """
    has_label = (corpus.labelled if labels is None else labels) & ~copies(corpus)
    if config.unheard:
        unheard = has_label & _set_aside(corpus, has_label, config)
        heard = config.model_copy(update={"unheard": 0.0})
        return {
            **split_corpus(corpus, heard, has_label & ~_equal_to(corpus, unheard)),
            UNHEARD: np.flatnonzero(unheard),
        }
    if PSEUDO not in corpus.header.parts:
        return _split(corpus, config, has_label)
    pseudo = np.zeros(len(corpus), np.bool_)
    pseudo[corpus.part(PSEUDO)] = True
    pseudo &= has_label
    chosen = _split(corpus, config, has_label & ~pseudo)
    held_out = np.zeros(len(corpus), np.bool_)
    held_out[np.concatenate([chosen["validation"], chosen["test"]])] = True
    more = np.flatnonzero(pseudo & ~_equal_to(corpus, held_out))
    return {**chosen, "train": np.sort(np.concatenate([chosen["train"], more]))}


def _equal_to(corpus: Corpus, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(U,) True where an item, itself or another, holds the values of a chosen one."""
    return np.isin(corpus.originals, corpus.originals[chosen])


class _TooFew(UserError):
    """A side of a split is left without items; other shares may do."""


def _split(
    corpus: Corpus, config: SplitConfig, has_label: npt.NDArray[np.bool_]
) -> dict[str, Ints]:
    try:
        return _divided(corpus, config, has_label)
    except _TooFew as error:
        share = _share_that_does(corpus, config, has_label)
        advice = f"set split.validation={share} split.test={share}" if share else "import more"
        raise UserError(f"{error}; {advice}") from error


def _share_that_does(
    corpus: Corpus, config: SplitConfig, has_label: npt.NDArray[np.bool_]
) -> float | None:
    """The least share to validate on, and to test on, that leaves no side without items."""
    for share in _LARGER:
        with suppress(UserError):
            larger = config.model_copy(update={"validation": share, "test": share})
            _divided(corpus, larger, has_label)
            return share
    return None


def _divided(
    corpus: Corpus, config: SplitConfig, has_label: npt.NDArray[np.bool_]
) -> dict[str, Ints]:
    own = _own_parts(corpus, has_label, config)
    if config.by == "corpus" or (config.by == "auto" and own is not None):
        if own is None:
            raise UserError(
                f"split.by=corpus wants labelled parts {', '.join(SPLITS)}; the corpus has "
                f"{', '.join(corpus.header.parts)}: use split.by=utterance"
            )
        if config.fold > 0:
            raise UserError(
                f"split.fold={config.fold}: the corpus' own parts are one split, without folds: "
                "set split.by=utterance, speaker or each-speaker"
            )
        return own
    labelled = np.flatnonzero(has_label)
    first = leaders(corpus, labelled)
    speakers = corpus.speakers[labelled]
    if config.by in ("speaker", "each-speaker") and (speakers < 0).any():
        raise UserError(f"split.by={config.by}: the corpus does not say who speaks")
    if config.by == "each-speaker":
        return _of_each_speaker(labelled, first, speakers, config)
    by_speaker = config.by == "speaker"
    groups: Ints = np.unique(speakers).astype(np.int64) if by_speaker else labelled
    chosen = _around_a_circle(np.random.default_rng(config.seed).permutation(groups), config)
    if min(len(chosen[side]) for side in config.sides) < 1:
        what = "speaker" if by_speaker else f"labelled {corpus.header.features.item}"
        raise _TooFew(f"{counted(len(groups), what)}: too few to train, validate and test on")
    followed = _linked(speakers, corpus.speakers[first]) if by_speaker else first
    return _following(chosen, labelled, followed, config)


def _following(
    chosen: dict[str, Ints], labelled: Ints, followed: Ints, config: SplitConfig
) -> dict[str, Ints]:
    """Put each item where what it follows was put: all but copies stay where they are.

    Args:
        chosen: items of each side, or speakers.
        labelled: (N,) items.
        followed: (N,) the item, or the speaker, that each of them follows: mostly its own.

    Raises:
        UserError: a side is left without items.
    """
    sides = {name: labelled[np.isin(followed, chosen[name])] for name in SPLITS}
    if empty := [name for name in config.sides if not len(sides[name])]:
        raise UserError(
            "so many items hold the same values as others, on other sides of the split, that "
            f"{empty[0]} is left without any: bossline corpus NAME names some; leave copies out"
        )
    return sides


def _linked(speakers: npt.NDArray[np.int32], others: npt.NDArray[np.int32]) -> Ints:
    """(N,) of each item the lowest speaker that its own is linked to, over any number of copies.

    Args:
        speakers: (N,) of each item.
        others: (N,) of the first item that holds the same values.
    """
    lowest = np.arange(speakers.max(initial=-1) + 1)
    while True:
        before = lowest.copy()
        pairs = np.minimum(lowest[speakers], lowest[others])
        np.minimum.at(lowest, speakers, pairs)
        np.minimum.at(lowest, others, pairs)
        if (lowest == before).all():
            return lowest[speakers]


def _set_aside(
    corpus: Corpus, has_label: npt.NDArray[np.bool_], config: SplitConfig
) -> npt.NDArray[np.bool_]:
    """(U,) True where one of the chosen speakers speaks."""
    if config.by == "corpus":
        raise UserError("split.unheard: the corpus' own parts leave no speakers to set aside")
    if (corpus.speakers[has_label] < 0).any():
        raise UserError("split.unheard: the corpus does not say who speaks")
    speakers = np.unique(corpus.speakers[has_label])
    count = round(len(speakers) * config.unheard)
    if not 2 <= count < len(speakers):
        raise UserError(
            f"split.unheard={config.unheard} sets {count} of {len(speakers)} speakers aside: "
            f"trials want 2 at least, and training one{_enough_aside(len(speakers))}"
        )
    chosen = np.random.default_rng(config.seed).permutation(speakers)[:count]
    return np.isin(corpus.speakers, chosen)


def _enough_aside(speakers: int) -> str:
    """Which share sets two of so many speakers aside."""
    if speakers < 3:
        return ""
    return f": set split.unheard={ceil(200 / speakers) / 100:g}"


def _around_a_circle(order: Ints, config: SplitConfig) -> dict[str, Ints]:
    """Test on one share of the circle, validate on what precedes it.

    The other folds share what fold 0 does not test on, and none tests on more than fold 0. Where
    nothing validates, the same is tested on as beside a validation share of the default size.
    """
    validation, test = round(len(order) * config.validation), round(len(order) * config.test)
    default: float = SplitConfig.model_fields["validation"].default
    circle = np.roll(order, -round(len(order) * (config.validation or default)))
    shares = [circle[:test], *np.array_split(circle[test:], max(config.folds - 1, 1))]
    fold = config.fold % config.folds
    tested, spare = shares[fold][:test], shares[fold][test:]
    rest = np.concatenate([spare, *shares[fold + 1 :], *shares[:fold]])
    end = max(len(rest) - validation, 0)
    return {"train": rest[:end], "validation": rest[end:], "test": tested}


def _of_each_speaker(
    labelled: Ints, first: Ints, speakers: npt.NDArray[np.int32], config: SplitConfig
) -> dict[str, Ints]:
    """Deal each speaker's utterances out like cards, so that the shares differ by one at most.

    Copies then follow the first of them.
    """
    order = np.random.default_rng(config.seed).permutation(len(labelled))
    dealt = labelled[order[np.argsort(speakers[order], kind="stable")]]
    tested = np.arange(len(dealt)) % config.folds == config.fold % config.folds
    rest = dealt[~tested]
    validates = np.zeros(len(rest), np.bool_)
    if config.validation:
        validates[:: round((1 - config.test) / config.validation)] = True
    chosen = {"train": rest[~validates], "validation": rest[validates], "test": dealt[tested]}
    if min(len(chosen[side]) for side in config.sides) < 1:
        raise _TooFew(f"{counted(len(dealt), 'utterance')}: too few to train, validate and test on")
    chosen = _following(chosen, labelled, first, config)
    unknown = set(speakers) - set(speakers[np.isin(labelled, chosen["train"])])
    if len(unknown) > 0:
        raise UserError(
            f"{counted(len(unknown), 'speaker')} with so few utterances that none is left to train "
            "on: give them more, or leave them out"
        )
    return chosen


def _own_parts(
    corpus: Corpus, has_label: npt.NDArray[np.bool_], config: SplitConfig
) -> dict[str, Ints] | None:
    own = {name: corpus.part(name) for name in SPLITS if name in corpus.header.parts}
    labelled = {name: members for name, members in own.items() if has_label[members].all()}
    nothing = np.zeros(0, np.int64)
    if len(labelled) == len(SPLITS):
        if config.validation:
            return labelled
        train = np.sort(np.concatenate([labelled["train"], labelled["validation"]]))
        return {"train": train, "validation": nothing, "test": labelled["test"]}
    if "train" not in labelled or len(labelled) < 2:
        return None
    (tested,) = (members for name, members in labelled.items() if name != "train")
    if not config.validation:
        return {"train": labelled["train"], "validation": nothing, "test": tested}
    # An epoch is chosen by a share of train, so that what is reported has decided nothing.
    train = np.random.default_rng(config.seed).permutation(labelled["train"])
    count = round(len(train) * config.validation)
    if not 0 < count < len(train):
        item = f"labelled {corpus.header.features.item}"
        raise _TooFew(f"{counted(len(train), item)}: too few to train and validate on")
    validates = np.isin(leaders(corpus, labelled["train"]), train[:count])
    if validates.all() or not validates.any():
        raise UserError("too many of the corpus' own train part hold the same values as others")
    return {
        "train": labelled["train"][~validates],
        "validation": labelled["train"][validates],
        "test": tested,
    }
