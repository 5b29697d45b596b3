"""How things show themselves in notebooks: short texts, escaped tables, pictures that any viewer opens."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import making
import numpy as np
from PIL import Image

from synthem import Recipe, make_tile
from synthem.curate.mix import mix
from synthem.evaluate import Evaluation
from synthem.show import html_table


class Cells(HTMLParser):
    """The texts of a page, and the addresses of its pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pictures: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.pictures += [str(value) for name, value in attrs if name == "src"]


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_tables_are_escaped() -> None:
    page = html_table("<b>a & b</b>", ("<i>", "x"), [("<script>alert(1)</script>", '</td>"')])
    cells = Cells(page)
    assert {"b", "i", "script"}.isdisjoint(cells.tags)
    assert {"<b>a & b</b>", "<i>", "<script>alert(1)</script>", '</td>"'} <= set(cells.texts)


def test_a_recipe() -> None:
    recipe = Recipe.load("epfl")
    assert repr(recipe).startswith("Recipe('epfl', 256x256 px of 5 nm: axon, mitochondrion, psd, vesicles")
    assert str(recipe) == repr(recipe)
    assert len(repr(recipe)) < 150
    texts = Cells(recipe._repr_html_()).texts
    assert "organelles.axon.radius_nm" in texts
    assert texts[texts.index("nm_per_px") + 1] == "5.0"
    named = Recipe(name="mine", description="<img src=x>")
    assert "<img" not in named._repr_html_()
    assert repr(named) == "Recipe('mine', 256x256 px of 5 nm: no organelles)"


def test_a_tile_and_a_dataset(tmp_path: Path) -> None:
    scene, tile = make_tile(Recipe.load("axons").with_values({"size": 64}), 0, 0)
    assert re.fullmatch(r"Scene\('axons', seed 0, index 0: \d axon(, \d+ \w+)*\)", repr(scene))
    assert re.fullmatch(r"Tile\(64x64 px of 5 nm: (axon, )?.*membrane\)", repr(tile))
    shown = np.asarray(opened(tile._repr_png_()))
    np.testing.assert_array_equal(shown[6:70, 6:70, 0], tile.image)
    data = making.tiles(tmp_path / "tiles", 3)
    assert opened(data._repr_png_()).format == "PNG"


def test_a_mix_shows_its_numbers_and_its_windows(tmp_path: Path) -> None:
    making.layers(tmp_path / "real", ("a", "b"))
    made = mix(tmp_path / "a<b>", real=tmp_path / "real", window=64, stride=64)
    assert repr(made) == f"Mix({str(tmp_path / 'a<b>')!r}, {len(made)} windows of 64 px, 1 sources)"
    cells = Cells(made._repr_html_())
    assert "b" not in cells.tags
    assert cells.texts.count(str(len(made))) >= 2  # of the real layers, and in total
    (address,) = cells.pictures
    picture = opened(base64.b64decode(address.removeprefix("data:image/png;base64,")))
    np.testing.assert_array_equal(np.asarray(picture)[6:70, 6:70, 0], made.image(0))


def test_scores() -> None:
    pooled = {"axon": {"dice": 0.5, "iou": 1 / 3}, "psd": {"dice": None, "iou": None}}
    scores = Evaluation(Path("s&d"), {"layers": ["a", "b"], "classes": ["axon", "psd"], "pooled": pooled})
    assert repr(scores) == "Evaluation('s&d', 2 layers, Dice axon 0.500, psd –)"
    texts = Cells(scores._repr_html_()).texts
    assert [text for text in texts if text.strip()] == [
        "s&d: 2 layers", "class", "dice", "iou", "axon", "0.500", "0.333", "psd", "–", "–"
    ]  # fmt: skip
