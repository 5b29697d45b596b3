"""Properties of mixes: counts are exact, more contains fewer, no test layer enters, the same request gives the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import making
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthem.curate.mix import Mix, mix
from synthem.tiles.windows import window_corners

LAYERS, TILES, WINDOW, SIZE = 6, 10, 32, (64, 80)
SPLITS = ["train", "test", "train", "train", "test", "train"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("properties")
    making.layers(folder / "real", [f"layer {i}" for i in range(LAYERS)], SIZE, splits=SPLITS)
    making.tiles(folder / "tiles", TILES, WINDOW)
    return folder


def places(made: Mix) -> set[tuple[str, int, int, int]]:
    index = made.index
    kinds = [made.sources[s].kind for s in index.source.tolist()]
    return set(zip(kinds, index.row.tolist(), index.y.tolist(), index.x.tolist(), strict=True))


def make(folder: Path, real: int, synthetic: int, stride: int, seed: int, **more: Any) -> Mix:
    with TemporaryDirectory(dir=folder) as out:
        return mix(
            Path(out) / "mix",
            real=folder / "real",
            synthetic=folder / "tiles",
            real_layers=real,
            n_synthetic=synthetic,
            window=WINDOW,
            stride=stride,
            seed=seed,
            **more,
        )


real_numbers = st.integers(0, SPLITS.count("train"))
tile_numbers = st.integers(0, TILES)
strides = st.integers(8, 64)
seeds = st.integers(0, 2**40)


@settings(deadline=None, max_examples=25)
@given(real=real_numbers, synthetic=tile_numbers.filter(bool), stride=strides, seed=seeds)
def test_counts_are_exact_and_no_window_stands_twice(
    folder: Path, real: int, synthetic: int, stride: int, seed: int
) -> None:
    made = make(folder, real, synthetic, stride, seed)
    a_layer = len(window_corners(*SIZE, WINDOW, stride))
    assert made.summary["real"]["layers"] == real
    assert made.summary["real"]["windows"] == real * a_layer
    assert made.summary["synthetic"]["tiles"] == made.summary["synthetic"]["windows"] == synthetic
    assert len(made) == len(places(made)) == real * a_layer + synthetic


@settings(deadline=None, max_examples=25)
@given(real=st.tuples(real_numbers, real_numbers), tiles=st.tuples(tile_numbers, tile_numbers), seed=seeds)
def test_more_contains_fewer(folder: Path, real: tuple[int, int], tiles: tuple[int, int], seed: int) -> None:
    fewer = make(folder, min(real), max(min(tiles), 1), 32, seed)
    more = make(folder, max(real), max(*tiles, 1), 32, seed)
    assert places(fewer) <= places(more)


@settings(deadline=None, max_examples=25)
@given(tiles=st.tuples(tile_numbers, tile_numbers), seed=seeds)
def test_a_fixed_total_stays_and_is_nested_both_ways(folder: Path, tiles: tuple[int, int], seed: int) -> None:
    fewer, more = (make(folder, 3, n, 32, seed, mode="fixed-total") for n in sorted(tiles))
    assert len(fewer) == len(more) == 3 * len(window_corners(*SIZE, WINDOW, 32))
    real_of_fewer, real_of_more = ({p for p in places(m) if p[0] == "real"} for m in (fewer, more))
    assert real_of_more <= real_of_fewer
    assert places(fewer) - real_of_fewer <= places(more) - real_of_more


@settings(deadline=None, max_examples=25)
@given(real=real_numbers.filter(bool), seed=seeds, mode=st.sampled_from(["fixed-real", "fixed-total"]))
def test_no_window_of_a_test_layer_enters(folder: Path, real: int, seed: int, mode: Any) -> None:
    made = make(folder, real, 1, 32, seed, mode=mode)
    rows = made.index.row[made.index.source == 0]
    assert {SPLITS[row] for row in rows} <= {"train"}


@settings(deadline=None, max_examples=10)
@given(real=real_numbers, synthetic=tile_numbers.filter(bool), seed=seeds)
def test_the_same_request_gives_the_same_mix(folder: Path, real: int, synthetic: int, seed: int) -> None:
    first, second = (make(folder, real, synthetic, 32, seed) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.index.to_bytes() == second.index.to_bytes()


@settings(deadline=None, max_examples=25)
@given(wanted=st.integers(1, 4), seed=seeds)
def test_until_reaches_its_number_with_the_fewest_tiles(folder: Path, wanted: int, seed: int) -> None:
    with TemporaryDirectory(dir=folder) as out:
        made = mix(Path(out) / "mix", synthetic=folder / "tiles", window=WINDOW, until={"membrane": wanted}, seed=seed)
        tiles = made.summary["synthetic"]["tiles"]
        assert made.summary["total"]["count"]["membrane"] >= wanted
        if tiles > 1:
            fewer = make(folder, 0, tiles - 1, 32, seed)
            assert fewer.summary["total"]["count"]["membrane"] < wanted
