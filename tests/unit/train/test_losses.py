"""Losses: their values against a plain computation, their gradients against differences, and what they leave out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.train.losses import LOSSES, parse_loss

CLASSES = ("a", "b", "c")


def batch(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Logits and masks (2, 3, 4, 5), and known (2, 3) with one class unknown in one sample."""
    rng = stream(seed, "loss")
    logits = torch.from_numpy(rng.normal(0, 2, (2, 3, 4, 5))).to(dtype)
    masks = torch.from_numpy((rng.random((2, 3, 4, 5)) < 0.4).astype(np.float64)).to(dtype)
    known = torch.tensor([[1, 1, 1], [1, 0, 1]], dtype=dtype)
    return logits, masks, known


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_agree_with_differences(name: str) -> None:
    logits, masks, known = batch()
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, masks, known), logits.requires_grad_())


@pytest.mark.parametrize("text", ["dice+0.5*bce", "iou(smooth=1e-8)+2*focal(gamma=1.5,alpha=-1)"])
def test_gradient_of_a_sum_agrees_with_differences(text: str) -> None:
    loss = parse_loss(text, CLASSES, {"a": 3})
    logits, masks, known = batch(1, torch.float32)
    logits.requires_grad_()
    loss(logits, masks, known).backward()
    assert logits.grad is not None
    for place in [(0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 2), (1, 1, 0, 0)]:
        near = []
        for step in (1e-2, -1e-2):
            moved = logits.detach().clone()
            moved[place] += step
            near.append(loss(moved, masks, known).item())
        assert logits.grad[place].item() == pytest.approx((near[0] - near[1]) / 2e-2, abs=2e-5)


def test_values_agree_with_a_plain_computation() -> None:
    logits, masks, known = batch(2)
    for c in range(3):
        samples = [n for n in range(2) if known[n, c]]
        pairs = [
            (1 / (1 + math.exp(-float(x))), float(t))
            for n in samples
            for x, t in zip(logits[n, c].flatten(), masks[n, c].flatten(), strict=True)
        ]
        both, p, t = sum(a * b for a, b in pairs), sum(a for a, _ in pairs), sum(b for _, b in pairs)
        logs = [-math.log(a if b else 1 - a) for a, b in pairs]
        focal = [
            (0.25 if b else 0.75) * (1 - (a if b else 1 - a)) ** 2 * e for (a, b), e in zip(pairs, logs, strict=True)
        ]
        expected = {
            "dice": 1 - (2 * both + 1) / (p + t + 1),
            "iou": 1 - (both + 1) / (p + t - both + 1),
            "bce": sum(logs) / len(logs),
            "focal": sum(focal) / len(focal),
        }
        for name, value in expected.items():
            assert LOSSES[name](logits, masks, known)[c].item() == pytest.approx(value, rel=1e-9)


def test_dice_is_the_mean_of_the_classes_weights() -> None:
    logits, masks, known = batch(3, torch.float32)
    each = LOSSES["dice"](logits, masks, known)
    assert parse_loss("dice", CLASSES)(logits, masks, known).item() == pytest.approx(each.mean().item())
    weighted = parse_loss("dice", CLASSES, {"b": 2, "c": 0})(logits, masks, known)
    assert weighted.item() == pytest.approx(((each[0] + 2 * each[1]) / 3).item())


def test_an_unknown_class_has_no_say() -> None:
    logits, masks, known = batch(4, torch.float32)
    loss = parse_loss("dice+bce+focal+iou", CLASSES)
    known[:, 1] = 0
    before = loss(logits, masks, known)
    logits[:, 1], masks[:, 1] = 9.0, 1 - masks[:, 1]
    assert torch.equal(before, loss(logits, masks, known))
    both = parse_loss("dice+bce+focal+iou", ("a", "c"))(logits[:, [0, 2]], masks[:, [0, 2]], known[:, [0, 2]])
    assert before.item() == pytest.approx(both.item())


def test_a_sample_that_does_not_know_a_class_is_left_out_of_its_sums() -> None:
    logits, masks, known = batch(5, torch.float32)
    loss = parse_loss("dice+bce", CLASSES)
    before = loss(logits, masks, known)
    logits[1, 1] = 7.0
    assert torch.equal(before, loss(logits, masks, known))
    logits[1, 0] = 7.0
    assert not torch.equal(before, loss(logits, masks, known))


def test_nothing_known_is_no_loss_and_no_gradient() -> None:
    logits, masks, known = batch(6, torch.float32)
    logits.requires_grad_()
    loss = parse_loss("dice+bce", CLASSES)(logits, masks, torch.zeros_like(known))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_focal_loss_has_a_gradient_where_the_model_is_sure() -> None:
    logits = torch.tensor([40.0, -40.0, 0.3, -0.3]).view(1, 1, 2, 2).requires_grad_()
    masks = torch.tensor([1.0, 0, 1, 0]).view(1, 1, 2, 2)
    parse_loss("focal(gamma=0.5)", ("a",))(logits, masks, torch.ones(1, 1)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_an_absent_class_teaches_not_to_predict_it() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    parse_loss("dice", ("a",))(logits, torch.zeros(1, 1, 4, 4), torch.ones(1, 1)).backward()
    assert logits.grad is not None
    assert (logits.grad > 0).all()


@pytest.mark.parametrize(
    ("text", "weights", "line"),
    [
        ("dise", {}, "did you mean 'dice'"),
        ("dice+", {}, "can't be read"),
        ("0.5dice", {}, "can't be read"),
        ("x*dice", {}, "can't be read"),
        ("dice(smoth=1)", {}, "did you mean 'smooth'"),
        ("dice(smooth=a)", {}, "'a' isn't a number"),
        ("1-2*dice", {}, "'1-2' isn't a number"),
        ("dice", {"axon": 1}, "class weight of 'axon'"),
        ("dice(smooth=0)", {}, "smooth=0 must be above 0"),
        ("focal(gamma=-1)", {}, "gamma=-1 must be 0 or more"),
        ("-1*dice", {}, "a factor must be above 0"),
        ("dice", {"a": -1}, "must be a number of 0 or more"),
        ("dice", {"a": "high"}, "must be a number of 0 or more"),
        ("dice", {"a": 0, "b": 0, "c": 0}, "all are 0"),
    ],
)
def test_errors_are_one_line(text: str, weights: dict[str, Any], line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        parse_loss(text, CLASSES, weights)
    assert "\n" not in str(caught.value)
