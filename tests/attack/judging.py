"""What may come of a damaged thing: the same as before, or one message that names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from tests.attack.child import Ended
from tests.attack.mutations import TEXT_SUFFIXES, Mutation
from tests.attack.rules import is_sound, may_be_absent
from tests.attack.targets import Target

LONGEST = 6000  # characters of a message


@dataclass(frozen=True)
class Verdict:
    """One of the outcomes of results.py, and what one needs to know."""

    outcome: str
    why: str = ""


def judge_end(ended: Ended) -> Verdict | None:
    """What is wrong whatever was damaged; None where it was refused or something came of it."""
    match ended.how:
        case "timed out":
            return Verdict("hang", ended.text)
        case "killed":
            return Verdict("crash", ended.text)
        case "raised":
            memory = re.search(r"MemoryError|can't allocate memory|not enough memory", ended.text)
            return Verdict("memory" if memory else "traceback", ended.text)
        case "refused":
            return _unreadable(ended.text)
    return None


def _unreadable(message: str) -> Verdict | None:
    """A message that a terminal could not show."""
    odd = sorted({c for c in message if not (c.isprintable() or c == "\n")})
    if odd:
        return Verdict("unnamed", f"the message has {odd!a} in it: {message!a}")
    if len(message) > LONGEST:
        return Verdict("unnamed", f"the message has {len(message)} characters: {message[:500]}")
    return None


def judge(
    target: Target,
    ended: Ended,
    clean: Any,
    file: PurePath,
    mutation: Mutation,
    work: Path,
) -> Verdict:
    """
    Args:
        target: what was damaged.
        ended: what came of it.
        clean: what comes of it undamaged.
        file: the damaged one, within the target.
        mutation: how it was damaged.
        work: where the damaged target lies.
    """
    if found := judge_end(ended):
        return found
    if ended.how == "refused":
        if mutation.harmless:
            return Verdict("needless", ended.text)
        return _named(target, file, mutation, ended.text)
    if _essence(ended.value) == _essence(clean):
        return Verdict("equal")
    why = _difference(clean, ended.value)
    if target.group == "import":
        return _judge_import(target, ended.value, clean, file, mutation, work, why)
    if target.group == "recipe":
        return Verdict("undetectable")  # another recipe, which is read back as it was read
    if target.group == "align" and file.parts[0] == "spoken":
        return _judge_spoken(target, file, mutation, work, why)
    # All of a pack and of a run is hashed; what one has not been asked for yet may be absent.
    absent = file.name in _DISPENSABLE and mutation.kind in ("remove", "rename")
    return Verdict("undetectable") if absent else Verdict("silent", why)


def _essence(value: Any) -> Any:
    """What is compared: remarks on what lay beside the items are none of them."""
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if key != "passed over"}


def _named(target: Target, file: PurePath, mutation: Mutation, message: str) -> Verdict:
    """A message names the file, one that contradicts it, or, of a missing one, its folder."""
    names = {file.name, file.stem, *(other.name for other in target.files)}
    if not mutation.bytes_only:
        names |= {parent.name for parent in file.parents}
        names.add("runs/a")
    if any(name and name in message for name in names):
        return Verdict("refused", message)
    return Verdict("unnamed", message)


def _difference(clean: Any, other: Any, path: str = "") -> str:
    """Where two outcomes part, the first place."""
    if isinstance(clean, dict) and isinstance(other, dict):
        for key in [*clean, *other]:
            if clean.get(key) != other.get(key):
                return _difference(clean.get(key), other.get(key), f"{path}/{key}")
    if isinstance(clean, list) and isinstance(other, list) and len(clean) == len(other):
        for number, (a, b) in enumerate(zip(clean, other, strict=True)):
            if a != b:
                return _difference(a, b, f"{path}/{number}")
    return f"{path}: {str(clean)[:80]} -> {str(other)[:80]}"


def _bytes_of(file: Path) -> bytes | None:
    """None where no regular file is left."""
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _judge_import(
    target: Target,
    found: Any,
    clean: Any,
    file: PurePath,
    mutation: Mutation,
    work: Path,
    why: str,
) -> Verdict:
    """The corpus is another one than before."""
    missing = clean["items"].keys() - found["items"].keys()
    left_out = {f"{part}/{id}" for part, id in found["left out"]}
    same = all(found["items"][key] == clean["items"].get(key) for key in found["items"])
    # Of a file of many items a part is known to be damaged, and no one can tell for the others.
    many = file.suffix in TEXT_SUFFIXES or target.layout == "timit11"
    if left_out and (many or (same and missing <= left_out)):
        return Verdict("left out")
    if found["passed over"] and same:
        return Verdict("left out")
    name = file.relative_to("source")
    if not mutation.bytes_only:
        gone = not (work / file).is_symlink() and not (work / file).exists()
        moved = (
            mutation.kind in ("remove", "rename") and gone and may_be_absent(target.layout, name)
        )
        added = (
            mutation.kind == "stray"
            and not mutation.harmless
            and not missing
            and same_but_new(clean["items"], found["items"])
        )
        return Verdict("undetectable") if moved or added else Verdict("silent", why)
    content = _bytes_of(work / file)
    if content is None or not is_sound(target.layout, name, content):
        return Verdict("silent", why)
    if name.suffix in (".npy", ".jpg", ".wav", ".flac", ".mp3") and target.layout != "timit11":
        others = [
            key
            for key in clean["items"].keys() | found["items"].keys()
            if clean["items"].get(key) != found["items"].get(key)
            and not key.endswith(name.with_suffix("").name)
        ]
        if others:
            return Verdict("silent", f"changed as well: {', '.join(sorted(others))}")
    return Verdict("undetectable")


def _judge_spoken(
    target: Target, file: PurePath, mutation: Mutation, work: Path, why: str
) -> Verdict:
    """Something else than before was aligned: nothing secures texts and dictionaries."""
    if not mutation.bytes_only:
        gone = not (work / file).is_symlink() and not (work / file).exists()
        known = mutation.kind == "stray" or gone
        return Verdict("undetectable") if known else Verdict("silent", why)
    content = _bytes_of(work / file)
    if content is None or not is_sound(target.layout, PurePath(file.name), content):
        return Verdict("silent", why)
    return Verdict("undetectable")


def same_but_new(clean: dict[str, str], found: dict[str, str]) -> bool:
    """Whether only items were added."""
    return all(found.get(key) == value for key, value in clean.items())


_DISPENSABLE = (
    "alignment.safetensors", "scores.json", "threshold.json", "gallery.safetensors",
    "metrics.jsonl", "verification.json",
)  # fmt: skip
"""Files of a run without which it is a run that has not been asked as much."""
