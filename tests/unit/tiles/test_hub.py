"""Names on the Hub, and what its errors become; `tests/e2e/test_publish.py` has the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthem.errors import SynthemError
from synthem.tiles.hub import Address, cache_folder, local, on_hub
from synthem.tiles.hub_errors import judge, speaking_of


def test_addresses() -> None:
    assert Address.parse("hub:me/tiles@v1") == Address("me/tiles", "v1")
    assert Address.parse("hub:me/tiles") == Address("me/tiles")
    assert str(Address("me/tiles", "v1")) == "hub:me/tiles@v1"
    assert on_hub(Path("hub:me/tiles"))
    assert not on_hub("me/tiles")
    assert local("me/tiles") == Path("me/tiles")


@pytest.mark.parametrize("text", ["hub:tiles", "hub:me/tiles@", "hub:me/a--b", "hub:me/a.git", "hub:me/", "hub:../x"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(SynthemError, match="write"):
        Address.parse(text)


def test_the_cache_is_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHEM_CACHE", "/here")
    assert cache_folder() == Path("/here")
    monkeypatch.delenv("SYNTHEM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder() == Path("/there/synthem")


def test_only_the_hub_s_errors_are_explained() -> None:
    assert judge(KeyError("x")) is None
    with pytest.raises(KeyError), speaking_of("me/tiles"):
        raise KeyError("x")
    with (
        pytest.raises(SynthemError, match=r"^me/tiles: the Hub can't be reached \(ConnectionResetError\)"),
        speaking_of("me/tiles"),
    ):
        raise RuntimeError("while uploading") from ConnectionResetError()
    verdict = judge(json.JSONDecodeError("no", "<html>", 0))
    assert verdict is not None
    assert verdict.passing
