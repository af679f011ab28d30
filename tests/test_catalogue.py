"""Every message that the code has is in the catalogue, and the catalogue has no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import jinja2.nodes
import pytest
import yaml

import bossline
from bossline.core.language import _FOLDER, TAGS, Language, catalogue, speaking, term, tr
from bossline.data.features.spec import NORMALISED, Deltas
from bossline.data.phones import PHONETIC_CLASSES
from bossline.data.splits import SplitConfig
from bossline.data.synthetic.corpus import NOTE
from bossline.evaluation.calibration import Binning
from bossline.evaluation.comparison import Verdict
from bossline.figures.phonetic_groups import OTHER
from bossline.recipes import catalogue as recipes
from bossline.recipes.loading import load_recipe
from bossline.reports.template import templates
from bossline.reports.wording import Standing
from bossline.runs.info import RunInfo
from bossline.studies.diagnosis import objective
from bossline.tasks import TASKS
from bossline.tasks.base import Task
from bossline.tasks.prediction import Prediction
from bossline.tasks.transcribe.failures import WORDS, Failures
from bossline.tasks.transcribe.pictures.utterance import KINDS

PACKAGE = Path(bossline.__file__).parent
LANGUAGES: list[Language] = [language for language in get_args(Language) if language != "en"]
# Where sentences of pages and tables are: what is counted there is counted in the catalogue.
TOLD = ("reports", "figures", "tasks/*/pictures*", "cli/tables/scores.py", "cli/tables/studies.py")


def calls(name: str, place: int = 0) -> Iterator[tuple[Path, ast.expr]]:
    """The files that call a function, and what they give it at a place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=id), args=args) if id == name and len(args) > place:
                    yield path.relative_to(PACKAGE), args[place]


def of_templates() -> Iterator[tuple[str, jinja2.nodes.Expr]]:
    for path in sorted((PACKAGE / "reports").glob("*.j2")):
        for call in templates().parse(path.read_text(encoding="utf-8")).find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "tr":
                yield path.name, call.args[0]


def literal(path: object, node: ast.expr | jinja2.nodes.Expr) -> str:
    assert isinstance(node, ast.Constant | jinja2.nodes.Const), f"{path}: no literal message"
    assert isinstance(node.value, str)
    return node.value


def messages() -> set[str]:
    in_code = {literal(path, node) for path, node in calls("tr")}
    return in_code | {literal(name, node) for name, node in of_templates()}


def tasks() -> list[Task[Any]]:
    """Those of the package; other tests register their own."""
    return [task for task in TASKS.values() if type(task).__module__.startswith("bossline.")]


def predictions() -> list[type[Prediction]]:
    """The kinds of the package, whose columns are heads of tables."""
    found, kinds = [], [Prediction]
    while kinds:
        kinds += (kind := kinds.pop()).__subclasses__()
        if kind.__module__.startswith("bossline.") and hasattr(kind, "columns"):
            found.append(kind)
    return found


def words() -> set[str]:
    """What reaches `term`: literals, and what the code has in variables."""
    found = {
        node.value
        for _, node in calls("term")
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for task in tasks():
        found |= {task.metric.words, task.unit, f"{task.item}s", task.item, task.classes_are}
        found |= {*task.beside, *task.beside.values()}
    found |= {"frame", "a frame", "a row", "an image"}  # that costs are of
    found |= {column for kind in predictions() for column in kind.columns}
    found |= {"validation", "test", "synthetic"}
    found |= set(get_args(RunInfo.model_fields["state"].annotation))
    found |= {f"by {by}" for by in get_args(SplitConfig.model_fields["by"].annotation)}
    found |= {*get_args(Deltas), *NORMALISED.values()} - {"none"}
    found |= {*get_args(Verdict), *get_args(Standing), *get_args(Binning)}
    found |= {*PHONETIC_CLASSES, OTHER, "nothing", "blank"}
    found |= {*KINDS, *(f"{kind}s" for kind in KINDS)}
    found |= {"sub", "del", "ins", "RMSE [95 %]", *Failures.model_fields, *WORDS.values()}
    found |= {objective.MODE, objective.NOT_FUSED, objective.NO_CUDNN}
    found |= {load_recipe(name).about for name in recipes.names()}
    found |= {recipes.read_yaml(recipes.find_study(name))["about"] for name in recipes.studies()}
    return found | {NOTE}


def counts() -> tuple[set[str], set[str]]:
    """Nouns that are counted on pages and in tables of scores, and those that may be."""
    nouns = [
        (path, node.value)
        for path, node in calls("counted", 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    told = {noun for path, noun in nouns if any(map(path.match, [f"{at}*" for at in TOLD]))}
    items = {task.item for task in tasks()}
    units = {task.unit.removesuffix("s") for task in tasks()}
    named = {f"test {task.unit}".removesuffix("s") for task in tasks() if task.named}
    always = told | items | units | {*KINDS, "thread", "tensor"} | (named - {"test phone"})
    return always, always | {noun for _, noun in nouns}


def fields(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_and_code_have_the_same_messages(language: Language) -> None:
    assert catalogue(language).messages.keys() == messages()


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_and_code_have_the_same_words(language: Language) -> None:
    assert catalogue(language).words.keys() == words()


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_counted_can_be_counted(language: Language) -> None:
    always, ever = counts()
    known = catalogue(language).counts.keys()
    assert always <= known
    assert known <= ever
    assert all(fields(value) == {"count"} for value in catalogue(language).counts.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_agree(language: Language) -> None:
    for english, other in catalogue(language).messages.items():
        assert fields(english) == fields(other), english
        assert re.findall(r"</?\w+>", english) == re.findall(r"</?\w+>", other), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_stands_in_a_catalogue_twice(language: Language) -> None:
    """YAML would keep the last."""
    text = (_FOLDER / f"{TAGS[language].replace('-', '_')}.yaml").read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    for _, section in root.value:
        keys = [key.value for key, _ in section.value]
        assert len(keys) == len(set(keys))


def test_a_word_that_no_catalogue_has_stays_as_it_is() -> None:
    with speaking("zh"):
        assert term("accuracy") == "準確率"
        assert term("a measure of my own") == "a measure of my own"
        assert tr("{low} to {high}", low=1, high=2) == "1 到 2"
    assert term("accuracy") == "accuracy"
