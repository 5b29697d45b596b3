"""Mixes: exact numbers, what they refuse, and how they are read."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import making
import numpy as np
import pytest

from synthem.classes import SIX, Classes
from synthem.curate.mix import Mix, mix
from synthem.curate.mix.index import Index
from synthem.curate.select import Rules
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.windows import window_corners

NAMES = ("c", "a", "d", "b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mix")
    making.layers(folder / "real", NAMES, order=["b", "d"], selections={"pick": ["a", "c"]})
    making.layers(folder / "held out", ("a", "t"), splits=["train", "test"], selections={"all": ["a", "t"]})
    making.tiles(folder / "tiles", 12)
    return folder


def make(folder: Path, name: str, **changes: Any) -> Mix:
    arguments: dict[str, Any] = {"real": folder / "real", "synthetic": folder / "tiles", "window": 64, "stride": 32}
    return mix(folder / "mixes" / name, **(arguments | changes))


def layer_names(made: Mix) -> list[str]:
    return list(
        dict.fromkeys(made[i].group for i in range(len(made)) if made.sources[made.index.source[i]].kind == "real")
    )


def test_numbers_are_exact(folder: Path) -> None:
    made = make(folder, "exact", real_layers=3, n_synthetic=5)
    windows = len(window_corners(128, 160, 64, 32))
    assert made.summary["real"]["layers"] == 3
    assert made.summary["real"]["windows"] == 3 * windows
    assert made.summary["synthetic"] == made.summary["synthetic"] | {"tiles": 5, "windows": 5}
    assert len(made) == len(list(made)) == 3 * windows + 5


def test_layers_come_in_the_declared_order_then_in_a_seeded_one(folder: Path) -> None:
    assert layer_names(make(folder, "two", real_layers=2, n_synthetic=0)) == ["b", "d"]
    rest = layer_names(make(folder, "all", n_synthetic=0))[2:]
    assert sorted(rest) == ["a", "c"]
    assert rest == layer_names(make(folder, "all, other tiles", n_synthetic=3))[2:]


def test_layers_by_name_and_by_selection(folder: Path) -> None:
    assert layer_names(make(folder, "named", real_layers="d, a", n_synthetic=0)) == ["d", "a"]
    assert layer_names(make(folder, "selected", real_layers=["pick", "b"], n_synthetic=0)) == ["a", "c", "b"]


def test_a_window_holds_the_pixels_of_its_layer(folder: Path) -> None:
    made = make(folder, "pixels", real_layers=1, n_synthetic=2)
    for i in (0, 7, len(made) - 1):
        dataset = made.sources[made.index.source[i]].dataset
        row, y, x = (int(column[i]) for column in (made.index.row, made.index.y, made.index.x))
        there = np.s_[y : y + 64, x : x + 64]
        assert np.array_equal(made[i].image, dataset.image(row)[there])
        assert np.array_equal(made[i].masks, dataset.masks(row)[:, *there])
        assert np.array_equal(made.stored(i), dataset.stored(row)[there])
        assert np.array_equal(made.image(i), made[i].image)


def test_arrays_samples_and_items_agree(folder: Path) -> None:
    made = make(folder, "agree", real_layers=2, n_synthetic=4)
    images, masks = made.arrays()
    samples = made.samples()
    assert images.dtype == masks.dtype == np.uint8
    assert images.shape == (len(made), 64, 64)
    assert masks.shape == (len(made), 6, 64, 64)
    for i, item in enumerate(made):
        assert np.array_equal(images[i], item.image)
        assert np.array_equal(masks[i], item.masks)
        assert samples.groups[i] == item.group
    assert np.array_equal(samples.known, made.known)
    assert made.known.all()
    with pytest.raises(IndexError):
        made[len(made)]


def test_the_summary_counts_what_is_in_the_windows(folder: Path) -> None:
    made = make(folder, "summary", real_layers=2, n_synthetic=4)
    _, masks = made.arrays()
    assert list(made.summary["total"]["area_px"].values()) == masks.sum(axis=(0, 2, 3)).tolist()
    for key in ("count", "area_px", "windows"):
        parts = [made.summary[part][key] for part in ("real", "synthetic", "total")]
        if key == "windows":
            assert parts[0] + parts[1] == parts[2]
        else:
            assert {name: parts[0][name] + parts[1][name] for name in SIX.names} == parts[2]
    tile = TileDataset.open(folder / "tiles")
    chosen = made.index.row[made.index.source == 1]
    assert made.summary["synthetic"]["count"]["axon"] == sum(tile.row(int(row))["count"]["axon"] for row in chosen)


def test_until_takes_the_fewest_tiles(folder: Path) -> None:
    everything = make(folder, "everything", real_layers=1)
    there = everything.summary["real"]["count"]["psd"]
    made = make(folder, "until", real_layers=1, until={"psd": there + 4})
    n = made.summary["synthetic"]["tiles"]
    assert 0 < n < 12
    assert made.summary["total"]["count"]["psd"] >= there + 4
    fewer = make(folder, "until, one less", real_layers=1, n_synthetic=n - 1)
    assert fewer.summary["total"]["count"]["psd"] < there + 4
    assert make(folder, "until there", real_layers=1, until={"psd": there}).summary["synthetic"]["tiles"] == 0


def test_until_counts_the_real_windows_that_a_fixed_total_keeps(folder: Path) -> None:
    def held(n: int) -> int:
        made = make(folder, f"total of {n}", real_layers=1, mode="fixed-total", n_synthetic=n)
        assert len(made) == len(window_corners(128, 160, 64, 32))
        return int(made.summary["total"]["count"]["psd"])

    counts = [held(n) for n in range(13)]
    wanted = max(counts)
    made = make(folder, "until total", real_layers=1, mode="fixed-total", until={"psd": wanted})
    assert made.summary["synthetic"]["tiles"] == counts.index(wanted)
    assert made.summary["total"]["count"]["psd"] == wanted


def test_fixed_total_replaces_real_windows(folder: Path) -> None:
    def real(made: Mix) -> set[tuple[int, ...]]:
        index = made.index.take(made.index.source == 0)
        return set(zip(index.row.tolist(), index.y.tolist(), index.x.tolist(), strict=True))

    whole = make(folder, "total 0", real_layers=1, mode="fixed-total", n_synthetic=0)
    some = make(folder, "total 4", real_layers=1, mode="fixed-total", n_synthetic=4)
    more = make(folder, "total 9", real_layers=1, mode="fixed-total", n_synthetic=9)
    named = make(folder, "total named", real_layers=1, mode="fixed-total", n_synthetic=9, total=10)
    assert len(whole) == len(some) == len(more) == len(window_corners(128, 160, 64, 32))
    assert len(named) == 10
    assert real(named) < real(more) < real(some) < real(whole)


def test_no_real_and_no_synthetic(folder: Path) -> None:
    assert make(folder, "only tiles", real_layers=0, n_synthetic=7).summary["total"]["windows"] == 7
    assert make(folder, "only tiles, no dataset", real=(), n_synthetic=7).summary["real"]["windows"] == 0
    assert make(folder, "only layers", real_layers=1, synthetic=()).summary["synthetic"]["tiles"] == 0
    with pytest.raises(SynthemError, match="holds nothing"):
        make(folder, "nothing", real_layers=0, n_synthetic=0)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"real_layers": 5}, "has 4 training layers; ask for 0..4"),
        ({"real_layers": "e"}, "no such layer or selection"),
        ({"real_layers": "pik"}, "did you mean 'pick'"),
        ({"real_layers": "a", "real": ()}, "there is no real dataset"),
        ({"n_synthetic": 13}, "hold 12 training tiles"),
        ({"n_synthetic": -1}, "hold 12 training tiles"),
        ({"n_synthetic": 3, "until": {"axon": 3}}, "give one of them"),
        ({"until": {"axon": 10_000}}, "axon=10000: with all 12 tiles the mix holds"),
        ({"until": {"nerve": 3}}, "class 'nerve'"),
        ({"total": 10}, "belongs to --mode fixed-total"),
        ({"mode": "fixed-total", "total": 5}, "12 synthetic windows are more than the 5"),
        ({"mode": "fixed-total", "total": 500}, "need 488 real ones"),
        ({"mode": "fixed"}, "no such mode"),
        ({"edge": "wrap"}, "no such policy"),
        ({"window": 65}, "holds no window of 65 px"),
        ({"stride": 0}, "at least 1 px"),
        ({"nm_per_px": -5}, "above 0"),
        ({"rules": Rules(max_per_layer=0)}, "1 or more"),
        ({"rules": Rules(present=("nerve",))}, "class 'nerve'"),
        ({"balance": "fair"}, "neither a rule"),
        ({"balance": {"axon": -1}}, "0 or more"),
        ({"balance": {"nerve": 1}}, "class 'nerve'"),
        ({"real": (), "synthetic": ()}, "needs a source"),
        ({"synthetic": "nowhere"}, "there is no such folder"),
    ],
)
def test_what_a_mix_refuses(folder: Path, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        make(folder, "refused", **changes)
    assert "\n" not in str(caught.value)
    assert not list(folder.glob("mixes/*refused*"))


def test_a_source_is_named_once(folder: Path) -> None:
    with pytest.raises(SynthemError, match="named twice"):
        make(folder, "twice", synthetic=[folder / "tiles", folder / "real" / ".." / "tiles"])


def test_test_layers_stay_out(folder: Path) -> None:
    assert layer_names(make(folder, "train only", real=folder / "held out", n_synthetic=0)) == ["a"]
    for named in ("t", "all"):
        with pytest.raises(SynthemError, match="layer 't' is of split 'test'"):
            make(folder, "leak", real=folder / "held out", real_layers=named)


def test_a_layer_cut_in_two_by_the_split_stays_out(folder: Path) -> None:
    making.layers(folder / "cut", ("a", "a", "b"), splits=["train", "test", "train"])
    assert layer_names(make(folder, "uncut", real=folder / "cut", n_synthetic=0)) == ["b"]
    with pytest.raises(SynthemError, match="of split 'test' and 'train'"):
        make(folder, "cut named", real=folder / "cut", real_layers="a")


def test_the_same_mix_is_found_done_and_another_is_refused(folder: Path) -> None:
    first = make(folder, "again", n_synthetic=3)
    before = (folder / "mixes" / "again" / "mix.json").stat().st_mtime_ns
    assert make(folder, "again", n_synthetic=3).fingerprint == first.fingerprint
    assert (folder / "mixes" / "again" / "mix.json").stat().st_mtime_ns == before
    with pytest.raises(SynthemError, match="holds another mix"):
        make(folder, "again", n_synthetic=4)
    with pytest.raises(SynthemError, match="holds something else"):
        mix(folder / "tiles", real=folder / "real", window=64)
    (folder / "file").write_text("")
    with pytest.raises(SynthemError, match="is a file"):
        mix(folder / "file", real=folder / "real", window=64)


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Index, "write", full)
    with pytest.raises(OSError, match="No space"):
        make(folder, "full")
    assert not list((folder / "mixes").glob("*full*"))


def test_changed_and_missing_sources_are_noticed(folder: Path, tmp_path: Path) -> None:
    making.tiles(tmp_path / "tiles", 4)
    made = mix(tmp_path / "mix", synthetic=tmp_path / "tiles", window=64)
    assert made.meta["sources"][0]["path"] == "../tiles"
    shutil.rmtree(tmp_path / "tiles")
    with pytest.raises(SynthemError, match="is gone"):
        Mix.open(tmp_path / "mix")
    making.tiles(tmp_path / "tiles", 4, seed=9)
    with pytest.raises(SynthemError, match="has changed since") as caught:
        Mix.open(tmp_path / "mix")
    assert "\n" not in str(caught.value)


def test_a_mix_moves_with_its_sources(tmp_path: Path) -> None:
    making.tiles(tmp_path / "here" / "tiles", 4)
    before = mix(tmp_path / "here" / "mix", synthetic=tmp_path / "here" / "tiles", window=64).arrays()
    (tmp_path / "here").rename(tmp_path / "there")
    after = Mix.open(tmp_path / "there" / "mix").arrays()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_damage_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="there is no such folder"):
        Mix.open(tmp_path / "no")
    with pytest.raises(SynthemError, match="holds no mix"):
        Mix.open(tmp_path)
    made = make(folder, "damaged", n_synthetic=3)
    (made.folder / "data-00000.arrow").write_bytes(b"")
    with pytest.raises(SynthemError, match=r"data-00000.arrow: can't be read"):
        Mix.open(made.folder)
    (made.folder / "mix.json").write_text("{")
    with pytest.raises(SynthemError, match="can't be read as JSON"):
        Mix.open(made.folder)
    with pytest.raises(SynthemError, match="can't be read as JSON"):
        make(folder, "damaged", n_synthetic=3)


def test_classes_are_joined_and_missing_ones_unknown(folder: Path, tmp_path: Path) -> None:
    making.tiles(tmp_path / "other", 3, classes=Classes(("lysosome", "axon")))
    made = make(folder, "union", real_layers=1, synthetic=tmp_path / "other")
    assert made.classes.names == (*SIX.names, "lysosome")
    real, tile = made[0], made[len(made) - 1]
    assert real.known.tolist() == [True] * 6 + [False]
    assert tile.known.tolist() == [True] + [False] * 5 + [True]
    row = int(made.index.row[-1])
    held = made.sources[1].dataset.masks(row)
    assert np.array_equal(tile.masks[0], held[1])
    assert np.array_equal(tile.masks[6], held[0])
    assert not tile.masks[1:6].any()
    assert made.summary["real"]["count"]["lysosome"] is None
    assert made.summary["synthetic"]["count"]["psd"] is None
    assert made.summary["total"]["count"]["lysosome"] == made.summary["synthetic"]["count"]["lysosome"]
    only_tiles = make(folder, "union, no real", real_layers=0, synthetic=tmp_path / "other")
    assert only_tiles.summary["total"]["area_px"]["psd"] is None


def test_classes_stored_by_index_join_with_bits(tmp_path: Path) -> None:
    table = Classes(("a", "b"), storage="index")
    making.tiles(tmp_path / "index", 3, classes=table)
    made = mix(
        tmp_path / "both", real=making.layers(tmp_path / "six", ("l",)).folder, synthetic=tmp_path / "index", window=64
    )
    assert made.classes.storage == "bits"
    assert np.array_equal(made[len(made) - 1].masks[6:], made.sources[1].dataset.masks(int(made.index.row[-1])))
    alone = mix(tmp_path / "alone", synthetic=tmp_path / "index", window=64)
    assert alone.classes.storage == "index"
    assert np.array_equal(alone[0].masks, alone.sources[0].dataset.masks(int(alone.index.row[0])))


def test_declared_unknown_classes_stay_unknown(tmp_path: Path) -> None:
    making.layers(tmp_path / "real", ("l",), unknown_classes=["axon"])
    made = mix(tmp_path / "mix", real=tmp_path / "real", window=64)
    assert made[0].known.tolist() == [False] + [True] * 5
    assert made.summary["total"]["count"]["axon"] is None


def test_pixel_sizes_must_agree_or_be_brought_to_one(folder: Path, tmp_path: Path) -> None:
    making.tiles(tmp_path / "fine", 3, 128, nm_per_px=2.5)
    with pytest.raises(SynthemError, match=r"2\.5 to 5 nm; bring them to one size"):
        make(folder, "sizes", synthetic=tmp_path / "fine", window=128)
    made = make(folder, "sizes", synthetic=tmp_path / "fine", nm_per_px=5)
    tile, row = made[len(made) - 1], int(made.index.row[-1])
    fine = made.sources[1].dataset
    assert np.allclose(tile.image, fine.image(row).reshape(64, 2, 64, 2).mean(axis=(1, 3)), atol=0.51)
    assert np.array_equal(tile.masks, fine.masks(row).reshape(6, 64, 2, 64, 2).mean(axis=(2, 4)) >= 0.5)
    making.tiles(tmp_path / "nobody knows", 3, nm_per_px=None)
    assert len(make(folder, "as is", real_layers=0, synthetic=tmp_path / "nobody knows")) == 3
    with pytest.raises(SynthemError, match="has no pixel size"):
        make(folder, "unknown size", synthetic=tmp_path / "nobody knows", nm_per_px=5)


def test_edges_can_be_padded_or_shifted(folder: Path) -> None:
    padded = make(folder, "pad", real_layers=1, synthetic=(), window=100, stride=100, edge="pad")
    layer = padded.sources[0].dataset.image(int(padded.index.row[0]))
    last = padded[len(padded) - 1]
    assert last.image.shape == (100, 100)
    assert np.array_equal(last.image[:28, :60], layer[100:, 100:])
    assert np.array_equal(last.image[28:56, :60], layer[100:, 100:][::-1])
    shifted = make(folder, "shift", real_layers=1, synthetic=(), window=100, stride=100, edge="shift")
    assert np.array_equal(shifted[len(shifted) - 1].image, layer[28:, 60:])


def test_colour_is_kept_and_not_mixed_with_grey(folder: Path, tmp_path: Path) -> None:
    pictures = [(np.stack([image] * 3, -1), stored) for image, stored in (making.draw(5, i) for i in range(3))]
    pictures[0][0][..., 0] = 7
    making.write(tmp_path / "colour", pictures)
    made = mix(tmp_path / "mix", synthetic=tmp_path / "colour", window=64)
    assert made.arrays()[0].shape == (3, 64, 64, 3)
    assert made.samples().images.shape == (3, 3, 64, 64)
    assert made.torch()[0][0].shape == (3, 64, 64)
    with pytest.raises(SynthemError, match="in colour"):
        make(folder, "colours", synthetic=tmp_path / "colour")


@pytest.mark.parametrize("balance", ["equal", "area", "sqrt-area", "axon=3,psd=0", {"axon": 3, "psd": 0}])
def test_class_weights_add_up_to_one(folder: Path, balance: Any) -> None:
    made = make(folder, f"balance {balance}", real_layers=1, balance=balance)
    weights, area = made.class_weights, made.summary["total"]["area_px"]
    assert sum(weights.values()) == pytest.approx(1)
    if balance == "equal":
        assert set(weights.values()) == {1 / 6}
    elif balance in ("area", "sqrt-area"):
        power = 1 if balance == "area" else 0.5
        assert weights["axon"] / weights["psd"] == pytest.approx((area["psd"] / area["axon"]) ** power)
    else:
        assert weights["axon"] == pytest.approx(3 * weights["vesicle"])
        assert weights["psd"] == 0


def test_a_class_without_pixels_weighs_as_the_rarest(tmp_path: Path) -> None:
    pictures = [(image, stored & SIX.dtype.type(0b110)) for image, stored in (making.draw(5, i) for i in range(5))]
    making.write(tmp_path / "two", pictures)
    weights = mix(tmp_path / "mix", synthetic=tmp_path / "two", window=64, balance="area").class_weights
    assert weights["axon"] == max(weights["mitochondrion"], weights["mitochondrial_boundary"])


def test_as_a_torch_dataset_in_worker_processes(folder: Path) -> None:
    from torch.utils.data import DataLoader

    made = make(folder, "torch", real_layers=1, n_synthetic=4)
    loader = DataLoader(made.torch(), batch_size=5, num_workers=1, multiprocessing_context="spawn")
    images, masks = (np.concatenate(part) for part in zip(*((a.numpy(), b.numpy()) for a, b, _ in loader), strict=True))
    assert np.array_equal(images[:, 0], made.arrays()[0])
    assert np.array_equal(masks, made.arrays()[1])


def test_it_pickles_as_its_folder(folder: Path) -> None:
    made = make(folder, "pickled", real_layers=1, n_synthetic=4)
    data = pickle.dumps(made)
    assert len(data) < 1000
    assert np.array_equal(pickle.loads(data)[3].image, made[3].image)


def test_as_a_hugging_face_dataset(folder: Path) -> None:
    made = make(folder, "hf", real_layers=1, n_synthetic=4)
    rows = made.to_datasets()
    assert len(rows) == len(made)
    for i in (0, len(made) - 1):
        assert np.array_equal(np.asarray(rows[i]["image"]), made[i].image)
        assert np.array_equal(np.asarray(rows[i]["mask"]), made.stored(i))
        assert rows[i]["size"] == 64


def test_a_copy_reads_as_the_mix_it_was_made_of(folder: Path, tmp_path: Path) -> None:
    making.tiles(tmp_path / "other", 3, classes=Classes(("lysosome", "axon")))
    arguments: dict[str, Any] = {"real_layers": 1, "synthetic": [folder / "tiles", tmp_path / "other"]}
    made = make(folder, "index", **arguments)
    copied = make(folder, "copied", **arguments, copy=True)
    assert copied.fingerprint == made.fingerprint
    assert copied.summary == made.summary
    assert np.array_equal(copied.known, made.known)
    for a, b in zip(copied.arrays(), made.arrays(), strict=True):
        assert np.array_equal(a, b)
    tiles = TileDataset.open(copied.folder / "tiles")
    assert len(tiles) == len(made)
    assert set(tiles.column("source")) == {"real", "synthetic"}
    assert tiles.row(0)["count"]["lysosome"] is None
    assert [tiles.row(i)["x"] for i in (0, 1)] == [0, 32]
    assert sum(row["psd"] or 0 for row in tiles.column("count")) == made.summary["total"]["count"]["psd"]
    assert make(folder, "copied", **arguments, copy=True).fingerprint == made.fingerprint
    shutil.move(copied.folder, tmp_path / "alone")
    assert len(Mix.open(tmp_path / "alone").to_datasets()) == len(made)


def test_instances_and_scenes_are_copied_where_they_still_fit(tmp_path: Path) -> None:
    image, stored = making.draw(3, 0)
    ids = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    source = making.write(tmp_path / "tiles", [(image, stored)], instances=[ids], scenes=["{}"])
    whole = mix(tmp_path / "whole", synthetic=source.folder, window=64, copy=True)
    parts = mix(tmp_path / "parts", synthetic=source.folder, window=32, stride=32, copy=True)
    coarse = mix(tmp_path / "coarse", synthetic=source.folder, window=32, nm_per_px=10, copy=True)
    for made, scene, wanted in ((whole, "{}", ids), (parts, None, ids[:32, :32]), (coarse, None, ids[::2, ::2])):
        tiles = TileDataset.open(made.folder / "tiles")
        held = tiles.instances(0)
        assert held is not None
        assert np.array_equal(held, wanted)
        assert tiles.row(0)["scene"] == scene


def test_the_card_and_the_summary_lie_beside_the_index(folder: Path) -> None:
    made = make(folder, "card", real_layers=2, n_synthetic=4)
    card = (made.folder / "README.md").read_text()
    assert "vesicle" in card
    assert "../../tiles" in card
    assert json.loads((made.folder / "mix.json").read_text())["summary"] == made.summary


def test_rules_choose_among_real_windows_only(folder: Path) -> None:
    whole = make(folder, "no rules", real_layers=3, n_synthetic=5)
    psd = SIX.index("psd")
    holding = sum(item.masks[psd].any() for item in list(whole)[:-5])
    with_psd = make(folder, "psd", real_layers=3, n_synthetic=5, rules=Rules(present=("psd",)))
    assert len(with_psd) == holding + 5 < len(whole)
    assert all(item.masks[psd].any() for item in list(with_psd)[:-5])
    large = make(folder, "large", real_layers=3, n_synthetic=5, rules=Rules(min_area_px={"psd": 60}, drop_empty=True))
    assert all(item.masks[psd].sum() >= 60 for item in list(large)[:-5])
    assert len(large) < len(with_psd)


def test_at_most_k_windows_of_a_layer_and_more_contain_fewer(folder: Path) -> None:
    held = {}
    for k in (2, 5):
        made = make(folder, f"at most {k}", real_layers=3, synthetic=(), rules=Rules(max_per_layer=k))
        index = made.index
        assert np.bincount(index.row)[np.unique(index.row)].tolist() == [k] * 3
        held[k] = set(zip(index.row.tolist(), index.y.tolist(), index.x.tolist(), strict=True))
    assert held[2] < held[5]
    assert json.loads((made.folder / "mix.json").read_text())["request"]["rules"]["max_per_layer"] == 5


def test_two_processes_may_make_the_same_mix_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthem.curate.mix import build

    plain = build.card

    def meanwhile(meta: Any) -> str:
        monkeypatch.setattr(build, "card", plain)
        shutil.copytree(make(folder, "elsewhere", n_synthetic=other).folder, folder / "mixes" / "race")
        return plain(meta)

    other = 3
    monkeypatch.setattr(build, "card", meanwhile)
    assert make(folder, "race", n_synthetic=3).summary["synthetic"]["tiles"] == 3
    shutil.rmtree(folder / "mixes" / "race")
    shutil.rmtree(folder / "mixes" / "elsewhere")
    other = 4
    monkeypatch.setattr(build, "card", meanwhile)
    with pytest.raises(SynthemError, match="holds another mix"):
        make(folder, "race", n_synthetic=3)
    assert not list((folder / "mixes").glob(".*"))
