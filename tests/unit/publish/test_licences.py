"""What may be public."""

from __future__ import annotations

from pathlib import Path

import making
import pytest

from synthem.errors import SynthemError
from synthem.publish.licences import check_licence, identifier, metadata, objections
from synthem.tiles.origins import Origin, joined, origins


def real(images: str | None, labels: str | None = "MIT") -> Origin:
    return Origin("real", "theirs", images, labels)


DRAWN = Origin("synthetic", "epfl")


@pytest.mark.parametrize("text", ["CC BY 4.0", "cc-by-4.0", "Cc_By 4.0"])
def test_licences_are_known_however_they_are_written(text: str) -> None:
    assert identifier(text) == "cc-by-4.0"
    assert objections([real(text)]) == []


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (real(None), "theirs: no licence is stated for its images"),
        (real("MIT", None), "theirs: no licence is stated for its labels"),
        (real("CC BY-ND 4.0"), "theirs: the licence of its images, CC BY-ND 4.0, forbids passing on changed copies"),
        (real("ask me"), "theirs: the licence of its images, ask me, isn't known to allow copies"),
    ],
)
def test_a_licence_in_the_way_is_named(origin: Origin, reason: str) -> None:
    assert objections([DRAWN, origin]) == [reason]
    assert metadata([DRAWN, origin], "mit") == {"license": "unknown"}


def test_the_card_names_the_licence_or_all_of_them() -> None:
    assert metadata([DRAWN], "cc0-1.0") == {"license": "cc0-1.0"}
    assert metadata([DRAWN, real("MIT")], "mit") == {"license": "mit"}
    assert metadata([DRAWN, real("CC BY 4.0")], "mit") == {"license": ["cc-by-4.0", "mit"]}


def test_a_licence_of_one_s_own_must_allow_copies() -> None:
    assert check_licence("CC0 1.0") == "cc0-1.0"
    with pytest.raises(SynthemError, match=r"--licence cc-by-nd-4.0: not among those known to allow copies: mit, "):
        check_licence("cc-by-nd-4.0")


def test_origins_of_datasets(tmp_path: Path) -> None:
    tiles = making.tiles(tmp_path / "tiles", 2)
    stated = making.layers(
        tmp_path / "stated", ("a",), name="x", licences={"images": "MIT", "labels": None}, where="here"
    )
    silent = making.layers(tmp_path / "silent", ("a",))
    derived = making.tiles(tmp_path / "derived", 1, origins=[real(None).to_json()])
    assert origins(tiles) == [Origin("synthetic", "tiles")]
    assert origins(stated) == [Origin("real", "x", "MIT", None, "here")]
    assert origins(silent) == [Origin("real", "silent")]
    assert origins(derived) == [real(None)]
    assert joined([tiles, silent, tiles]) == [Origin("synthetic", "tiles"), Origin("real", "silent")]
