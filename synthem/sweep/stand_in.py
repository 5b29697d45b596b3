"""Layers that pass for real ones where there are none: generated whole, split and named as real layers are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from synthem.seeds import stream
from synthem.sweep.setup import StandIn, built_recipe
from synthem.tiles.card import card
from synthem.tiles.fresh import fresh_folder
from synthem.tiles.generate import check_fit, header, make_row, make_tile, share_out
from synthem.tiles.pool import in_order
from synthem.tiles.schema import features
from synthem.tiles.shards import Row, ShardWriter, write_atomically


def stand_in(wanted: StandIn, out: Path, advance: Callable[[int], object] = lambda n: None) -> None:
    """Write the dataset: `train`, then `validate`, then `test` layers, whole or not at all.

    Its `synthem.json` declares `order` and the selection `validate` as an imported dataset does. Rows keep the source
    `synthetic`: they stand in for real layers, and never pass for them in a table.

    Raises:
        SynthemError: a recipe that can't be drawn.
    """
    recipe = built_recipe(wanted)
    check_fit(recipe)
    splits = ["train"] * wanted.train + ["validate"] * wanted.validate_ + ["test"] * wanted.test
    names = [f"stand-in-{split}-{i:02d}" for i, split in enumerate(splits)]
    about = header(recipe, wanted.seed) | {"name": "stand-in"}
    text = card("stand-in", recipe.classes, "generated", "Layers that stand in for real ones.", "")
    workers, chunk = share_out(recipe.size[0] * recipe.size[1], len(splits), 0)
    with fresh_folder(out) as built:
        with ShardWriter(built, features(recipe.classes), about, text) as writer:
            drawn = in_order(_Draw(wanted), 0, len(splits), workers, chunk)
            for (row, digest), split, name in zip(drawn, splits, names, strict=True):
                writer.append(row | {"split": split, "layer": name, "dataset": "stand-in"}, digest)
                advance(1)
        path = built / "synthem.json"
        training = [name for name, split in zip(names, splits, strict=True) if split == "train"]
        order = [training[i] for i in stream(wanted.seed, "stand-in", "order").permutation(len(training))]
        watched = [name for name, split in zip(names, splits, strict=True) if split == "validate"]
        meta = json.loads(path.read_text()) | {"order": order, "selections": {"validate": watched}, "stand_in": True}
        write_atomically(path, json.dumps(meta, indent=2, ensure_ascii=False) + "\n")


class _Draw:
    """The job of drawing layers; sent to each worker once."""

    def __init__(self, wanted: StandIn) -> None:
        self._wanted = wanted

    def __call__(self, index: int) -> tuple[Row, bytes]:
        recipe = built_recipe(self._wanted)
        scene, tile = make_tile(recipe, self._wanted.seed, index)
        return make_row(recipe, self._wanted.seed, index, scene, tile)
