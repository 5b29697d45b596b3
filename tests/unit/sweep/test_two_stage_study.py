"""Models built on a trained first one as stages of a study, and their confusion of segments on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweeping

from synthem.evaluate import Evaluation
from synthem.report import report
from synthem.sweep import Plan, carry_out
from synthem.sweep.estimate import estimate

BINARY = {"training.classes": {"organelle": ["mitochondrion", "membrane"]}}


def second(model: str) -> dict[str, Any]:
    return {"stages": [BINARY, {"model": model, "training.first": "before", "training.loss": "bce"}]}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("two-stages")
    ways = {
        "one": {},
        "cascade": second("cascade:second=(tiny-unet:widths=4-4-8)"),
        "segments": second("segment-cnn:widths=4-8,side=16,least=2,threshold=0.2"),
    }
    plan = sweeping.plan(
        sweeping.layers(folder / "real"),
        folder / "sweep",
        training={"classes": ["mitochondrion", "membrane"], "steps": 30, "lr": 1e-2},
        evaluation={"segments": True},
        grid={"training.seed": [0], "synthetic.n": None, "way": ways},
        report={"focus": "membrane"},
        validation=None,
    )
    assert estimate(plan, plan.items) > 0  # before there is a first model
    carry_out(plan)
    return plan


def test_second_stages_share_the_binary_first_one(done: Plan) -> None:
    assert [entry.run in done.items for entry in done.entries] == [True] * 3
    assert len(done.items) == 4
    firsts = {first for item in done.items.values() for first in item.after}
    assert len(firsts) == 1
    assert Evaluation.open(done.run_folder(firsts.pop()) / "test").result["classes"] == ["organelle"]
    for entry in done.entries:
        assert Evaluation.open(done.run_folder(str(entry.run)) / "test").result["classes"] == [
            "mitochondrion",
            "membrane",
        ]


def test_the_page_counts_segments_as_the_evaluations_do(done: Plan, tmp_path: Path) -> None:
    text = report([done.folder], tmp_path / "page.html").read_text()
    section = text[text.index('id="segments"') :]
    section = section[: section.index("</section>")]
    for entry in done.entries:
        held = Evaluation.open(done.run_folder(str(entry.run)) / "test").result["segments"]
        table = np.array(held["confusion"])
        assert held["classes"] == ["mitochondrion", "membrane", "none"]
        of = table[:-1].sum()
        if of:
            assert f"{entry.at['way']}: {np.trace(table[:-1, :-1])} of {of} found as a class are of it" in section
    assert section.count("<table>") == 3
