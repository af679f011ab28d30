"""A file of one's own with models, schedules or tasks, named by its user on the command line.

Nothing that is read, no recipe, run or corpus, can name such a file to be run: a run only tells
which ones it was made with.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from bossline.core.errors import UserError
from bossline.core.reading import read_bytes, reason

LOADED: dict[str, str] = {}
"""SHA-256 of each file that was run, by its name."""


def load_extension(path: Path) -> None:
    """Run a Python file, which registers what it has; see docs/extending.md.

    Raises:
        UserError: no such file, or it fails; names its line.
    """
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UserError(f"--with {path}: cannot be read: {reason(error)}") from error
    name = f"bossline_extension_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--with {path}: expected a Python file, as my_models.py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # where pydantic looks for the types that annotations name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
        where = f" line {line or lines[-1]}" if line or lines else ""
        raise UserError(f"--with {path}{where}: {type(error).__name__}: {error}") from error
    LOADED[path.name] = hashlib.sha256(content).hexdigest()
