"""The command line: one command for each stage, in the pipeline's order.

Nothing heavy is imported until a command runs, so that `synthem --help` answers at once.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import synthem
from synthem.cli.common import say
from synthem.cli.usage import Group, UsageError, as_typed, explain
from synthem.errors import SynthemError

COMMANDS: tuple[str, ...] = (
    "generate",
    "preview",
    "repaint",
    "recipe",
    "import_",
    "export",
    "stats",
    "check",
    "split",
    "corrupt",
    "mix",
    "train",
    "evaluate",
    "sweep",
    "report",
    "publish",
    "doctor",
)
"""Modules of this folder in the pipeline's order; each has `register(app)`."""


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"synthem {synthem.__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", callback=_tell_version, is_eager=True)
]
INTERRUPTED = 130
KEPT = "interrupted: nothing half-written is left; the same command goes on from there"


def build() -> typer.Typer:
    """The whole application, for `main`, the documentation and tests."""
    app = typer.Typer(
        name="synthem",
        cls=Group,
        help="Synthetic electron microscopy with exact labels, exact mixes with real layers, and their worth.\n\n"
        "Wherever a command reads the folder of a dataset, hub:me/name@v1 means one on the Hugging Face Hub.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def program(version: Version = False) -> None: ...

    here = Path(__file__).parent
    for name in COMMANDS:
        if (here / f"{name}.py").exists():
            importlib.import_module(f"synthem.cli.{name}").register(app)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit code: 0 done, 1 found something, 2 a user's error, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # where it takes no ±, a question mark
        sys.stdout.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command and give its exit code."""
    try:
        code = build()(arguments, prog_name="synthem", standalone_mode=False) or 0
        if code == INTERRUPTED:
            say(KEPT)
        return int(code)
    except SystemExit as left:  # of the shell's completion
        return left.code if isinstance(left.code, int) else 0
    except SynthemError as error:
        say(f"error: {as_typed(str(error), arguments)}")
        return 2
    except UsageError as error:
        text = explain(error, arguments)
        say(text if "\n" in text else f"error: {text}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        say(KEPT)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        say(f"error: too little memory ({error}); take smaller pictures, a smaller batch or fewer workers")
        return 2
    except OSError as error:
        say(f"error: {_explain(error)}")
        return 2


def _explain(error: OSError) -> str:
    place = error.filename or "this machine"
    remedy = {
        errno.ENOSPC: "the disk is full; free some space or name another --out, then run the command again",
        errno.EDQUOT: "the disk quota is used up; free some space or name another --out, then run the command again",
        errno.EACCES: "no permission; name another folder or change its permissions",
        errno.EPERM: "not permitted; name another folder or change its permissions",
        errno.EROFS: "the file system is read-only; name another folder",
        errno.ENOTDIR: "a part of it is a file; name another folder",
        errno.ENOENT: "there is no such file or folder; check the name",
    }.get(error.errno or 0, error.strerror or str(error))
    return f"{place}: {remedy}"
