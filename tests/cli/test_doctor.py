"""`synthem doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hub_server import TOKEN, Fault, HubServer

from synthem.cli import doctor as stage
from synthem.cli import run


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Hub, no token, and a cache of its own, unless a test says otherwise."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setenv("SYNTHEM_CACHE", str(tmp_path / "cache"))


def found() -> dict[str, stage.Finding]:
    return {one.what: one for one in stage.doctor(timeout=2)}


def test_a_machine_that_has_all_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert summary["fine"]
    seen = {one["what"]: one for one in summary["findings"]}
    assert {"synthem", "Python", "packages", "processor", "GPU", "cache", "free disk", "data: epfl-itmm", "Hub"} <= {
        "GPU" if name.startswith("cuda") else name for name in seen
    }
    assert f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores" in seen["processor"]["found"]
    assert run(["doctor"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == len(summary["findings"])
    assert any(line.startswith("- Hub") and "can't be reached" in line for line in shown)


def test_every_package_that_synthem_needs_is_looked_for() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert list(stage.PARTS) == [line.partition(">")[0] for line in project["dependencies"]]


def test_a_missing_package_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "PARTS", ("numpy", "shapelier"))
    assert run(["doctor"]) == 1
    assert "! packages" in (text := capsys.readouterr().out)
    assert "no shapelier; run `pip install shapelier`" in text


def test_the_hub_says_who_is_logged_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with HubServer() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        assert "not logged in" in found()["Hub"].found
        monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_wrong")
        assert "refuses the token" in found()["Hub"].found
        monkeypatch.setattr("huggingface_hub.get_token", lambda: TOKEN)
        assert found()["Hub"].found == f"{hub.url} answers, logged in as me"
        hub.faults = [Fault("GET", "whoami", 503)]
        assert "error 503" in found()["Hub"].found
        assert run(["doctor"]) == 0
        assert TOKEN not in capsys.readouterr().out


def test_folders_that_can_t_be_written_and_little_disk_are_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stage, "_writable", lambda folder: False)
    monkeypatch.setattr(stage, "LITTLE_DISK", 10**18)
    monkeypatch.setenv("SYNTHEM_DATA", str(tmp_path / "nowhere"))
    seen = found()
    assert "set SYNTHEM_CACHE" in seen["cache"].todo
    assert "NUMBA_CACHE_DIR" in seen["compiled kernels"].todo
    assert "free some space" in seen["free disk"].todo
    assert "there is no such folder" in seen["data: epfl-itmm"].found
    assert {seen[name].state for name in ("cache", "compiled kernels", "free disk", "this folder")} == {"note"}


def test_data_that_are_there_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYNTHEM_DATA", str(tmp_path))
    assert found()["data: epfl-itmm"] == stage.Finding("data: epfl-itmm", "ok", str(tmp_path))


def test_it_answers_where_torch_is_missing() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from synthem.cli.doctor import _devices\n"
        "assert list(_devices()) == []\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
