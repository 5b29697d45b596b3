"""Reports: what the page holds, over one sweep and over several, finished or not."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import sweeping
from PIL import Image

from synthem.errors import SynthemError
from synthem.evaluate import Evaluation, bootstrap_interval
from synthem.report import report
from synthem.report.figures import learning_curves
from synthem.report.view import View, interval_text, words
from synthem.sweep import Plan, Study, carry_out, prepare
from synthem.sweep.runs import TEST

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """What a page holds; `problems` lists tags that don't close in order, and addresses outside of the page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.plots: list[str] = []
        self.captions: list[str] = []
        self.classes: list[str] = []
        self.pictures = 0
        self.text = path.read_text()
        self.feed(self.text)
        self.problems += self.open

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = dict(given)
        if tag not in VOID:
            self.open.append(tag)
        for name in ("src", "href"):
            place = attributes.get(name) or "#"
            if not place.startswith(("data:", "#")):
                self.problems.append(place)
        if tag == "img":
            self.pictures += "jpeg" in str(attributes["src"])[:20]
            if not attributes.get("alt"):
                self.problems.append("a picture without words")
        if attributes.get("class") == "plot":
            self.plots.append(str(attributes["id"]))
        if tag == "tr" and "data-class" in attributes:
            self.classes.append(str(attributes["data-class"]))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}>")


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two finished sweeps that share a store: one over tiles with a failed run, one over named arms."""
    folder = tmp_path_factory.mktemp("report")
    real = sweeping.layers(folder / "real")
    page = {"focus": "mitochondrion", "confusion": ["axon", "psd"]}
    grid = {"real.layers": [0, 1], "synthetic.n": [0, 2, 4], "training.seed": [0, 1]}
    tiles = sweeping.plan(real, folder / "tiles", store=folder / "store", title="Tiles & more", report=page, grid=grid)
    arms = {"alone": {"synthetic.n": 0}, "mixed": {"synthetic.n": 4}, "broken": {"training.lr": 1e30}}
    changes = {"synthetic.n": None, "arm": arms}
    bce = {"training": {"loss": "bce"}, "synthetic": {"n": 0, "pool": 4}}
    other = sweeping.plan(real, folder / "arms", store=folder / "store", name="arms", grid=changes, **bce)
    for plan in (tiles, other):
        carry_out(plan)
    return tiles.folder, other.folder


def test_the_page_of_one_sweep_is_whole(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    page = Page(report([sweeps[0]], tmp_path / "page.html"))
    assert page.problems == []
    classes = ("axon", "mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane")
    wanted = [f"{kind}-{name}" for kind in ("dice", "organelles") for name in classes]
    assert page.plots == [*wanted, "confusion-axon-psd", "confusion-psd-axon", "curves-mitochondrion"]
    assert page.classes == [name for name in classes for _ in range(5)]
    assert 1 <= page.pictures <= 6
    assert "Tiles &amp; more" in page.text
    assert "nothing to train on" in page.text
    assert "All settings of tiny" in page.text
    assert re.search(r"repeats of a cell</th><td[^>]*>2<", page.text)
    assert (tmp_path / "page.html").stat().st_size < 5e6


def test_every_plot_is_a_file_too(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    page = Page(report([sweeps[0]], tmp_path / "page.html"))
    for name in page.plots:
        drawn = ElementTree.parse(tmp_path / "page-plots" / f"{name}.svg").getroot()
        assert drawn.tag.endswith("svg")
        with Image.open(tmp_path / "page-plots" / f"{name}.png") as picture:
            assert min(picture.size) > 200
    assert len(list((tmp_path / "page-plots").iterdir())) == 2 * len(page.plots)


def test_a_page_over_two_sweeps_has_a_panel_for_each(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    page = Page(report(sweeps, tmp_path / "both.html"))
    assert page.problems == []
    assert "dice-axon" in page.plots
    assert "organelles-axon" not in page.plots  # only one of them has tiles on x
    svg = (tmp_path / "both-plots" / "dice-axon.svg").read_text()
    assert "Tiles &amp; more" in svg
    assert svg.count('id="axes_') == 2


def test_arms_are_points_that_are_not_joined(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    report([sweeps[1]], tmp_path / "arms.html")
    svg = (tmp_path / "arms-plots" / "dice-axon.svg").read_text()
    assert all(f">{arm}<" in svg for arm in ("alone", "mixed"))


def test_names_of_many_lines_stand_below_the_plot(sweeps: tuple[Path, Path]) -> None:
    figure = learning_curves([View(sweeps[0])], "axon")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 5
    assert legend.get_window_extent().y1 < axes.get_window_extent().y0
    assert legend.get_window_extent().y0 > -1


def test_the_page_of_a_quick_size_says_that_its_text_is_of_the_full_one(tmp_path: Path) -> None:
    study = Study.build(sweeping.content(sweeping.layers(tmp_path / "real"), description="Ten seeds."))
    plan = prepare(study, tmp_path / "sweep", quick=True)
    assert "the text above is of the full size" in report([plan.folder], tmp_path / "page.html").read_text()


def test_failed_runs_are_named_with_their_reason(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    text = report([sweeps[1]], tmp_path / "arms.html").read_text()
    assert "2 failed; see What was run." in text
    assert re.search(r"training\.seed=0 arm=broken.*?the loss is", text)


def test_a_sweep_that_was_only_begun_has_a_page(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(sweeps[0].parent, tmp_path / "copy")
    plan = Plan.open(tmp_path / "copy" / "tiles")
    first, *rest = plan.items
    for run in rest:
        shutil.rmtree(plan.run_folder(run))
    page = Page(report([plan.folder], tmp_path / "page.html"))
    assert page.problems == []
    assert f"{len(rest)} not run yet" in page.text
    shutil.rmtree(plan.run_folder(first))
    page = Page(report([plan.folder], tmp_path / "none.html"))
    assert (page.problems, page.plots) == ([], [])
    assert "the sweep was stopped before it" in page.text


def test_a_stand_in_is_said_at_the_top(tmp_path: Path) -> None:
    stand_in = {"recipe": "ac4", "set": {"size": 64}, "train": 1, "validate": 1, "test": 1}
    over: dict[str, Any] = {"real": {"data": None, "stand_in": stand_in}, "grid": {"training.seed": [0]}}
    plan = sweeping.plan(tmp_path, tmp_path / "sweep", **over)
    carry_out(plan)
    text = report([plan.folder], tmp_path / "page.html").read_text()
    assert text.index("No real layers were asked for") < text.index("In short")
    assert "stand-in layers stand-in" in text


def test_cells_that_learn_other_classes_share_a_page(tmp_path: Path) -> None:
    arms = {"all": {}, "one": {"training.classes": ["psd"]}, "joined": {"training.classes": {"any": ["psd", "axon"]}}}
    grid = {"arm": arms, "synthetic.n": None, "training.seed": [0]}
    shown = {"focus": "psd", "confusion": ["psd", "axon"]}
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep", grid=grid, report=shown)
    assert {outcome.status for outcome in carry_out(plan)} == {"done"}
    page = Page(report([plan.folder], tmp_path / "page.html"))
    assert page.problems == []
    assert {"dice-any", "dice-psd", "dice-membrane"} <= set(page.plots)
    assert [page.classes.count(name) for name in ("membrane", "psd", "any")] == [1, 2, 1]
    lonely = sweeping.plan(
        tmp_path / "real", tmp_path / "lonely", training={"classes": ["psd"]}, report={"score": "iou", "focus": "psd"}
    )
    carry_out(lonely)
    alone = Page(report([lonely.folder], tmp_path / "alone.html"))
    assert alone.plots == ["iou-psd", "organelles-psd", "curves-psd"]
    assert "Confusion of classes" not in alone.text


def test_lines_and_axes(sweeps: tuple[Path, Path]) -> None:
    tiles, arms = map(View, sweeps)
    assert (tiles.x, arms.x) == ("synthetic.n", "arm")
    assert [line.label for line in tiles.lines("axon")] == ["0 real layers", "1 real layer"]
    assert [[x for x, _ in line.points("synthetic.n")] for line in tiles.lines("axon")] == [[2, 4], [0, 2, 4]]
    assert [tiles.describe(cell) for cell in tiles.lines("axon")[1].cells][1] == "2 synthetic tiles, 1 real layer"
    assert [arms.describe(cell) for cell in arms.lines("axon")[0].cells] == ["alone", "mixed"]


def test_the_best_cell_has_the_highest_mean(sweeps: tuple[Path, Path]) -> None:
    view = View(sweeps[0])
    best = view.best("membrane")
    assert best is not None
    scores: dict[tuple[Any, ...], list[float]] = {}
    for row in view.rows:
        if (row["class"], row["pooling"]) == ("membrane", "pooled"):
            scores.setdefault((row["real.layers"], row["synthetic.n"]), []).append(row["dice"])
    means = {key: sum(values) / len(values) for key, values in scores.items()}
    assert (best.at["real.layers"], best.at["synthetic.n"]) == max(means, key=lambda key: means[key])
    assert interval_text(best).startswith(f"{max(means.values()):.3f} [")


def test_intervals_over_layers_need_the_counts_of_each_layer(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(sweeps[0].parent, store)
    folder = store / sweeps[0].relative_to(sweeps[0].parent)
    view = View(folder)
    cell = view.best("membrane")
    assert cell is not None
    runs = [Evaluation.open(view.plan.run_folder(row["run"]) / TEST).counts for row in cell.rows]
    wanted = bootstrap_interval(runs, resamples=1000)[runs[0].classes.index("membrane")]
    assert view.over_layers(cell) == wanted
    assert wanted.low < cell.interval().mean < wanted.high
    text = f"[{wanted.low:.3f}, {wanted.high:.3f}]"
    assert text in report([folder], tmp_path / "page.html").read_text()
    for row in cell.rows:
        shutil.rmtree(view.plan.run_folder(row["run"]) / TEST)
    assert View(folder).over_layers(cell) is None
    assert text not in report([folder], tmp_path / "page.html").read_text()


def test_words() -> None:
    assert words("real.layers", 1) == "1 real layer"
    assert words("training.loss", "dice") == "loss dice"
    assert words("training.lr", 0.1) == "training.lr = 0.1"
    assert words("real.subsample.train", 1) == "1 training layer"
    assert words("arm", "mixed") == "mixed"
    assert words("real.layers", "study-5") == "real.layers = study-5"


def test_faults(sweeps: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="holds no sweep"):
        report([tmp_path], tmp_path / "page.html")
    with pytest.raises(SynthemError, match="is named twice"):
        report([sweeps[0], sweeps[0]], tmp_path / "page.html")
    with pytest.raises(SynthemError, match="is a folder"):
        report([sweeps[0]], tmp_path)
    with pytest.raises(SynthemError, match="name the folder of a sweep"):
        report([], tmp_path / "page.html")


def test_a_focus_that_only_failed_runs_have_leaves_a_page(tmp_path: Path) -> None:
    broken = {"training.classes": ["psd"], "training.lr": 1e30, "training.loss": "bce"}
    grid = {"arm": {"broken": broken, "whole": {"training.classes": ["membrane"]}}, "synthetic.n": None}
    real = sweeping.layers(tmp_path / "real")
    plan = sweeping.plan(real, tmp_path / "sweep", grid=grid, report={"focus": "psd"})
    carry_out(plan)
    page = Page(report([plan.folder], tmp_path / "page.html"))
    assert page.plots == ["dice-membrane", "curves-membrane"]


def test_the_time_of_all_runs_is_that_of_earlier_stages_too(tmp_path: Path) -> None:
    stages = [{"synthetic.n": 2, "real.layers": 0}, {}]
    grid = {"training.seed": [0], "synthetic.n": None}
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep", grid=grid, stages=stages)
    carry_out(plan)
    for run, seconds in zip(plan.items, (60, 40), strict=True):
        path = plan.run_folder(run) / "result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": seconds}))
    text = report([plan.folder], tmp_path / "page.html").read_text()
    assert "1 done; of 1 earlier stages 1 done" in text
    assert re.search(r"time of all finished runs</th><td[^>]*>2 min<", text)
