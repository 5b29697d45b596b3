"""Command lines that can't be read: one line that names the place and the remedy, and exit code 2."""

from __future__ import annotations

import pytest

from synthem import __version__
from synthem.cli import COMMANDS, run
from synthem.cli.common import finish

WRONG = [
    ("genrate", "synthem: command 'genrate'", "did you mean 'generate'? known are generate, preview,"),
    ("recipe shwo", "synthem recipe: command 'shwo'", "did you mean 'show'? known are show, schema, diff"),
    ("--quiet", "synthem: there is no option --quiet", "see `synthem --help`"),
    ("generate --axon 3", "synthem generate: there is no option --axon", "did you mean --axons?"),
    ("generate -q", "synthem generate: there is no option -q", "see `synthem generate --help`"),
    ("generate epfl axons", "synthem generate: got unexpected extra argument", "see `synthem generate --help`"),
    ("generate --n", "synthem generate: option '--n' requires an argument", "see `synthem generate --help`"),
    ("generate --strict=yes", "synthem generate: option '--strict' does not take a value", "see `synthem"),
    ("generate --n many", "synthem generate: --n: ", "integer"),
    ("generate --nm-per-px wide", "synthem generate: --nm-per-px: ", "see `synthem generate --help`"),
    ("preview --n 0", "synthem preview: --n: ", "greater than or equal to 1"),
    ("check", "synthem check: DIR is missing (datasets or mixes)", "see `synthem check --help`"),
    ("mix", "synthem mix: --out is missing (folder of the mix)", "see `synthem mix --help`"),
    ("mix --edge over --out m", "synthem mix: --edge: 'over' is not one of 'drop', 'shift', 'pad'", "see `synthem mix"),
    ("publish tiles", "synthem publish: --to is missing (the dataset's name on the Hub)", "see `synthem publish"),
]

RECIPE = ("recipe show", "recipe schema", "recipe diff")


@pytest.mark.parametrize(("line", "place", "remedy"), WRONG, ids=[line for line, _, _ in WRONG])
def test_one_line_and_exit_code_2(line: str, place: str, remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {place}")
    assert remedy in shown.err
    assert shown.err.count("\n") == 1


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"synthem {__version__}\n"


@pytest.mark.parametrize(
    ("name", "usage"),
    [("generate", "[RECIPE]"), ("preview", "[RECIPE|DIR]"), ("stats", "{DIR}..."), ("check", "{DIR}...")],
)
def test_brackets_and_dots_stand_once(name: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: synthem {name} [OPTIONS] {usage}\n")


@pytest.mark.parametrize("line", ["", "recipe"])
def test_nothing_said_shows_the_help(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    assert capsys.readouterr().err.startswith(f"Usage: {' '.join(['synthem', *line.split()])} [OPTIONS] COMMAND")


def test_commands_are_listed_in_the_order_of_the_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == [name.rstrip("_") for name in COMMANDS]
    assert not [line for line in listed if line.endswith("...")]


@pytest.mark.parametrize("words", [*(name.rstrip("_") for name in COMMANDS if name != "recipe"), *RECIPE])
def test_every_command_takes_json_and_shows_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: synthem {words} ")
    assert "--json" in shown


def test_a_summary_is_json_for_any_reader(capsys: pytest.CaptureFixture[str]) -> None:
    finish({"score": float("nan"), "ends": (float("inf"), 1)}, as_json=True, lines=[])
    assert capsys.readouterr().out == '{"score": null, "ends": [null, 1]}\n'
