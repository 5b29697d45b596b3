"""Pages that follow from the code: the commands' own help, and the lists of decisions and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COMMANDS = "<!-- every command's help -->"
LISTED = {"Decisions": "decisions", "Results": "results"}


def on_config(config: Any) -> Any:
    """Add a page of the navigation for each decision and result."""
    for title, folder in LISTED.items():
        pages = sorted(path.relative_to(HERE).as_posix() for path in (HERE / folder).glob("*.md"))
        if pages:
            config.nav.append({title: pages})
    return config


def on_page_markdown(markdown: str, **about: Any) -> str:
    """Put the help of every command where a page asks for it."""
    return markdown.replace(COMMANDS, _help()) if COMMANDS in markdown else markdown


def _help() -> str:
    import typer.main
    from typer.testing import CliRunner

    from synthem.cli import build

    app = build()
    group: Any = typer.main.get_command(app)
    parts = []
    for name in group.list_commands(None):
        command = group.commands[name]
        inner = [[name, part] for part in getattr(command, "commands", ())] or [[name]]
        for words in inner:
            shown = CliRunner().invoke(app, [*words, "--help"], prog_name="synthem", env={"COLUMNS": "100"})
            parts.append(f"## synthem {' '.join(words)}\n\n```text\n{shown.output.strip()}\n```")
    return "\n\n".join(parts)
