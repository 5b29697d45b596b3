"""HTML tables with captions and scopes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of every row."""
    text_columns: Sequence[int] = ()
    """Columns that aren't numbers."""


def table(content: Table) -> str:
    """As HTML; everything is escaped."""
    marked = "".join(f' {name}="{html.escape(value)}"' for name, value in content.attributes.items())

    def cell(i: int, text: str, tag: str, scope: str = "") -> str:
        style = ' class="text"' if i in content.text_columns else ""
        return f"<{tag}{scope}{style}>{html.escape(text)}</{tag}>"

    head = "".join(cell(i, text, "th", ' scope="col"') for i, text in enumerate(content.head))
    rows = [
        cell(0, row[0], "th", ' scope="row"') + "".join(cell(i, text, "td") for i, text in enumerate(row) if i)
        for row in content.rows
    ]
    body = "".join(f"<tr{marked}>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><caption>{html.escape(content.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
