"""The datasets of a study, prepared once in the store: imported, generated, or copied there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthem.curate.corrupt import corrupt
from synthem.errors import SynthemError, unknown_name
from synthem.shipped import shipped
from synthem.sweep.plan import LayerSet, digest
from synthem.sweep.setup import Corrupt, Layers, Real, StandIn, Synthetic, built_recipe
from synthem.sweep.stand_in import stand_in
from synthem.tiles.dataset import TileDataset
from synthem.tiles.fresh import fresh_folder
from synthem.tiles.generate import generate
from synthem.tiles.importers import import_dataset, load_descriptor
from synthem.tiles.resample import resampled_size

DATA = "SYNTHEM_DATA"
"""Environment variable that names the folder of real data."""


@dataclass(frozen=True)
class Source:
    """A prepared dataset."""

    folder: str
    """Relative to the store."""
    dataset: TileDataset
    stand_in: bool = False

    def describe(self) -> dict[str, Any]:
        """For the plan: what it is and of which pixels."""
        meta = self.dataset.meta
        about: dict[str, Any] = {
            key: meta[key] for key in ("recipe_fingerprint", "seed", "generator_version") if key in meta
        }
        return {
            "name": meta.get("name") or Path(self.folder).name,
            "folder": self.folder,
            "rows": len(self.dataset),
            "fingerprint": self.dataset.fingerprint,
            "stand_in": self.stand_in,
            **_errors(meta.get("corruption")),
            **about,
        }


def _errors(corruption: dict[str, Any] | None) -> dict[str, Any]:
    """Of wrong labels: which errors, and how far they are from the true ones."""
    if corruption is None:
        return {}
    steps = [
        f"{step['kind']} {step['strength']:g}{', systematic' if step['systematic'] else ''}"
        for step in corruption["steps"]
    ]
    return {"errors": "; ".join(steps), "label_dice": corruption["agreement"]}


@dataclass
class Prepared:
    """Prepares datasets into a store, each once.

    Args:
        store: the folder.
        advance: called with the number of layers and tiles made since the last call.
    """

    store: Path
    advance: Callable[[int], object] = lambda n: None
    sources: dict[str, Source] = field(default_factory=dict)
    """By folder."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the results must know."""

    def real(self, wanted: Real) -> Source:
        """The dataset of real layers, or what stands in for them.

        Raises:
            SynthemError: no such data, and nothing that stands in.
        """
        if wanted.data is None:
            if wanted.stand_in is None:
                raise SynthemError("real.data: is null, but real layers are asked for; name a dataset")
            return self._stood_in(wanted.stand_in, "were asked for")
        folder = self._place(wanted.data)
        if folder is not None and folder.is_dir():
            return self._copied(folder)
        path = self._descriptor(wanted.data) if folder is None else folder
        descriptor = load_descriptor(path)
        place = f"data/{descriptor.name}-{descriptor.fingerprint()[:8]}"
        if not self._there(place):
            root = find_root(descriptor.name, wanted.root)
            if root is None and wanted.stand_in is not None:
                return self._stood_in(wanted.stand_in, f"of {descriptor.name} were found")
            if root is None:
                raise SynthemError(
                    f"real.data {descriptor.name}: its layers weren't found; set {DATA} to their folder, or real.root"
                )
            import_dataset(descriptor, root, self.store / place, advance=self.advance)
        return self._opened(place)

    def tiles(self, wanted: Synthetic, pool: int) -> Source:
        """The first `pool` tiles of a recipe.

        Raises:
            SynthemError: a recipe that can't be drawn.
        """
        recipe = built_recipe(wanted)
        place = f"data/{recipe.name}-{recipe.fingerprint[:8]}-seed{wanted.seed}-n{pool}"
        if not self._there(place, pool):
            generate(recipe, pool, self.store / place, seed=wanted.seed, advance=self.advance)
        return self._opened(place)

    def corrupted(self, source: Source, errors: Sequence[Corrupt], layers: Sequence[str] | None = None) -> Source:
        """A dataset with errors in the labels of its training rows; the dataset itself without errors.

        Args:
            source: is not changed.
            errors: one after the other.
            layers: those that are kept; None for all.

        Raises:
            SynthemError: an error that doesn't fit the classes.
        """
        if not errors:
            return source
        seeds = {error.seed for error in errors}
        if len(seeds) > 1:
            raise SynthemError(f"corrupt: seeds {', '.join(map(str, sorted(seeds)))}; give all errors the same one")
        steps = [error.step for error in errors]
        key = digest([source.dataset.fingerprint, [step.to_json() for step in steps], layers, *seeds])
        place = f"data/{Path(source.folder).name}-corrupt-{key[:8]}"
        if not self._there(place):
            corrupt(source.dataset, self.store / place, steps, layers=layers, seed=errors[0].seed, advance=self.advance)
        return self._opened(place, source.stand_in)

    def layers(
        self, wanted: Layers, real: Real, nm_per_px: float | None, what: str, window: int | None = None
    ) -> tuple[LayerSet, bool]:
        """Layers to score on, and whether they stand in for real ones.

        Args:
            wanted: which.
            real: the study's real layers.
            nm_per_px: pixel size that they are brought to.
            what: they are for; begins the text of an error.
            window: px that must fit into them at that size.

        Raises:
            SynthemError: no such dataset, split, layer or selection, or layers smaller than the window.
        """
        source = self.real(real if wanted.data is None else real.model_copy(update={"data": wanted.data}))
        dataset = source.dataset
        held, splits = dataset.column("layer"), dataset.column("split")
        selections = dataset.meta.get("selections") or {}
        if wanted.split is not None:
            if wanted.split not in splits:
                raise unknown_name(f"{what}.split", wanted.split, sorted(set(splits)))
            names = [name for name, split in zip(held, splits, strict=True) if split == wanted.split]
        else:
            given = [wanted.layers] if isinstance(wanted.layers, str) else list(wanted.layers or ())
            names = []
            for name in given:
                if name not in held and name not in selections:
                    raise unknown_name(f"{what}.layers", name, [*selections, *held])
                names += selections.get(name, [name])
        if not names:
            raise SynthemError(f"{what}: names no layers; name a split or layers that are there")
        sizes = []
        for row in (held.index(name) for name in names):
            own_nm = dataset.row(row)["nm_per_px"]
            sizes.append(resampled_size(*dataset.size(row), own_nm / nm_per_px if own_nm and nm_per_px else 1.0))
        if window is not None and window > min(map(min, sizes)):
            height, width = min(sizes, key=min)
            raise SynthemError(
                f"evaluation.window: {window} px, but layers of {what} have {height}x{width}; take a smaller one, or "
                "null for whole layers"
            )
        pixels = sum(height * width for height, width in sizes)
        return LayerSet(source.folder, tuple(names), nm_per_px, pixels, dataset.fingerprint), source.stand_in

    def _stood_in(self, wanted: StandIn, why: str) -> Source:
        key = digest([built_recipe(wanted).fingerprint, wanted.model_dump(mode="json", exclude={"recipe", "set"})])
        place = f"data/stand-in-{key[:8]}"
        if not self._there(place):
            stand_in(wanted, self.store / place, self.advance)
        note = (
            f"No real layers {why}: synthetic layers of the recipe {wanted.recipe}, seed {wanted.seed}, stand in for "
            f"them; set {DATA} to the folder of the real ones."
        )
        if note not in self.notes:
            self.notes.append(note)
        return self._opened(place, stand_in=True)

    def _copied(self, folder: Path) -> Source:
        dataset = TileDataset.open(folder)
        place = f"data/{dataset.meta.get('name') or folder.resolve().name}-{dataset.fingerprint[:8]}"
        if not self._there(place):
            with fresh_folder(self.store / place) as built:
                shutil.copytree(folder, built, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        return self._opened(place)

    def _opened(self, place: str, stand_in: bool = False) -> Source:
        if place not in self.sources:
            self.sources[place] = Source(place, TileDataset.open(self.store / place), stand_in)
        return self.sources[place]

    def _there(self, place: str, rows: int | None = None) -> bool:
        """Whether a dataset is prepared; one that is written shard by shard only with all its rows."""
        if place in self.sources:
            return True
        if not (self.store / place / "synthem.json").is_file():
            return False
        return rows is None or len(TileDataset.open(self.store / place)) >= rows

    @staticmethod
    def _place(data: str) -> Path | None:
        """A file or folder of that name."""
        return Path(data) if Path(data).exists() else None

    def _descriptor(self, data: str) -> Path:
        named = {path.stem: path for path in shipped("datasets").glob("*.yaml")}
        if data not in named:
            raise unknown_name("real.data", data, sorted(named))
        return named[data]


def find_root(name: str, root: str | None) -> Path | None:
    """The folder of a descriptor's data: `root`, `$SYNTHEM_DATA`, or `../shared/data/NAME` beside a checkout.

    Raises:
        SynthemError: `root` or the variable names no folder.
    """
    for what, place in (("real.root", root), (DATA, os.environ.get(DATA))):
        if place:
            if not Path(place).is_dir():
                raise SynthemError(f"{what}={place}: there is no such folder; name the one that holds the layers")
            return Path(place)
    beside = shipped("datasets").parent.parent / "shared" / "data" / name
    return beside if beside.is_dir() else None
