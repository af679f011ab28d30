"""From a template beside this file to HTML."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bossline.core.language import TAGS, spoken, term, tr


def templates() -> Environment:
    """Those beside this file; whatever is no `Markup` is escaped."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"tr": tr, "term": term}
    return found


def render(template: str, **values: object) -> str:
    """A page in the language that is spoken."""
    return templates().get_template(template).render(language=TAGS[spoken()], **values)
