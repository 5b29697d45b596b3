"""`synthem check` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import making
import numpy as np
import pytest

from synthem.cli import run


def test_exit_codes_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = np.zeros((64, 64), np.uint8)
    making.write(tmp_path / "fine", [(making.draw(0, i)[0], nothing) for i in range(3)])
    making.write(tmp_path / "flat", [(nothing, nothing)])
    assert run(["check", str(tmp_path / "fine")]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    assert run(["check", str(tmp_path / "flat"), str(tmp_path / "fine"), "--json"]) == 1
    assert [one["kind"] for one in json.loads(capsys.readouterr().out)["findings"]] == ["constant"]
    assert run(["check", str(tmp_path / "flat"), "--skip", "constant"]) == 0
    assert run(["check", str(tmp_path / "flat"), "--skip", "speks"]) == 2
    assert "did you mean 'speck'" in capsys.readouterr().err
