"""The results of a sweep as tables, made anew from the run folders each time, so that nothing counts twice.

`results.parquet` has one row for each finished point of the grid, class and pooling, and more of the same for the
models kept on the way (`training.snapshots`), for other resolutions (`evaluation.resolutions`) and for what was learned
from or watched on (`also`):

- `study`, `run` (id; points may share a run), one column for each axis of the grid, `cell` (points that differ only in
  repeats, such as the seed, are one cell)
- `class`; `pooling`: `pooled`, counts summed over the layers, or `mean`, over the layers that hold the class
- `at`: share of the planned steps after which the model was kept; null for the model that the run ended with
- `on`: `test`, or what else was scored: `training`, the windows as they are, or `validation` (`also` in the study)
- `r1`, `r2`: px of the images that the model saw and of the masks that were compared; null for the layers' own size
- `dice`, `iou`, `precision`, `recall`, `f1`, `accuracy`: null where they mean nothing; `threshold`
- `windows`, `windows_real`, `windows_synthetic`, `layers_real`, `tiles_synthetic`: in the mix
- `count`, `count_real`, `count_synthetic`: organelles of the class in the mix, counted in every window
- `steps`, `epochs`, `parameters`, `seconds`, `machine`, `stand_in`
- `tp`, `fp`, `fn`: pixels over all layers; `on_CLASS`: pixels predicted as the row's class whose label is CLASS

`table.csv` has one row for each cell, class, pooling, `on`, `at`, `r1` and `r2`: the axes that aren't repeats, `n`
(runs with a score), and for each score its mean with the ends of Student's 95 % interval over the repeats (empty with
fewer than two).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from synthem.evaluate import SCORES, Interval, t_interval
from synthem.models.files import write_through
from synthem.sweep.plan import Entry, Plan
from synthem.sweep.runs import failure, result

Status = Literal["done", "failed", "missing", "untrainable"]
POOLINGS = ("pooled", "mean")


@dataclass(frozen=True)
class Outcome:
    """What became of one point of the grid."""

    entry: Entry
    status: Status
    result: dict[str, Any] | None = None
    """Of its run; see `synthem.sweep.runs.perform`."""
    reason: str = ""
    """Why it failed, or can't be trained."""


def outcomes(plan: Plan) -> list[Outcome]:
    """Of every point, from what lies on the disk now."""
    found: dict[str, Outcome] = {}
    listed = []
    for entry in plan.entries:
        if entry.run is None:
            listed.append(Outcome(entry, "untrainable", reason=entry.reason))
            continue
        if entry.run not in found:
            found[entry.run] = _outcome(plan, entry, entry.run)
        known = found[entry.run]
        listed.append(Outcome(entry, known.status, known.result, known.reason))
    return listed


def _outcome(plan: Plan, entry: Entry, run: str) -> Outcome:
    folder = plan.run_folder(run)
    held = result(folder)
    if held is not None:
        return Outcome(entry, "done", held)
    reason = failure(folder)
    return Outcome(entry, "failed" if reason else "missing", reason=reason)


