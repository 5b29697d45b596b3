"""`synthem recipe`: a recipe in full, its schema, and what two recipes differ in."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from synthem.cli.common import Json, finish
from synthem.cli.generate import Set, Source
from synthem.cli.usage import Group


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        cls=Group, help="Show a recipe, its schema, or what two recipes differ in.", no_args_is_help=True
    )
    group.command()(show)
    group.command()(schema)
    group.command()(diff)
    app.add_typer(group, name="recipe")


def show(recipe: Source = "epfl", set_: Set = None, as_json: Json = False) -> None:
    """Print a recipe with every default, as YAML to change and use."""
    from synthem.cli.generate import adjusted
    from synthem.recipe import Recipe

    chosen = adjusted(Recipe.load(recipe), {}, None, None, set_ or [])
    finish(chosen.to_json(), as_json=as_json, lines=[chosen.to_yaml().rstrip()])


def schema(
    kind: Annotated[str | None, typer.Argument(help="One organelle; the whole recipe where left out.")] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON schema: every parameter, its unit and default."""
    from synthem.organelles.registry import organelle
    from synthem.recipe import json_schema

    content = json_schema() if kind is None else organelle(kind).model_json_schema()
    finish(content, as_json=as_json, lines=[json.dumps(content, indent=2, ensure_ascii=False)])


def diff(
    one: Annotated[str, typer.Argument(help="A recipe.", metavar="RECIPE")],
    other: Annotated[str, typer.Argument(help="The one to compare with it.", metavar="RECIPE")],
    as_json: Json = False,
) -> None:
    """Print the parameters in which two recipes differ."""
    from synthem.recipe import Recipe, flat

    a, b = (dict(flat(Recipe.load(name).to_json())) for name in (one, other))
    keys = [key for key in {**a, **b} if a.get(key) != b.get(key) and key not in ("name", "description")]
    changes = {key: [a.get(key), b.get(key)] for key in keys}
    lines = [f"{key}: {_text(was)} → {_text(becomes)}" for key, (was, becomes) in changes.items()]
    finish(changes, as_json=as_json, lines=lines or ["no difference"])


def _text(value: Any) -> str:
    return "not there" if value is None else json.dumps(value, ensure_ascii=False)
