"""Learning other classes than the samples have, and being scored on the same ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from learnable import discs

from synthem.classes import SIX, Classes, Storage
from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig, evaluate
from synthem.tiles.samples import Samples
from synthem.train import TrainConfig, parse_groups, regroup, train

BOTH = {"disc": ["bright", "dark"]}
QUICK: dict[str, Any] = {"epochs": 2, "batch": 4, "precision": "float32", "device": "cpu"}


@pytest.mark.parametrize(
    ("given_as", "groups"),
    [
        ((), ()),
        (["b", "a"], (("b", ("b",)), ("a", ("a",)))),
        ({"c": ["a", "b"], "d": "d"}, (("c", ("a", "b")), ("d", ("d",)))),
        ([["c", ["a", "b"]], "d"], (("c", ("a", "b")), ("d", ("d",)))),
        ("d, c=a+b", (("d", ("d",)), ("c", ("a", "b")))),
    ],
)
def test_groups_from_text_lists_and_mappings(given_as: Any, groups: Any) -> None:
    assert parse_groups(given_as) == groups
    assert parse_groups(parse_groups(given_as)) == groups
    assert parse_groups(TrainConfig(classes=given_as).to_json()["classes"]) == groups


@pytest.mark.parametrize(
    ("given_as", "line"),
    [
        ("a,a", "a name stands twice"),
        ({"a": []}, "a is made of nothing"),
        ("c=", "c is made of nothing"),
        (3, "give names"),
        ([["a", "b", "c"]], "give a name and the classes"),
    ],
)
def test_groups_that_can_not_be_read_are_one_line(given_as: Any, line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        TrainConfig(classes=given_as)
    assert "\n" not in str(caught.value)


@given(st.data(), st.sampled_from(["bits", "index"]), st.integers(1, 4))
def test_a_union_holds_the_pixels_of_its_members(data: st.DataObject, storage: Storage, n: int) -> None:
    classes = Classes(tuple("abcd"[:n]), storage=storage)
    most = 2**n - 1 if storage == "bits" else n
    stored = data.draw(hnp.arrays(classes.dtype, (2, 3, 4), elements=st.integers(0, most)))
    known = data.draw(hnp.arrays(bool, (2, n)))
    members = data.draw(st.lists(st.lists(st.sampled_from(classes.names), min_size=1), min_size=1, max_size=3))
    groups = tuple((f"g{i}", tuple(names)) for i, names in enumerate(members))
    samples = Samples(np.zeros((2, 1, 3, 4), np.uint8), stored, classes, known)
    found = regroup(samples, groups)
    for i, names in enumerate(members):
        columns = [classes.names.index(name) for name in names]
        assert np.array_equal(found.masks[:, i], samples.masks[:, columns].max(axis=1))
        assert np.array_equal(found.known[:, i], np.array([all(known[s, c] for c in columns) for s in range(2)]))
    assert found.classes.names == tuple(name for name, _ in groups)


def test_a_class_that_can_not_be_made_is_an_error_or_unknown() -> None:
    samples = discs(2)
    with pytest.raises(SynthemError, match="classes: class 'brigt': there is none; did you mean 'bright'"):
        regroup(samples, parse_groups("brigt"))
    found = regroup(samples, parse_groups("dark,all=bright+axon"), lacking=True)
    assert found.known.tolist() == [[True, False]] * 2
    union = regroup(samples, parse_groups(BOTH))
    assert regroup(union, parse_groups(BOTH)).classes.names == ("disc",)
    assert regroup(samples, parse_groups("bright,dark")) is samples


def test_a_run_on_a_union_is_the_run_on_samples_of_that_union(tmp_path: Path) -> None:
    samples, val, test = discs(6), discs(2, seed=1), discs(2, seed=2)
    by_name = train(samples, val, "tiny-unet:widths=4-8", {**QUICK, "classes": BOTH}, tmp_path / "a")
    made, other = (regroup(s, parse_groups(BOTH)) for s in (samples, val))
    by_hand = train(made, other, "tiny-unet:widths=4-8", QUICK, tmp_path / "b")
    assert by_name.history == by_hand.history
    assert by_name.load().classes.names == ("disc",)

    config = EvaluateConfig(window=32, precision="float32", device="cpu")
    a = evaluate(by_name, test, tmp_path / "on-a", config)
    b = evaluate(by_hand, regroup(test, parse_groups(BOTH)), tmp_path / "on-b", config)
    c = evaluate(by_name, regroup(test, parse_groups(BOTH)), tmp_path / "on-c", config)
    assert a.result["pooled"] == b.result["pooled"] == c.result["pooled"]
    assert a.result["pooled"]["disc"]["accuracy"] is not None


def test_a_subset_comes_in_the_order_asked_for(tmp_path: Path) -> None:
    run = train(discs(4), None, "tiny-unet:widths=4-8", {**QUICK, "classes": ["dark", "bright"]}, tmp_path / "run")
    assert run.load().classes.names == ("dark", "bright")
    assert list(run.history[0]["train_dice"]) == ["dark", "bright"]
    assert run.load().classes.colours == discs(1).classes.colours[::-1]
    config = EvaluateConfig(window=32, device="cpu")
    assert evaluate(run, discs(2, seed=3), tmp_path / "out", config).result["classes"] == ["dark", "bright"]
    six = replace(discs(2), classes=SIX, stored=discs(2).stored * 0, known=np.ones((2, 6), bool))
    with pytest.raises(SynthemError, match="the model knows dark, bright"):
        evaluate(run, six, tmp_path / "six", config)
