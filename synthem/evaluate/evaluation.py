"""Evaluating a model on layers, into a folder: counts, scores, confusion between classes, overlays.

metrics.parquet   one row for each layer and class: tp, fp, fn, tn, and the scores of that layer; the same for other
                  resolutions, named by r1 and r2
overlays/         LAYER-CLASS.png, where asked for
result.json       written last: what was evaluated, thresholds, scores pooled and as mean over layers, confusion of
                  pixels and, where asked for, of segments, and the scores at other resolutions
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.evaluate.counts import Counts, confusion, count
from synthem.evaluate.overlay import overlay, write_png
from synthem.evaluate.predict import Blend, predict_layers, predicted
from synthem.evaluate.resolution import counts_at
from synthem.evaluate.scores import SCORES, mean_over_layers, pooled
from synthem.evaluate.segments import NONE, segment_confusion
from synthem.evaluate.table import Resolution, read_table, write_table
from synthem.evaluate.thresholds import choose_thresholds
from synthem.models import StoredModel, load_model
from synthem.models.files import write_json
from synthem.models.machine import Machine, Precision
from synthem.models.segments import SegmentClassifier
from synthem.tiles.samples import Samples
from synthem.train.data import digest
from synthem.train.groups import parse_groups, regroup
from synthem.train.run import Run
from synthem.train.settings import check_types


@dataclass(frozen=True)
class EvaluateConfig:
    """How layers are predicted and scored."""

    window: int | None = 256
    """Side of a window, px; None: each layer whole."""
    stride: int | None = None
    """From window to window, px; half a window by default."""
    blend: Blend = "smooth"
    """How overlapping windows are joined."""
    resolutions: tuple[Resolution, ...] = ()
    """Pairs (R1, R2) at which layers are scored too: R1 px high before the model, R2 px high when they are compared. A
    layer that a window doesn't fit into then is one window."""
    segments: bool = False
    """Count how whole segments are taken for each other; see `segment_confusion`. Always done for their classifiers."""
    flips: bool = False
    """Average over the four mirror images of each window."""
    threshold: float = 0.5
    """Probability from which a pixel is predicted, unless validation layers are given to choose it."""
    batch: int = 8
    """Windows at a time."""
    precision: Precision = "auto"
    """Number format of the convolutions; see `TrainConfig`."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, …"""

    def __post_init__(self) -> None:
        check_types(self, "evaluation")
        if not 0 < self.threshold < 1:
            raise SynthemError(f"evaluation: threshold={self.threshold}: must be between 0 and 1")
        try:
            pairs = tuple((int(r1), int(r2)) for r1, r2 in self.resolutions)
        except (TypeError, ValueError):
            raise SynthemError(f"evaluation: resolutions={self.resolutions}: give pairs of px, (R1, R2)") from None
        if any(min(pair) < 1 for pair in pairs):
            raise SynthemError(f"evaluation: resolutions={self.resolutions}: must be 1 px or more")
        object.__setattr__(self, "resolutions", tuple(dict.fromkeys(pairs)))
        for name in ("window", "stride", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SynthemError(f"evaluation: {name}={value}: must be 1 or more")
        if self.window and self.stride and self.stride > self.window:
            size = f"{self.window}x{self.window} px"
            raise SynthemError(
                f"evaluation: stride={self.stride}: larger than the window of {size} leaves gaps; name less"
            )


@dataclass(frozen=True, repr=False)
class Evaluation:
    """A finished evaluation: its scores."""

    folder: Path
    result: dict[str, Any]
    """Of `result.json`; a score that means nothing is None."""

    @classmethod
    def open(cls, folder: str | Path) -> Evaluation:
        """Open the folder of a finished evaluation.

        Raises:
            SynthemError: there is none, or its result is damaged.
        """
        path = Path(folder) / "result.json"
        if not path.is_file():
            raise SynthemError(f"{folder}: holds no finished evaluation; name a folder that `synthem evaluate` wrote")
        try:
            return cls(Path(folder), json.loads(path.read_text()))
        except ValueError:
            raise SynthemError(f"{path}: is damaged; delete the folder and evaluate again") from None

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {_shown(held['dice'])}" for name, held in self.result["pooled"].items())
        return f"Evaluation({str(self.folder)!r}, {len(self.result['layers'])} layers, Dice {scores})"

    def _repr_html_(self) -> str:
        """Scores of each class as a table, for notebooks."""
        from synthem.show import html_table

        pooled = self.result["pooled"]
        names = list(next(iter(pooled.values()), {}))
        rows = [(name, *(_shown(held[score]) for score in names)) for name, held in pooled.items()]
        return html_table(f"{self.folder}: {len(self.result['layers'])} layers", ("class", *names), rows)

    @property
    def counts(self) -> Counts:
        """The table of counts."""
        return self.counts_at(None)

    def counts_at(self, resolution: Resolution | None) -> Counts:
        """The table of counts at one of `EvaluateConfig.resolutions`; None for the layers' own.

        Raises:
            SynthemError: it is damaged, or that resolution wasn't asked for.
        """
        layers, classes = tuple(self.result["layers"]), tuple(self.result["classes"])
        return read_table(self.folder / "metrics.parquet", layers, classes, resolution)


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def evaluate(
    run: Run | str | Path,
    samples: Samples,
    out: str | Path,
    config: EvaluateConfig | None = None,
    *,
    val: Samples | None = None,
    overlays: Sequence[str] = (),
    advance: Callable[[int], object] | None = None,
) -> Evaluation:
    """Predict layers, count, score, and write it all to a folder.

    A folder that holds the same evaluation is found done; one that was killed on the way is done again.

    Args:
        run: a run, a run at a snapshot (`run.at(0.25)`), its folder, or a model's file.
        samples: whole layers with their masks. Classes are matched by name with the model's, or joined as they were
            for its training; those that the layers lack count as unknown.
        out: the folder.
        config: see `EvaluateConfig`.
        val: validation layers to choose each class's threshold on, never those that are scored.
        overlays: classes to draw overlays of, or `all`.
        advance: called with the number of layers done since the last call.

    Raises:
        SynthemError: layers that the model can't be used on, or a folder that holds something else.
    """
    config, folder = config or EvaluateConfig(), Path(out)
    machine = Machine.pick(config.device, config.precision)
    weights = model_file(run)
    stored = load_model(weights, machine.device)
    samples = _matched(samples, stored, "evaluation")
    if val is not None:
        val = _matched(val, stored, "validation")
        _check_apart(val, samples)
    drawn = _overlaid(overlays, stored.classes)
    settings = {k: v for k, v in vars(config).items() if k not in ("device", "batch")}
    settings["resolutions"] = [list(pair) for pair in config.resolutions]
    identity = {
        "weights": hashlib.blake2b(weights.read_bytes(), digest_size=16).hexdigest(),
        "samples": digest(samples),
        "validation": None if val is None else digest(val),
        "config": settings,
        "overlays": drawn,
    }
    if _is_done(folder, identity):
        return Evaluation.open(folder)

    prediction: dict[str, Any] = {
        **{name: getattr(config, name) for name in ("window", "stride", "blend", "flips", "batch")},
        "contrast": stored.extra.get("contrast", "none"),
        "machine": machine,
    }
    thresholds = np.full(len(stored.classes), config.threshold)
    if val is not None:
        masks = map(val.classes.unpack, val.stored)
        thresholds = choose_thresholds(predict_layers(stored.model, val, **prediction), masks, val.known)

    found = predicted(stored.model, samples, **prediction)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(samples.groups) or [f"layer{i:04d}" for i in range(len(samples))]
    k = len(stored.classes)
    counted, confused = [], np.zeros((k, k), np.int64)
    pieces = np.zeros((k + 1, k + 1), np.int64)
    segmenting = config.segments or isinstance(stored.model, SegmentClassifier)
    for i, layer in enumerate(found):
        true = samples.classes.unpack(samples.stored[i])
        masks_found = layer.probabilities >= thresholds[:, None, None].astype(np.float32)
        counted.append(count(masks_found, true))
        if segmenting:
            pieces += segment_confusion(masks_found, true, samples.known[i], layer.segments)
        confused += confusion(masks_found, true) * np.outer(samples.known[i], samples.known[i])
        for name in drawn:
            c = stored.classes.index(name)
            (folder / "overlays").mkdir(exist_ok=True)
            picture = overlay(samples.images[i], masks_found[c], true[c])
            write_png(folder / "overlays" / f"{names[i]}-{name}.png".replace("/", "_"), picture)
        if advance:
            advance(1)

    counts = Counts.of(names, stored.classes.names, counted, samples.known)
    tables: dict[Resolution | None, Counts] = {None: counts}
    for r1, r2 in config.resolutions:
        tables[r1, r2] = counts_at(stored.model, samples, r1, r2, threshold=thresholds, **prediction)
    write_table(folder / "metrics.parquet", tables)
    other = {pair: table for pair, table in tables.items() if pair is not None}
    result = {
        "identity": identity,
        "model": str(stored.spec),
        "share": stored.extra.get("share"),
        "machine": str(machine),
        "layers": names,
        "classes": list(stored.classes.names),
        "thresholds": dict(zip(stored.classes.names, thresholds.tolist(), strict=True)),
        **score_tables(counts),
        "confusion": confused.tolist(),
        "segments": {"classes": [*stored.classes.names, NONE], "confusion": pieces.tolist()} if segmenting else None,
        "resolutions": [
            {"r1": r1, "r2": r2, **score_tables(table), "pixels": pixels(table)} for (r1, r2), table in other.items()
        ],
    }
    write_json(folder / "result.json", result)
    return Evaluation.open(folder)


def pixels(counts: Counts) -> dict[str, list[int]]:
    """tp, fp and fn of each class by name, over all layers."""
    return {name: [int(n[c]) for n in counts.pooled()[:3]] for c, name in enumerate(counts.classes)}


def score_tables(counts: Counts) -> dict[str, dict[str, dict[str, float | None]]]:
    """Every score of every class, `pooled` over layers and as `mean` over the layers that hold it; None for NaN."""

    def table(reduce: Callable[..., npt.NDArray[np.float64]]) -> dict[str, dict[str, float | None]]:
        columns = {name: reduce(counts, score) for name, score in SCORES.items()}
        return {c: {name: _plain(column[i]) for name, column in columns.items()} for i, c in enumerate(counts.classes)}

    return {"pooled": table(pooled), "mean": table(mean_over_layers)}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def model_file(run: Run | str | Path) -> Path:
    """The file of a run's model: of a run, its folder, or the file itself.

    Raises:
        SynthemError: no finished run there.
    """
    if isinstance(run, Run):
        return run.weights
    path = Path(run)
    return path if path.is_file() else Run.open(path).weights


def _matched(samples: Samples, stored: StoredModel, what: str) -> Samples:
    """The samples with the model's classes, in the model's order."""
    if len(samples) == 0:
        raise SynthemError(f"{what}: there are no layers; name a split or layers that are there")
    if samples.images.shape[1] != stored.channels:
        raise SynthemError(
            f"{what}: images of {samples.images.shape[1]} channels for a model of {stored.channels}; they must agree"
        )
    theirs, ours = samples.classes, stored.classes
    groups = parse_groups(stored.extra.get("groups") or ours.names)
    wanted = {name for group, members in groups for name in (group, *members)}
    if not wanted & set(theirs.names):
        raise SynthemError(
            f"{what}: classes {', '.join(theirs.names)}, but the model knows {', '.join(ours.names)}; name other layers"
        )
    return regroup(samples, groups, lacking=True)


def _check_apart(val: Samples, samples: Samples) -> None:
    scored = {image.tobytes(): i for i, image in enumerate(samples.images)}
    for i, image in enumerate(val.images):
        if image.tobytes() in scored:
            name = val.groups[i] if val.groups else str(i)
            raise SynthemError(f"validation: layer {name} is also scored; choose thresholds on other layers")


def _overlaid(overlays: Sequence[str], classes: Classes) -> list[str]:
    return list(classes.names) if "all" in overlays else [classes.names[classes.index(name)] for name in overlays]


def _is_done(folder: Path, identity: dict[str, Any]) -> bool:
    """Whether the folder already holds this evaluation; an error where it holds something else."""
    if (folder / "result.json").is_file():
        held = Evaluation.open(folder).result.get("identity")
        if held != json.loads(json.dumps(identity)):
            raise SynthemError(f"{folder}: holds another evaluation; name another folder or delete it")
        return True
    ours = {"metrics.parquet", "overlays"}
    if folder.exists() and (
        not folder.is_dir() or any(p.name not in ours and p.name[0] != "." for p in folder.iterdir())
    ):
        raise SynthemError(f"{folder}: holds something else; name an empty or a new folder")
    return False
