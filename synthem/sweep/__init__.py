"""Sweeps: a study's grid planned, run and tabled. `prepare` makes the plan, `carry_out` does it, `write_tables` tells.

`Study` and `prepare` need everything that synthem installs, so they are imported when they are asked for; `Plan.open`
and `carry_out` go on from a folder with what training needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthem.sweep.plan import Plan
from synthem.sweep.sweep import carry_out, unfinished
from synthem.sweep.table import Outcome, cells, outcomes, rows, write_tables

if TYPE_CHECKING:
    from synthem.sweep.planning import prepare
    from synthem.sweep.study import Study

__all__ = [
    "Outcome",
    "Plan",
    "Study",
    "carry_out",
    "cells",
    "outcomes",
    "prepare",
    "rows",
    "unfinished",
    "write_tables",
]


def __getattr__(name: str) -> Any:
    if name == "Study":
        from synthem.sweep.study import Study

        return Study
    if name == "prepare":
        from synthem.sweep.planning import prepare

        return prepare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
