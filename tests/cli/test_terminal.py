"""What a terminal sees: completion, and no colours or bars where they aren't wanted."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from synthem.cli import COMMANDS

SYNTHEM = [sys.executable, "-c", "import sys; from synthem.cli import main; sys.argv[0] = 'synthem'; main()"]
GENERATE = [*SYNTHEM, "generate", "axons", "--n", "3", "--size", "64"]


def test_commands_and_options_are_completed() -> None:
    def complete(*words: str) -> list[str]:
        asked = {"_SYNTHEM_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        done = subprocess.run(SYNTHEM, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert set(complete("synthem", "")) == {name.rstrip("_") for name in COMMANDS}
    assert complete("synthem", "gen") == ["generate"]
    assert "--seed" in complete("synthem", "generate", "--se")


def test_any_encoding_will_do() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*SYNTHEM, "recipe", "diff", "epfl", "axons"], env=environment, capture_output=True, text=True, check=True
    )
    assert 'organelles.psd.count: {"poisson": 0.55} ? 0' in done.stdout


def test_no_bar_and_no_escape_code_where_there_is_no_terminal(tmp_path: Path) -> None:
    done = subprocess.run([*GENERATE, "--out", str(tmp_path / "tiles")], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stderr


def test_no_color_is_heeded_on_a_terminal(tmp_path: Path) -> None:
    def shown(out: str, **variables: str) -> bytes:
        ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", **variables}
        process = subprocess.Popen(
            [*GENERATE, "--out", str(tmp_path / out)], env=environment, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        assert process.wait() == 0
        os.close(ours)
        return text

    colours = b"\x1b[38;5;"
    coloured, plain = shown("one"), shown("two", NO_COLOR="1")
    assert colours in coloured
    assert colours not in plain
    assert b"3/3" in plain
