"""Making a mix: exact numbers of real layers and synthetic tiles, as an index that points into their datasets."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from synthem.curate.mix.card import card
from synthem.curate.mix.cuts import Cuts, Cutter
from synthem.curate.mix.index import Index
from synthem.curate.mix.materialise import materialise
from synthem.curate.mix.pick import Layers, add_until, pick_layers, thin, thinning, tile_order
from synthem.curate.mix.reader import Mix
from synthem.curate.mix.sources import Kind, Source, Sources, union
from synthem.curate.mix.summary import class_weights, summarise
from synthem.curate.select import Rules, select
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.shards import write_atomically
from synthem.tiles.windows import Edge

Mode = Literal["fixed-real", "fixed-total"]
"""`fixed-real` adds the synthetic windows to the real ones; `fixed-total` puts them in the place of real ones."""

Folders = str | Path | Sequence[str | Path]


def mix(
    out: str | Path,
    *,
    real: Folders = (),
    synthetic: Folders = (),
    real_layers: Layers = None,
    n_synthetic: int | None = None,
    window: int = 256,
    stride: int = 64,
    edge: Edge = "drop",
    nm_per_px: float | None = None,
    mode: Mode = "fixed-real",
    total: int | None = None,
    until: Mapping[str, int] | None = None,
    balance: str | Mapping[str, float] = "equal",
    rules: Rules | None = None,
    seed: int = 0,
    copy: bool = False,
    advance: Callable[[int], object] = lambda n: None,
) -> Mix:
    """Write a mix folder and open it.

    Args:
        out: the folder; where it holds the same mix already, that one is opened.
        real: datasets of real layers. Only their rows of split `train` can enter a mix.
        synthetic: datasets of synthetic tiles.
        real_layers: the first k of the nested order (that of the dataset's descriptor, else a seeded one), or names of
            layers or selections; None takes all.
        n_synthetic: that many tiles, the first of one seeded permutation, so that 60 contain 30; None takes all.
        window: height and width of a window, px.
        stride: step from window to window, px.
        edge: what happens where the stride doesn't meet the end of a layer.
        nm_per_px: pixel size that all sources are brought to; None keeps theirs, which must agree.
        mode: add synthetic windows to the real ones, or replace real ones by them.
        total: windows of a `fixed-total` mix; None means as many as the real layers give.
        until: instead of a number: add tiles until the mix holds so many organelles of each named class, counted
            in every window as 8-connected components.
        balance: weights of the classes for training: `equal`, `area`, `sqrt-area`, or a table.
        rules: which windows of the real layers are taken; all where left out. Synthetic tiles are taken as they come.
        seed: of the permutation of tiles, and of every other choice.
        copy: write the windows' pixels into the folder too, as a dataset of its own in `tiles/`.
        advance: called with the number of rows that were read since the last call.

    Raises:
        SynthemError: a request that can't be met, sources that don't fit together, or a folder with something else.
    """
    out = Path(out)
    if mode not in get_args(Mode):
        raise SynthemError(f"--mode {mode!r}: no such mode; choose one of {', '.join(get_args(Mode))}")
    if n_synthetic is not None and until:
        raise SynthemError("--n-synthetic and --until: both say how many tiles; give one of them")
    if total is not None and mode != "fixed-total":
        raise SynthemError("--total: belongs to --mode fixed-total; leave it out or name that mode")
    for what, asked, folders in (("real", real_layers, real), ("synthetic", n_synthetic, synthetic)):
        if asked is not None and not isinstance(folders, str | Path) and not folders:
            option = "--real-layers" if what == "real" else "--n-synthetic"
            raise SynthemError(f"{option} {asked}: there is no {what} dataset; name one with --{what}")
    sources = _open_sources(real, synthetic, nm_per_px)
    layers = pick_layers(sources, real_layers, seed)
    tiles = tile_order(sources, seed)
    if n_synthetic is not None and not 0 <= n_synthetic <= len(tiles):
        raise SynthemError(
            f"--n-synthetic {n_synthetic}: the synthetic datasets hold {len(tiles)} training tiles; generate more"
        )
    request = {
        "mode": mode,
        "real_layers": [name for _, name, _ in layers],
        "n_synthetic": n_synthetic,
        "until": dict(until) if until else None,
        "total": total,
        "rules": rules.to_json() if rules else None,
        "balance": balance if isinstance(balance, str) else dict(balance),
        "copy": copy,
    }
    meta: dict[str, Any] = {
        "kind": "mix",
        "sources": [_declare(source, out) for source in sources],
        "classes": sources.classes.to_json(),
        "channels": _channels(sources),
        "window": window,
        "stride": stride,
        "edge": edge,
        "nm_per_px": nm_per_px,
        "seed": seed,
        "request": request,
    }
    if _holds(out, meta):
        return Mix.open(out)

    cutter = Cutter(sources, window, stride, edge)

    def cut(rows: Sequence[tuple[int, int]]) -> Iterator[Cuts]:
        for source, row in rows:
            yield cutter.cut(source, row)
            advance(1)

    n_classes = len(sources.classes)
    reals = Cuts.join(list(cut([(s, row) for s, _, rows in layers for row in rows])), n_classes)
    if rules:
        layer_of = {(s, row): f"{s}/{name}" for s, name, rows in layers for row in rows}
        names = [layer_of[place] for place in zip(reals.index.source.tolist(), reals.index.row.tolist(), strict=True)]
        reals = reals.take(select(reals.area_px, names, sources.classes, rules, seed))
    limit = None if mode == "fixed-real" else len(reals) if total is None else total
    if until:
        synthetics = _until(until, reals, limit, cut(tiles), sources, seed)
    else:
        synthetics = Cuts.join(list(cut(tiles[:n_synthetic])), n_classes)
    if limit is not None:
        reals = _replace(reals, limit, len(synthetics), seed)
    cuts = Cuts.join([reals, synthetics], n_classes)
    if not len(cuts) and layers and rules:
        raise SynthemError("no window of the real layers passes --present, --min-area and --drop-empty; ask for less")
    if not len(cuts):
        raise SynthemError("a mix of 0 real layers and 0 synthetic tiles holds nothing; ask for at least one of either")
    _check_pixel_sizes(sources, cuts.index)

    meta["fingerprint"] = _fingerprint(meta, cuts.index)
    meta["summary"] = summarise(sources, cuts)
    meta["class_weights"] = class_weights(balance, sources.classes, meta["summary"]["total"]["area_px"])
    _write(out, meta, cuts, sources)
    return Mix.open(out)


def _open_sources(real: Folders, synthetic: Folders, nm_per_px: float | None) -> Sources:
    if nm_per_px is not None and not 0 < nm_per_px < float("inf"):
        raise SynthemError(f"--nm-per-px {nm_per_px:g}: a pixel size is above 0")
    kinds: tuple[tuple[Kind, Folders], ...] = (("real", real), ("synthetic", synthetic))
    opened: list[Source] = []
    for kind, folders in kinds:
        for folder in [folders] if isinstance(folders, str | Path) else folders:
            if any(Path(folder).resolve() == Path(source.folder).resolve() for source in opened):
                raise SynthemError(f"{folder}: is named twice; name each source once")
            opened.append(Source.of(kind, TileDataset.open(folder)))
    if not opened:
        raise SynthemError("a mix needs a source; name one with --real or --synthetic")
    return Sources(opened, union(opened), nm_per_px)


def _declare(source: Source, out: Path) -> dict[str, Any]:
    path = os.path.relpath(Path(source.folder).resolve(), out.resolve())
    return {
        "kind": source.kind,
        "path": Path(path).as_posix(),
        "fingerprint": source.dataset.fingerprint,
        "known": list(source.known),
    }


def _channels(sources: Sources) -> int:
    channels = {source.channels: source.folder for source in sources if source.channels}
    if len(channels) > 1:
        raise SynthemError(f"{channels[3]} is in colour and {channels[1]} is grey; import both in the same way")
    return next(iter(channels), 1)


def _until(
    until: Mapping[str, int], reals: Cuts, limit: int | None, tiles: Iterator[Cuts], sources: Sources, seed: int
) -> Cuts:
    """The fewest tiles with which the mix holds as many organelles as `until` says."""
    classes = sources.classes
    wanted = {classes.index(name): n for name, n in until.items()}
    order = thinning(len(reals), seed)
    kept = np.concatenate([np.zeros((1, len(classes)), np.int64), reals.count[order].cumsum(axis=0)])
    best = np.zeros(len(classes), np.int64)

    def enough(windows: int, count: npt.NDArray[np.int64]) -> bool:
        keep = len(reals) if limit is None else limit - windows
        if not 0 <= keep <= len(reals):
            return False
        np.maximum(best, kept[keep] + count, out=best)
        return all((kept[keep] + count)[c] >= n for c, n in wanted.items())

    taken, reached = add_until(tiles, enough, len(classes))
    if not reached:
        c, n = next(((c, n) for c, n in wanted.items() if best[c] < n), next(iter(wanted.items())))
        raise SynthemError(
            f"--until {classes.names[c]}={n}: with all {len(taken)} tiles the mix holds {best[c]}; generate more"
        )
    return Cuts.join(taken, len(classes))


def _replace(reals: Cuts, total: int, synthetic: int, seed: int) -> Cuts:
    keep = total - synthetic
    if keep < 0:
        raise SynthemError(
            f"--mode fixed-total: {synthetic} synthetic windows are more than the {total} in all; ask for fewer"
        )
    if keep > len(reals):
        raise SynthemError(
            f"--mode fixed-total: {total} windows need {keep} real ones beside {synthetic} synthetic ones, "
            f"and the layers hold {len(reals)}; ask for more layers or a smaller --total"
        )
    return thin(reals, keep, seed)


def _check_pixel_sizes(sources: Sources, index: Index) -> None:
    if sources.nm_per_px is not None:
        return
    used = [np.unique(source.pixel_nm[index.row[index.source == s]]) for s, source in enumerate(sources)]
    sizes = np.unique(np.concatenate(used))
    sizes = sizes[~np.isnan(sizes)]
    if len(sizes) and sizes[-1] - sizes[0] > 1e-3 * sizes[0]:
        raise SynthemError(
            f"the sources' pixels are {sizes[0]:g} to {sizes[-1]:g} nm; bring them to one size with --nm-per-px"
        )


def _fingerprint(meta: Mapping[str, Any], index: Index) -> str:
    about = {key: meta[key] for key in ("classes", "channels", "window", "nm_per_px")}
    about["sources"] = [{k: v for k, v in source.items() if k != "path"} for source in meta["sources"]]
    state = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    state.update(index.to_bytes())
    return state.hexdigest()


def _holds(out: Path, meta: Mapping[str, Any]) -> bool:
    """Whether the folder is this mix already; false where there is nothing yet."""
    if out.exists() and not out.is_dir():
        raise SynthemError(f"{out}: is a file; name a folder")
    declared = out / "mix.json"
    if not declared.is_file():
        if out.exists() and any(out.iterdir()):
            raise SynthemError(f"{out}: holds something else; name an empty or a new folder")
        return False
    try:
        found = json.loads(declared.read_text())
    except ValueError:
        raise SynthemError(f"{declared}: can't be read as JSON; delete the folder or name another") from None
    wanted = json.loads(json.dumps(meta))
    found["sources"] = found.get("copied_from", found.get("sources"))
    different = [key for key, value in wanted.items() if found.get(key) != value]
    if different:
        what = ", ".join(key.replace("_", " ") for key in different)
        raise SynthemError(f"{out}: holds another mix ({what} differ); name another folder or delete it")
    return True


def _write(out: Path, meta: dict[str, Any], cuts: Cuts, sources: Sources) -> None:
    """Write beside the folder's place, then rename: the mix is there whole, or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        fresh.mkdir()
        index = cuts.index
        written = dict(meta)
        if meta["request"]["copy"]:
            written["copied_from"] = meta["sources"]
            written["sources"], index = materialise(fresh, meta, cuts, sources)
        index.write(fresh, meta["window"], meta["fingerprint"])
        write_atomically(fresh / "README.md", card(meta))
        write_atomically(fresh / "mix.json", json.dumps(written, indent=2, ensure_ascii=False) + "\n")
        try:
            fresh.replace(out)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not _holds(out, meta):
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
