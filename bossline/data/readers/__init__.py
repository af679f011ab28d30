"""One file a source layout. A new reader is a new module here: all of them are found by name."""

from __future__ import annotations

import os
import pkgutil
from importlib import import_module
from pathlib import Path

from bossline.core.errors import UserError, did_you_mean
from bossline.data.readers.base import READERS, Reader, inside

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def choose_reader(path: Path, name: str | None = None) -> Reader:
    """The reader of this name, else the one that recognises the folder.

    Raises:
        UserError: no such reader, no such folder, or a layout that none or several recognise.
    """
    if name is not None and name not in READERS:
        raise UserError(f"no layout '{name}': {did_you_mean(name, READERS)}")
    if not os.path.isdir(path):  # unlike pathlib's, of any name
        there = os.path.exists(path)
        raise UserError(f"{path}: {'a file, expected a folder' if there else 'no such folder'}")
    if name is not None:
        return READERS[name]
    fitting = _recognising(path)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(reader.name for reader in fitting)
        raise UserError(f"{path} fits the layouts {names}: choose one with --as")
    for child in inside(path):
        if child.is_dir() and _recognising(child):
            raise UserError(f"{path} has no known layout, but {child} has: import that folder")
    known = "\n".join(f"  {reader.name}: {reader.description}" for reader in READERS.values())
    raise UserError(f"{path} has no known layout; the known ones:\n{known}")


def _recognising(path: Path) -> list[Reader]:
    fitting = [reader for reader in READERS.values() if reader.recognises(path)]
    general = {name for reader in fitting for name in reader.goes_before}
    return [reader for reader in fitting if reader.name not in general]
