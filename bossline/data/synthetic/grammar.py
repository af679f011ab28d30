"""Sentences to say: a small grammar of our own, whose words hold every phone of English."""

from __future__ import annotations

import numpy as np

_NAMES = """Anna Joyce Roy Judith Theo Shawn Charles Zoe Hugh Yolanda George Ruth Keith Vivian Floyd
Howard Beth Chuck Jean Wyatt Faith Thea Ursula Boyd Gigi Louise Oscar Yuri Dwight Paula""".split()

_PEOPLE = """boy girl teacher judge cook butcher poet pilot fisher thief youth child king queen
doctor lawyer farmer nurse sailor father mother brother woman bishop merchant painter tailor clown
champion soldier author engineer singer baker usher tourist miner widow cousin uncle""".split()

_ANIMALS = """fox wolf sheep horse mouse owl dog cat pigeon cow bear goose lizard zebra tortoise
shark whale badger otter chicken donkey beetle moth robin spider hawk rabbit turkey bull""".split()

_THINGS = """book wood measure treasure coin toy oyster garage television bridge watch church cheese
judgement vision hook cushion sugar wool bush engine orange jar jewel thumb cloth path feather
leather weather vase vault voyage noise point soil oil voice choice boiler house tower flower crown
cloud fountain mountain thought ball hall law sword door floor yacht yard yoke onion music cube
ring song tongue finger jungle bank rock box clock pot cart barn garden shirt bird nurse
furniture pearl kettle basket hammer window mirror ladder table chair spoon fork knife plate
bottle camera piano guitar ship shelf dish brush chain match torch beach ocean station nation
question picture future creature hat bag map lamp egg bed bell tent pen chest seat key street tree
wheel field shield zoo moon shoe fruit glue road boat coat stone rope nose gate cake train snake
kite light pie eye sky mile island valve wave stove glove river oven hoof poodle puzzle prism
rhythm thorn thread throne bath cliff roof leaf yarn yolk hood brook collision explosion corsage
collage mirage massage disguise allusion""".split()

_DID_TO = """took shook pushed pulled measured watched touched chose found followed painted carried
showed washed threw caught bought brought taught counted covered enjoyed destroyed joined
visited judged changed charged praised used amused chased reached fetched hid held hurt heard served
turned burned learned moved proved saved gave loved kept kicked kissed picked dropped stopped
wrapped grabbed hugged begged dragged sang rang thanked drank shared feared cleared avoided employed
spoiled boiled annoyed understood overlooked cooked hooked guarded heated emptied yanked
yielded""".split()

_DID = """stood looked laughed coughed slept jumped walked shouted howled frowned bowed yawned
whistled whispered breathed sneezed froze yelled sang shivered vanished rejoiced waited worked
listened smiled danced fished hurried argued thrived""".split()

_LIKE = """good full wooden woolly smooth usual casual large huge young yellow thick thin thirsty
healthy joyful royal noisy moist loyal loud brown round proud cheap rich foolish fresh sharp short
shy strange orange gentle angry hungry long strong wrong odd hot dark calm awful small tall quiet
quick white wild vivid heavy clever brave violet lazy busy dizzy crazy easy happy sad bad red dead
early dirty purple perfect rare pale grey cold old yearly beige cute blue rude pure
northern southern rather_warm very_wise tired weird fierce square curious""".split()

_HOW = """slowly usually casually thoughtfully joyfully noisily cheerfully loudly roughly softly
quickly yearly eagerly easily gently sharply boldly awkwardly early rudely bravely badly happily
again together forever outdoors""".split()

_WHERE = """in under near behind above beyond beneath against around along across by beside
between_us_and with without through toward inside outside""".split()

_WHEN = """yesterday_morning last_Thursday at_noon this_evening in_the_south every_hour long_ago
in_August before_breakfast after_church on_Wednesday at_once once_more in_January both_times
for_three_months each_year by_the_fourth_hour without_a_vision on_such_occasions at_our_leisure
for_pleasure""".split()

_LINK = "and but so because while although until when though unless".split()

_NUMBERS = """two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty
thirty forty fifty sixty a_hundred a_thousand zero several""".split()

_CLAUSES = """
DET PERSON DID_TO DET LIKE THING
NAME DID_TO DET THING WHERE DET THING
DET LIKE ANIMAL DID WHERE DET LIKE THING
WHEN NAME HOW DID_TO DET ANIMAL
DET LIKE PERSON and DET ANIMAL DID HOW
NAME and NAME DID_TO NUMBER LIKE THING_S
there was DET LIKE THING WHERE DET THING
DET THING of DET PERSON was LIKE and LIKE
NAME asked NAME how DET ANIMAL DID_TO DET THING
who DID_TO DET LIKE THING WHEN
she thought that DET PERSON DID HOW
his LIKE THING looked LIKE WHEN
could you measure DET THING WHERE DET LIKE THING
they would choose NUMBER THING_S WHEN
your THING should join our THING WHERE DET THING
""".strip().splitlines()

_WORDS = {
    "NAME": _NAMES,
    "PERSON": _PEOPLE,
    "ANIMAL": _ANIMALS,
    "THING": _THINGS,
    "DID_TO": _DID_TO,
    "DID": _DID,
    "LIKE": _LIKE,
    "HOW": _HOW,
    "WHERE": _WHERE,
    "WHEN": _WHEN,
    "NUMBER": _NUMBERS,
    "DET": "the the the this that her our their your another each".split(),
}

_LEAST_WORDS = 10  # about three seconds of speech


def _plural(noun: str) -> str:
    if noun.endswith(("s", "sh", "ch", "x", "z")):
        return noun + "es"
    return noun + "s"


def _word(slot: str, rng: np.random.Generator) -> str:
    if slot == "THING_S":
        return _plural(_word("THING", rng))
    choices = _WORDS.get(slot)
    return slot if choices is None else choices[rng.integers(len(choices))].replace("_", " ")


def _clause(rng: np.random.Generator) -> str:
    pattern = _CLAUSES[rng.integers(len(_CLAUSES))]
    return " ".join(_word(slot, rng) for slot in pattern.split())


def sentence(rng: np.random.Generator) -> str:
    """One or two sentences of at least ten words, three to eight seconds long when spoken.

    >>> sentence(np.random.default_rng(3)) == sentence(np.random.default_rng(3))
    True
    """
    text = _clause(rng)
    while len(text.split()) < _LEAST_WORDS:
        joint = (", " if rng.random() < 0.5 else " ") + _LINK[rng.integers(len(_LINK))] + " "
        text += (joint if rng.random() < 0.7 else ". ") + _clause(rng)
    return text + "."


def vocabulary() -> list[str]:
    """Every word that a sentence may hold, sorted."""
    listed = [word for words in _WORDS.values() for word in words]
    listed += [_plural(thing) for thing in _THINGS]
    listed += [word for pattern in _CLAUSES for word in pattern.split() if word.islower()]
    listed += _LINK
    return sorted({word for entry in listed for word in entry.replace("_", " ").split()})
