"""The keys that recipes have: type, choices, default and meaning, as the configs say them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bossline.core.errors import UserError, did_you_mean

REQUIRED = "required"


@dataclass(frozen=True)
class Key:
    """A key of a recipe.

    Attributes:
        path: as on a command line: "model.encoder.width".
        type: in words, with bounds.
        choices: the names that it may have; none where it takes any value of its type.
        default: as plain data; REQUIRED where there is none.
        meaning: in a few words.
        of: kind of the part that it stands in; "" where the part has no kinds.
    """

    path: str
    type: str
    choices: tuple[str, ...]
    default: Any = field(hash=False)
    meaning: str
    of: str = ""


def key_of(model: type[BaseModel], name: str, above: str = "") -> Key:
    """A field of a config.

    Args:
        above: path of the part that it stands in.
    """
    info = model.model_fields[name]
    parts = models_in(info.annotation)
    choices = tuple(map(kind_of, parts)) if parts else _names_in(info.annotation)
    default: Any = REQUIRED
    if not info.is_required():
        default = info.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            default = default.model_dump(mode="json")
    return Key(
        path=f"{above}.{name}" if above else name,
        type=_in_words(info.annotation, info.metadata),
        choices=tuple(filter(None, choices)),
        default=default,
        meaning=_meaning(model, name),
        of=kind_of(model),
    )


def keys_below(recipe: type[BaseModel], path: str) -> list[Key]:
    """The keys of the part at a path, of each kind that it may be; or the key itself.

    Parts of one kind only are opened, the keys of others are a path further.

    Args:
        path: "model.encoder"; "" for a recipe's own. A number is a member of a list.

    Raises:
        UserError: no such key, with the nearest.
    """
    models: list[type[BaseModel]] = [recipe]
    found: list[Key] = []
    above = ""
    for step in filter(None, path.split(".")):
        if step.isdecimal() and found and found[0].type.startswith("list"):
            above = f"{above}.{step}"
            continue
        holders = [model for model in models if step in model.model_fields]
        if not holders:
            known = {key for model in models for key in model.model_fields}
            full = [f"{above}.{key}" if above else key for key in sorted(known)]
            here = f"{above}.{step}" if above else step
            if not full:
                raise UserError(f"{above} has no keys below it")
            raise UserError(f"{here}: unknown key; {did_you_mean(here, full)}")
        found = [key_of(model, step, above) for model in holders]
        taken = [models_in(model.model_fields[step].annotation) for model in holders]
        models = list(dict.fromkeys(chain.from_iterable(taken)))
        above = f"{above}.{step}" if above else step
    if not models:
        return found
    return [key for model in models for key in _opened(model, above)]


def _opened(model: type[BaseModel], above: str) -> Iterator[Key]:
    for name in names_of(model):
        key = key_of(model, name, above)
        yield key
        inner = models_in(model.model_fields[name].annotation)
        if len(inner) == 1 and not kind_of(inner[0]):
            yield from _opened(inner[0], key.path)


def names_of(model: type[BaseModel]) -> list[str]:
    """A config's fields, its kind first; without those that a task does not have."""
    names = [name for name, field in model.model_fields.items() if field.annotation is not NoneType]
    return sorted(names, key=lambda name: name != "kind")


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The configs that a field takes: itself, or each member of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_in(inner)]


def kind_of(model: type[BaseModel]) -> str:
    """What a recipe calls it; "" of a config without kinds."""
    return str(model.model_fields["kind"].default) if "kind" in model.model_fields else ""


def about(model: type[BaseModel]) -> str:
    """What a config is, in a line."""
    return " ".join((model.__doc__ or "").strip().partition("\n\n")[0].split())


def _meaning(model: type[BaseModel], name: str) -> str:
    if name == "kind":
        return about(model)
    for base in model.__mro__:  # a task that narrows a part need not say again what it is
        info: FieldInfo | None = getattr(base, "model_fields", {}).get(name)
        if info is not None and info.description:
            return info.description
    parts = models_in(model.model_fields[name].annotation)
    return about(parts[0]) if len(parts) == 1 else ""


def _names_in(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    return tuple(name for inner in get_args(annotation) for name in _names_in(inner))


_WORDS = {bool: "true or false", int: "integer", float: "number", str: "text", NoneType: "null"}


def _in_words(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type for people.

    >>> _in_words(int | None, [Ge(1), Le(300)])
    'integer, 1 to 300, or null'
    >>> _in_words(tuple[float, ...])
    'list, each number'
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        more = [each for m in inner[1:] for each in (m.metadata if _is_field(m) else [m])]
        return _in_words(inner[0], [*metadata, *more])
    if origin in (Union, UnionType):
        others = [each for each in inner if each is not NoneType]
        words = dict.fromkeys(_in_words(each, metadata) for each in others)
        return " or ".join(words) + (", or null" if len(others) < len(inner) else "")
    if origin is Literal:
        return "name"
    if origin is tuple:
        least = "".join(f" of {m.min_length} or more" for m in metadata if isinstance(m, MinLen))
        return f"list{least}, each {_in_words(inner[0])}"
    if origin is dict:
        return f"a {_in_words(inner[1])} for each {_in_words(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "part"
    return ", ".join([_WORDS.get(annotation, "anything"), *_bounds(metadata)])


def _is_field(metadata: Any) -> bool:
    return isinstance(metadata, FieldInfo)


def _bounds(metadata: Sequence[Any]) -> list[str]:
    low = [m.ge for m in metadata if isinstance(m, Ge)]
    high = [m.le for m in metadata if isinstance(m, Le)]
    if low and high:
        return [f"{low[-1]} to {high[-1]}"]
    return [
        *(f"at least {each}" for each in low),
        *(f"above {m.gt:.4g}" for m in metadata if isinstance(m, Gt)),
        *(f"at most {each}" for each in high),
        *(f"below {m.lt:.4g}" for m in metadata if isinstance(m, Lt)),
    ]
