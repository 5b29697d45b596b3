"""Photographs with lines drawn on copies, in colour and of one class, described as the guide says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import sweeping
import yaml
from PIL import Image, ImageDraw

from synthem.sweep import Study, carry_out, prepare
from synthem.tiles.dataset import TileDataset
from synthem.tiles.importers import import_dataset, load_descriptor

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "dataset.md"
SIDE = 64


def photographs(root: Path, n: int) -> list[np.ndarray]:
    """Photographs in warm colours and copies with a blue line; gives where the lines are."""
    masks = []
    for i in range(n):
        rng = np.random.default_rng(i)
        ground = rng.integers((150, 120, 80), (220, 190, 140), (SIDE, SIDE, 3)).astype(np.uint8)
        line = Image.new("1", (SIDE, SIDE))
        points = [(int(x), int(rng.integers(10, SIDE - 10))) for x in np.linspace(0, SIDE, 5)]
        ImageDraw.Draw(line).line(points, fill=1, width=3)
        mask = np.asarray(line)
        dark = ground // np.where(mask, 3, 1).astype(np.uint8)[:, :, None]  # the suture itself is a dark line
        for folder, picture in (("photographs", dark), ("drawn", np.where(mask[:, :, None], (0, 0, 255), dark))):
            (root / folder).mkdir(parents=True, exist_ok=True)
            suffix = "png" if folder == "drawn" else "jpg"
            saved = Image.fromarray(picture.astype(np.uint8))
            saved.save(root / folder / f"skull{i:02d}.{suffix}", **({"quality": 95} if suffix == "jpg" else {}))
        masks.append(mask)
    return masks


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[TileDataset, list[np.ndarray]]:
    folder = tmp_path_factory.mktemp("drawn")
    text = re.search(r'^```yaml title="sutures.yaml"\n(.*?)^```$', GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert text is not None
    (folder / "sutures.yaml").write_text(text[1])
    masks = photographs(folder / "root", 6)
    done = import_dataset(load_descriptor(folder / "sutures.yaml"), folder / "root", folder / "imported")
    assert not done.problems
    return TileDataset.open(done.folder), masks


def test_masks_are_what_is_blue(imported: tuple[TileDataset, list[np.ndarray]]) -> None:
    dataset, masks = imported
    assert dataset.classes.names == ("suture",)
    for i, mask in enumerate(masks):
        assert dataset.image(i).shape == (SIDE, SIDE, 3)
        np.testing.assert_array_equal(dataset.masks(i)[0], mask)


def test_one_class_in_three_channels_is_a_study_like_any_other(
    imported: tuple[TileDataset, list[np.ndarray]], tmp_path: Path
) -> None:
    dataset, _ = imported
    over = {
        "real": {"layers": None, "subsample": {"train": 3, "validate": 1, "test": 2}},
        "validation": None,
        "model": "tiny-unet:widths=8-8-16",
        "training": {"steps": 80, "lr": 1e-2, "snapshots": [0.5]},
        "grid": {"synthetic.n": None, "training.seed": [0]},
        "report": {"score": "iou"},
    }
    study = yaml.safe_load(yaml.safe_dump(sweeping.content(dataset.folder, **over)))
    plan = prepare(Study.build(study), tmp_path / "sweep")
    (done,) = carry_out(plan)
    assert done.result is not None, done.reason
    assert done.result["evaluation"]["classes"] == ["suture"]
    assert done.result["evaluation"]["pooled"]["suture"]["iou"] > 0.4  # the lines are 6 % of the pixels