def rows(plan: Plan, found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Of `results.parquet`."""
    cell_of = {id(entry): i for i, cell in enumerate(plan.cells()) for entry in cell}
    listed = []
    for outcome in found:
        if outcome.result is None:
            continue
        held, entry = outcome.result, outcome.entry
        mix, training = held["mix"], held["training"]
        about = {
            "study": plan.about["name"],
            "run": entry.run,
            "cell": cell_of[id(entry)],
            **entry.at,
            "windows": mix["windows"],
            "windows_real": mix["real"]["windows"],
            "windows_synthetic": mix["synthetic"]["windows"],
            "layers_real": mix["real"]["layers"],
            "tiles_synthetic": mix["synthetic"]["tiles"],
            **{key: training[key] for key in ("steps", "epochs", "parameters", "machine")},
            "seconds": held["seconds"],
            "stand_in": held["stand_in"],
        }
        for moment, scored in _scored(held):
            for c, name in enumerate(scored["classes"]):
                counts = {
                    "count": mix["total"]["count"].get(name),
                    "count_real": mix["real"]["count"].get(name),
                    "count_synthetic": mix["synthetic"]["count"].get(name),
                }
                confused = scored["confusion"][c] if "confusion" in scored else [None] * len(scored["classes"])
                on = {f"on_{other}": px for other, px in zip(scored["classes"], confused, strict=True)}
                pixels = dict(zip(("tp", "fp", "fn"), scored["pixels"][name], strict=True))
                for pooling in POOLINGS:
                    scores = {score: scored[pooling][name][score] for score in SCORES}
                    key = {"class": name, "pooling": pooling, **moment, "threshold": scored["thresholds"][name]}
                    listed.append({**about, **key, **scores, **counts, **pixels, **on})
    return listed


def _scored(held: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The scores of a run with `at`, `r1` and `r2`: those of the end first, then those of the way there."""
    final = {"at": None, "evaluation": held["evaluation"], "pixels": held["pixels"]}
    for part in (final, *held.get("snapshots", ())):
        scored = part["evaluation"]
        moment = {"on": "test", "at": part["at"], "r1": None, "r2": None}
        yield moment, {**scored, "pixels": part["pixels"]}
        for other in scored.get("resolutions") or ():
            same = {key: scored[key] for key in ("classes", "thresholds")}
            yield moment | {"r1": other["r1"], "r2": other["r2"]}, {**same, **other}
    for what, part in held.get("also", {}).items():
        yield {"on": what, "at": None, "r1": None, "r2": None}, {**part["evaluation"], "pixels": part["pixels"]}


MOMENT = ("on", "at", "r1", "r2")


@dataclass(frozen=True)
class Cell:
    """The score of one cell for one class, pooling, moment of the training and resolution."""

    at: dict[str, Any]
    """Label by axis, without repeats."""
    name: str
    """Of the class."""
    pooling: str
    rows: list[dict[str, Any]]
    """Of `results.parquet`."""
    share: float | None = None
    """Of the planned steps; None: the model that the run ended with."""
    resolution: tuple[int, int] | None = None
    """(R1, R2), px; None: the layers' own."""
    on: str = "test"
    """What was scored."""

    @property
    def plain(self) -> bool:
        """Whether it is of the end of the training and of the test layers as they are."""
        return self.on == "test" and self.share is None and self.resolution is None

    def interval(self, score: str = "dice", confidence: float = 0.95) -> Interval:
        """Mean over the repeats with Student's interval."""
        return t_interval([math.nan if row[score] is None else row[score] for row in self.rows], confidence)

    def values(self, score: str = "dice") -> list[float]:
        """Of each repeat that has the score."""
        return [row[score] for row in self.rows if row[score] is not None]

    def mean(self, column: str) -> float:
        """Of a column of numbers over the repeats; NaN where it is empty."""
        held = [row[column] for row in self.rows if row[column] is not None]
        return sum(held) / len(held) if held else math.nan


def cells(plan: Plan, listed: Sequence[dict[str, Any]]) -> list[Cell]:
    """Rows gathered by cell, class, pooling, moment and resolution, in the grid's order.

    A run that several points of one cell share is one measurement, so it is in the cell once.
    """
    found: dict[tuple[Any, ...], Cell] = {}
    for row in listed:
        key = (row["cell"], row["class"], row["pooling"], *(row[name] for name in MOMENT))
        at = {name: row[name] for name in plan.axes if name not in plan.repeats}
        size = None if row["r1"] is None else (row["r1"], row["r2"])
        cell = found.setdefault(key, Cell(at, row["class"], row["pooling"], [], row["at"], size, row["on"]))
        if all(row["run"] != other["run"] for other in cell.rows):
            cell.rows.append(row)
    return [found[key] for key in sorted(found, key=lambda k: k[0])]


def write_tables(plan: Plan) -> list[Outcome]:
    """Write `results.parquet` and `table.csv` from what is finished; gives what became of every point."""
    import pyarrow as pa
    from pyarrow import parquet

    found = outcomes(plan)
    listed = rows(plan, found)
    names = dict.fromkeys(name for row in listed for name in row)
    columns = {name: _column([row.get(name) for row in listed]) for name in names}
    table = pa.table(columns)
    write_through(plan.folder / "results.parquet", lambda path: parquet.write_table(table, path))
    text = _csv(cells(plan, listed), [name for name in plan.axes if name not in plan.repeats])
    write_through(plan.folder / "table.csv", lambda path: path.write_text(text))
    return found


def _column(values: list[Any]) -> Any:
    """As Arrow; labels of several kinds become text."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    return pa.array(
        values if len(kinds) < 2 or kinds == {int, float} else [None if v is None else str(v) for v in values]
    )


def _csv(listed: Sequence[Cell], axes: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ends = [f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")]
    writer.writerow([*axes, "class", "pooling", *MOMENT, "n", *ends])
    for cell in listed:
        held = [cell.interval(score) for score in SCORES]
        numbers = [_number(value) for interval in held for value in interval[:3]]
        moment = [cell.on, cell.share, *(cell.resolution or (None, None))]
        writer.writerow([*(cell.at[a] for a in axes), cell.name, cell.pooling, *moment, len(cell.values()), *numbers])
    return out.getvalue()


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
