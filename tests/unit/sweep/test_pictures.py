"""Overlays: of which cells, on which layers, and drawn again where they are damaged or of other layers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sweeping
from PIL import Image

from synthem.evaluate import Evaluation
from synthem.models.files import locked
from synthem.sweep import Plan, carry_out
from synthem.sweep.pictures import draw_pictures, focus, overlay_files, pictured


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("pictures")
    grid = {"real.layers": [0, 1, 2], "synthetic.n": [0, 2], "training.seed": [0]}
    plan = sweeping.plan(sweeping.layers(folder / "real"), folder / "sweep", grid=grid, report={"focus": "membrane"})
    carry_out(plan)
    return plan


def test_the_plain_cell_has_no_tiles_and_most_layers(done: Plan) -> None:
    plain = pictured(done)[0]
    assert plain.at == {"synthetic.n": 0, "real.layers": 2}
    assert focus(done) == plain.name == "membrane"


def test_overlays_are_of_the_layers_that_hold_the_class(done: Plan) -> None:
    for cell in pictured(done):
        folder = done.run_folder(cell.rows[0]["run"])
        counts = Evaluation.open(folder / "test").counts
        held = (counts.tp + counts.fn)[:, counts.classes.index("membrane")]
        wanted = {layer for layer, n in zip(counts.layers, held, strict=True) if n} or {counts.layers[0]}
        files = overlay_files(done, cell)
        assert {path.stem.removesuffix("-membrane") for path in files} == wanted
        for path in files:
            with Image.open(path) as picture:
                assert (picture.size, picture.mode) == ((80, 64), "RGB")


def test_damaged_overlays_are_drawn_again(done: Plan) -> None:
    cell = pictured(done)[0]
    place = overlay_files(done, cell)[0]
    pixels = place.read_bytes()
    (place.parent.parent / "result.json").write_text("{")
    place.unlink()
    draw_pictures(done)
    assert place.read_bytes() == pixels


def test_sweeps_that_share_a_run_draw_one_after_the_other(done: Plan) -> None:
    cell = pictured(done)[0]
    other = threading.Thread(target=draw_pictures, args=(done,))
    with locked(done.run_folder(cell.rows[0]["run"]) / ".lock"):
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    assert overlay_files(done, cell)


def test_nothing_finished_is_nothing_to_draw(tmp_path: Path) -> None:
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep")
    assert focus(plan) is None
    assert pictured(plan) == []
    draw_pictures(plan)
