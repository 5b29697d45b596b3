"""Datasets of tiles: the same whatever the number of workers, shards and goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import CROWDED, make

from synthem import SynthemError
from synthem.recipe import Recipe
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import check_fit, generate, share_out

SMALL = CROWDED.with_values({"size": "64x96", "organelles.axon.radius_nm": "80..120"})
N = 9


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "tiles"
    generate(SMALL, N, folder, workers=1)
    return folder


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_no_byte(whole: Path, tmp_path: Path, workers: int):
    generate(SMALL, N, tmp_path / "tiles", workers=workers)
    assert files(tmp_path / "tiles") == files(whole)


def test_workers_draw_ranges_of_many_digits_alike(tmp_path: Path):
    recipe = SMALL.with_values({"cytoplasm.grey": "150.123456789..160.987654321"})
    one = generate(recipe, 4, tmp_path / "one", workers=1)
    assert generate(recipe, 4, tmp_path / "two", workers=2).fingerprint == one.fingerprint


def test_shards_of_any_size_hold_the_same_pixels(whole: Path, tmp_path: Path):
    done = generate(SMALL, N, tmp_path / "tiles", workers=1, shard_bytes=20_000)
    assert len(list((tmp_path / "tiles").glob("*.arrow"))) > 2
    assert done.fingerprint == TileDataset.open(whole).fingerprint


def test_more_tiles_begin_with_those_of_fewer(whole: Path, tmp_path: Path):
    generate(SMALL, 3, tmp_path / "few", workers=1)
    few, many = TileDataset.open(tmp_path / "few"), TileDataset.open(whole)
    for i in range(3):
        assert few.row(i) == many.row(i)
        assert (few.image(i) == many.image(i)).all()


def test_a_folder_is_extended_and_then_equals_one_go(whole: Path, tmp_path: Path):
    for n in (0, 2, 7, 7, N, 1):
        done = generate(SMALL, n, tmp_path / "tiles", workers=1)
    assert files(tmp_path / "tiles") == files(whole)
    assert (done.tiles, done.new) == (N, 0)


def test_the_fingerprint_is_that_of_the_pixels(whole: Path):
    tiles = [make(SMALL, 0, i)[1] for i in range(N)]
    digests = [codec.digest(tile.image, tile.stored, tile.instances) for tile in tiles]
    assert TileDataset.open(whole).fingerprint == codec.chain("", digests)


def test_seed_zero_is_a_seed_and_every_seed_is_another_set(whole: Path, tmp_path: Path):
    prints = {
        generate(SMALL, 2, tmp_path / str(seed), seed=seed, workers=1).fingerprint for seed in (-(2**63), -1, 0, 1)
    }
    assert len(prints) == 4


def test_the_summary_adds_up(tmp_path: Path):
    finished: list[int] = []
    done = generate(SMALL, 4, tmp_path / "tiles", workers=1, advance=finished.append)
    scenes = [make(SMALL, 0, i)[0] for i in range(4)]
    assert sum(finished) == done.new == done.tiles == 4
    for label, asked in done.requested.items():
        assert asked == sum(scene.requested[label] for scene in scenes)
        assert done.placed[label] == sum(scene.placed[label] for scene in scenes)
        assert done.missing.get(label, 0) == asked - done.placed[label]


def test_strict_stops_where_something_found_no_place(tmp_path: Path):
    recipe = Recipe.build({"size": 128, "organelles": [{"kind": "axon", "count": 9}]})
    with pytest.raises(SynthemError, match=r"tile 0: no place for all that was asked for \(axon \d of 9\)"):
        generate(recipe, 3, tmp_path / "a" / "tiles", workers=1, strict=True)
    assert list(tmp_path.iterdir()) == []


def test_an_organelle_that_cannot_fit_is_refused():
    recipe = Recipe.build({"name": "tiny", "size": 64, "organelles": [{"kind": "axon", "radius_nm": "400..500"}]})
    with pytest.raises(
        SynthemError, match=r"tiny: organelles\.axon: its smallest outline is \d+ nm wide, the tile only 320"
    ):
        check_fit(recipe)
    check_fit(recipe.with_values({"organelles.axon.count": 0}))
    check_fit(recipe.with_values({"nm_per_px": 20}))


@pytest.mark.parametrize(
    ("options", "told"),
    [({"n": -1}, "-1 tiles"), ({"n": 1, "workers": -1}, "workers: -1"), ({"n": 1, "seed": 2**63}, "64 bits")],
)
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, options, told):
    with pytest.raises(SynthemError, match=told):
        generate(SMALL, out=tmp_path / "tiles", **options)
    assert list(tmp_path.iterdir()) == []


def test_another_recipe_is_not_mixed_in(whole: Path):
    before = files(whole)
    with pytest.raises(SynthemError, match="another recipe fingerprint"):
        generate(SMALL.with_values({"optics.psf_nm": 1}), N, whole, workers=1)
    assert files(whole) == before


def test_a_worker_that_dies_is_told_and_what_was_finished_is_gone_on_with(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from concurrent.futures.process import BrokenProcessPool

    def broken(*_: object) -> None:
        raise BrokenProcessPool("killed")

    with monkeypatch.context() as patch:
        patch.setattr("synthem.tiles.pool.ProcessPoolExecutor.submit", broken)
        with pytest.raises(SynthemError, match="a worker died"):
            generate(SMALL, N, tmp_path / "tiles", workers=2)
    generate(SMALL, N, tmp_path / "tiles", workers=1)
    assert files(tmp_path / "tiles") == files(whole)


@pytest.mark.parametrize(
    ("pixels", "todo", "workers"), [(64**2, 3, 0), (256**2, 20_000, 0), (4096**2, 5, 2), (256**2, -4, 3)]
)
def test_work_is_shared_out_in_chunks_of_at_least_one(pixels, todo, workers):
    processes, chunk = share_out(pixels, todo, workers)
    assert processes >= 1
    assert 1 <= chunk <= 256
