"""YAML -> plain data: texts, numbers, lists and mappings, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

LARGEST = 1 << 20  # bytes of a file; the longest recipe has some hundreds
_DEEPEST = 50
_MOST_VALUES = 100_000  # aliases of aliases make billions of a few lines

_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}


class NotPlainData(ValueError):
    """Text that is no YAML, or more than plain data; the message says where and what."""


class _Loader(yaml.SafeLoader):
    """YAML's safe subset without dates, sets and bytes: a recipe has none, and JSON neither."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:  # !!int "abc", or thousands of digits
            what = node.tag.removeprefix(_TAG)
            raise yaml.constructor.ConstructorError(
                None, None, f"no {what}: {error}", node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag == f"{_TAG}str":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key '{key.value}' a second time", key.start_mark
                    )
                seen.add(key.value)
            elif key.tag != f"{_TAG}merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that is no text: set it in quotes", key.start_mark
                )
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_constructors = {
    tag: build for tag, build in yaml.SafeLoader.yaml_constructors.items() if tag in {*_PLAIN, None}
}
_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] in _PLAIN or pair[0] == f"{_TAG}merge"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """What a text says; a date stays the text that it is.

    Raises:
        NotPlainData: no YAML, a tag or key that plain data have not, a number that none can hold,
            or too much of it.

    >>> parse_yaml("{width: 64, since: 2026-01-31, lr: 1e-3}")
    {'width': 64, 'since': '2026-01-31', 'lr': '1e-3'}
    """
    try:
        value = yaml.load(text, _Loader)
        _bound(value)
    except RecursionError as error:
        raise NotPlainData("nested too deeply") from error
    except yaml.YAMLError as error:
        raise NotPlainData(f"not valid YAML: {' '.join(str(error).split())}") from error
    return value


def _bound(value: Any) -> None:
    """Refuse what no file of settings needs, before anything walks through it unbounded."""
    left = _MOST_VALUES
    waiting = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        left -= 1
        if left < 0:
            raise NotPlainData(f"more than {_MOST_VALUES:,} values")
        if depth > _DEEPEST:
            raise NotPlainData("nested too deeply")
        if isinstance(inner, dict | list):
            parts = inner.values() if isinstance(inner, dict) else inner
            waiting.extend((part, depth + 1) for part in parts)
