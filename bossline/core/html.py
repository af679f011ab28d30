"""Small tables for notebooks; all that is shown in them is the user's and is escaped.

Who shows one, speaks: `@speaking()` over `_repr_html_` has it in the language of BOSSLINE_LANG.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from bossline.core.language import tr

ROWS_SHOWN = 20


def html_table(
    title: str, head: Sequence[object], rows: Iterable[Sequence[object]], more: int = 0
) -> str:
    """A table with a caption.

    Args:
        more: rows that are not shown.

    >>> html_table("<a>", ["phone"], [["AA"]])  # doctest: +ELLIPSIS
    '<table><caption>&lt;a&gt;</caption><thead><tr><th>phone</th></tr></thead>...</table>'
    """
    top = Markup().join(Markup("<th>{}</th>").format(str(cell)) for cell in head)
    body = Markup().join(map(_row, rows))
    if more:
        body += _row([tr("and {more:,} more", more=more)])
    return str(
        Markup(
            "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
        ).format(title, top, body)
    )


def html_facts(title: str, facts: Mapping[str, object]) -> str:
    """A table of a fact a line; empty ones are left out."""
    return html_table(title, [], [(what, fact) for what, fact in facts.items() if str(fact)])


def _row(cells: Sequence[object]) -> Markup:
    inner = Markup().join(Markup("<td>{}</td>").format(str(cell)) for cell in cells)
    return Markup("<tr>{}</tr>").format(inner)
