"""Which layers a cell learns from, is watched on and scored on, where the study leaves that to a draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthem.curate.check.leaks import slices_of
from synthem.curate.mix.pick import pick_layers
from synthem.curate.mix.sources import Source as MixSource
from synthem.curate.mix.sources import Sources, union
from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.sweep.setup import Layers, Setup, Subsample, Validation
from synthem.sweep.sources import Prepared, Source
from synthem.tiles.dataset import TileDataset


def subsampled(setup: Setup, prepared: Prepared) -> Setup:
    """The setup with its layers named, where it asks for a draw; else as it is. See `Subsample`.

    Raises:
        SynthemError: more layers asked for than the split holds beyond the gap.
    """
    wanted = setup.real.subsample
    if wanted is None:
        return setup
    train, watched, scored = draw(prepared.real(setup.real).dataset, wanted)
    changes: dict[str, Any] = {"test": Layers(layers=scored)}
    if setup.real.layers != 0:
        changes["real"] = setup.real.model_copy(update={"layers": train})
    if watched:
        thresholds = setup.validation is not None and setup.validation.thresholds
        changes["validation"] = Validation(layers=watched, thresholds=thresholds)
    return setup.model_copy(update=changes)


def draw(dataset: TileDataset, wanted: Subsample) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Layers for training, validation and test, each part without those that lie too near to an earlier drawn part.

    Test is drawn first, then validation, then training, all along one shuffle of the split's layers.

    Raises:
        SynthemError: no such split, or too few layers.
    """
    splits = dataset.column("split")
    held = sorted({name for name, s in zip(dataset.column("layer"), splits, strict=True) if s == wanted.split})
    if not held:
        known = ", ".join(sorted(set(splits))) or "no rows"
        raise SynthemError(f"real.subsample.split: no split {wanted.split!r}; {dataset.folder} has {known}")
    rest = [held[i] for i in stream(wanted.seed, "subsample").permutation(len(held))]
    places = slices_of(dataset)
    parts: list[tuple[str, ...]] = []
    for name, n in (("test", wanted.test), ("validate", wanted.validate_), ("train", wanted.train)):
        taken = [places.get(layer) for part in parts for layer in part]
        free = [layer for layer in rest if not any(_near(places.get(layer), at, wanted.gap) for at in taken)]
        if len(free) < n:
            raise SynthemError(
                f"real.subsample.{name}: {n} layers, but {len(free)} are left of the {len(held)} of split "
                f"{wanted.split!r}; ask for fewer, or a smaller gap"
            )
        parts.append(tuple(free[:n]))
        rest = [layer for layer in rest if layer not in parts[-1]]
    scored, watched, train = parts
    return train, watched, scored


def training_layers(source: Source, wanted: int | str | Sequence[str] | None, seed: int) -> list[str]:
    """Names of the layers that a mix takes; see `synthem.curate.mix.mix`.

    Raises:
        SynthemError: an unknown name, or more layers than there are.
    """
    opened = [MixSource.of("real", source.dataset)]
    return [name for _, name, _ in pick_layers(Sources(opened, union(opened), None), wanted, seed)]


def _near(one: tuple[str, int] | None, other: tuple[str, int] | None, gap: int) -> bool:
    """Whether two slices of one volume are at most `gap` apart."""
    return bool(gap and one and other and one[0] == other[0] and abs(one[1] - other[1]) <= gap)
