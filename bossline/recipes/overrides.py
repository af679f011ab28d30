"""key.path=value -> a change of a recipe's content; the order in which they stand is no matter."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable
from bossline.recipes.text import NotPlainData, parse_yaml

Content = dict[str, Any]
Overrides = Sequence[str] | Mapping[str, Any]
"""["model.width=64"], or {"model.width": 64}."""

_NUMBER = re.compile("0|[1-9][0-9]{0,8}")  # a member of a list, counted from 0


@dataclass(frozen=True)
class _Override:
    """One of them, taken apart."""

    keys: tuple[str, ...]
    value: Any
    text: str  # as given

    @classmethod
    def of(cls, text: str) -> _Override:
        path, equals, given = text.partition("=")
        if not equals or not path:
            raise UserError(printable(f"'{text}': expected key.path=value, as in model.width=1024"))
        try:
            value = parse_yaml(given)
        except NotPlainData as error:
            raise UserError(f"'{printable(path)}=...': {error}") from error
        return cls(tuple(path.split(".")), value, text)

    @property
    def path(self) -> str:
        return ".".join(self.keys)

    @property
    def rank(self) -> tuple[int, bool, tuple[str, ...]]:
        """A part as a whole comes before what is in it, and of that its kind first."""
        return len(self.keys), self.keys[-1] != "kind", self.keys

    def is_of(self, keys: Sequence[str]) -> bool:
        """Whether it sets these keys, or a part around them."""
        return self.keys == tuple(keys[: len(self.keys)])


def apply_overrides(
    content: Content, overrides: Sequence[str], resolved: Callable[[Content], Content]
) -> None:
    """Change the content of a recipe in place.

    A part as a whole is set before what is in it, and its kind before its other keys: another kind
    starts from nothing, because the old one's keys mean nothing to it. A number is a member of a
    list, counted from 0.

    Args:
        content: as YAML has it.
        overrides: "model.width=1024" and the like, in any order.
        resolved: a recipe's content with every default spelled out: a list that is left to its
            default has members too.

    Raises:
        UserError: no key=value, a key given twice, two that contradict each other, or a key below
            what has none.
    """
    given = sorted(map(_Override.of, overrides), key=lambda each: each.rank)
    for one, other in pairwise(given):
        if one.keys == other.keys:
            raise UserError(printable(f"'{other.text}': {other.path} is given twice"))
    in_defaults = []
    for each in given:
        if _is_in_a_default(content, each.keys):
            in_defaults.append(each)
        else:
            _set(content, each, given)
    if in_defaults:
        full = resolved(content)
        for each in in_defaults:
            _spell_out(content, full, each.keys)
            _set(content, each, given)


def as_text(overrides: Overrides) -> list[str]:
    """As the command line has them; JSON is YAML.

    >>> as_text({"model.width": 64, "augment": None})
    ['model.width=64', 'augment=null']

    Raises:
        UserError: a value that is no plain data, or a single text in place of a list.
    """
    if isinstance(overrides, str):
        raise UserError(printable(f"overrides: expected a list or a dict, as ['{overrides}']"))
    if not isinstance(overrides, Mapping):
        return list(overrides)
    texts = []
    for key, value in overrides.items():
        try:
            text = json.dumps(value, default=_number, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"override {printable(str(key))}: expected numbers, text, lists or dicts, not "
                f"{printable(repr(value), 80)}"
            ) from error
        texts.append(f"{key}={text}")
    return texts


def _number(value: Any) -> Any:
    """Of numpy's numbers a plain one."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def unreplaced(overrides: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those whose key none of the others sets, alone or with the part that it is in."""
    replacing = [_keys(other) for other in others]
    return [
        override
        for override in overrides
        if not any(keys == _keys(override)[: len(keys)] for keys in replacing)
    ]


def _keys(override: str) -> list[str]:
    return override.partition("=")[0].split(".")


def _set(content: Content, override: _Override, given: Sequence[_Override]) -> None:
    node: Any = content
    for depth in range(1, len(override.keys)):
        at = _place(node, override, depth)
        if isinstance(node, dict) and node.get(at) is None:
            if at in node:
                _refuse_a_contradiction(override, depth, given)
            node[at] = {}
        node = node[at]
    last = _place(node, override, len(override.keys))
    if last == "kind" and node.get(last, override.value) != override.value:
        _refuse_a_contradiction(override, len(override.keys) - 1, given)
        node.clear()
    node[last] = copy.deepcopy(override.value)


def _place(node: Any, override: _Override, depth: int) -> str | int:
    """Where in a mapping or a list the first `depth` keys end."""
    key, above = override.keys[depth - 1], ".".join(override.keys[: depth - 1])
    if isinstance(node, dict):
        return key
    if not isinstance(node, list):
        raise UserError(printable(f"'{override.text}': {above} has no keys below it"))
    if not _NUMBER.fullmatch(key) or int(key) >= len(node):
        raise UserError(printable(f"'{override.text}': {above} {_members(node)}, not {key}"))
    return int(key)


def _members(node: Sequence[Any]) -> str:
    """As in "model.members has 3 members, numbered 0 to 2"."""
    count = counted(len(node), "member")
    return f"has {count}, numbered 0 to {len(node) - 1}" if node else f"has {count}"


def _refuse_a_contradiction(override: _Override, depth: int, given: Sequence[_Override]) -> None:
    """Where what an override replaces was given too, with a part around it."""
    for other in given:
        if other.is_of(override.keys[:depth]):
            raise UserError(
                printable(f"'{override.text}' and '{other.text}' contradict each other")
            )


def _is_in_a_default(content: Content, keys: Sequence[str]) -> bool:
    """Whether the keys lead to a member of a list that the content leaves out."""
    node: Any = content
    for depth, key in enumerate(keys, 1):
        if isinstance(node, dict):
            node = node.get(key)
        elif isinstance(node, list) and _NUMBER.fullmatch(key) and int(key) < len(node):
            node = node[int(key)]
        else:
            return False
        if node is None:
            return any(map(_NUMBER.fullmatch, keys[depth:]))
    return False


def _spell_out(content: Any, full: Any, keys: Sequence[str]) -> None:
    """Take what the content leaves out on the way to the keys from what it comes to."""
    for key in keys:
        at = int(key) if isinstance(content, list) else key
        if isinstance(content, dict) and content.get(at) is None:
            if full.get(at) is not None:
                content[at] = copy.deepcopy(full[at])
            return
        content, full = content[at], full[at]
