"""Losses from text such as `dice+0.5*bce`, with class weights, and with unknown classes left out on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synthem.errors import SynthemError, unknown_name

_TERM = re.compile(r"(?:(?P<factor>[0-9.eE-]+)\*)?(?P<name>[a-z]+)(?:\((?P<settings>[^()]*)\))?")


Term = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits, masks, known) to one value for each class."""


class Loss(nn.Module):
    """A weighted sum of losses; see `parse_loss`."""

    class_weights: Tensor

    def __init__(self, terms: Sequence[tuple[float, Term]], class_weights: Sequence[float]) -> None:
        super().__init__()
        self._terms = tuple(terms)
        self.register_buffer("class_weights", torch.tensor(class_weights) / sum(class_weights))

    def forward(self, logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
        """The loss of a batch, a scalar in float32.

        A class that is known but absent from the batch counts: what is predicted of it is wrong, and Dice and IoU say
        so through their smooth term. A class that is unknown in a sample leaves that sample out of its sums; a class
        that is unknown in the whole batch has no part in the mean, and the other classes' weights are scaled to sum 1.

        Args:
            logits: (n, class, y, x).
            masks: (n, class, y, x), 0 or 1.
            known: (n, class), 1 where the sample's source labels the class, else 0.
        """
        logits, masks, known = logits.float(), masks.float(), known.float()
        weights = self.class_weights * known.amax(dim=0)
        weights = weights / weights.sum().clamp_min(torch.finfo(torch.float32).tiny)
        return sum(
            (factor * (term(logits, masks, known) * weights).sum() for factor, term in self._terms),
            start=logits.new_zeros(()),
        )


def dice_loss(logits: Tensor, masks: Tensor, known: Tensor, smooth: float = 1.0) -> Tensor:
    """1 − (2 Σpt + s) / (Σp + Σt + s) for each class, sums over the whole batch.

    The ratio study's loss, with s = 1 (Milletari et al., 3DV 2016, with sums in place of squares).
    """
    shared, predicted, true = _sums(logits, masks, known)
    return 1 - (2 * shared + smooth) / (predicted + true + smooth)


def iou_loss(logits: Tensor, masks: Tensor, known: Tensor, smooth: float = 1.0) -> Tensor:
    """1 − (Σpt + s) / (Σp + Σt − Σpt + s) for each class, the Jaccard index with sums over the whole batch."""
    shared, predicted, true = _sums(logits, masks, known)
    return 1 - (shared + smooth) / (predicted + true - shared + smooth)


def bce_loss(logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy for each class, the mean over the pixels of the samples that know it."""
    pixels = nn.functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return _mean(pixels, known)


def focal_loss(logits: Tensor, masks: Tensor, known: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Cross-entropy × α_t (1 − p_t)^γ for each class, the mean over pixels (Lin et al., ICCV 2017, equation 5).

    `alpha` is the share of the pixels where the class is; a negative one switches the balance off.
    """
    pixels = nn.functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    wrong = nn.functional.logsigmoid(logits * (1 - 2 * masks))  # log(1 − p_t): its powers have a gradient at p_t = 1
    pixels = pixels * (gamma * wrong).exp()
    if alpha >= 0:
        pixels = pixels * (alpha * masks + (1 - alpha) * (1 - masks))
    return _mean(pixels, known)


LOSSES: dict[str, Callable[..., Tensor]] = {
    "dice": dice_loss,
    "iou": iou_loss,
    "jaccard": iou_loss,
    "bce": bce_loss,
    "focal": focal_loss,
}
_SETTINGS = {"dice": ("smooth",), "iou": ("smooth",), "jaccard": ("smooth",), "bce": (), "focal": ("gamma", "alpha")}


def parse_loss(text: str, classes: Sequence[str], class_weights: Mapping[str, float] | None = None) -> Loss:
    """A loss from its text: terms joined by `+`, each `FACTOR*NAME(SETTING=VALUE,…)`; factor and settings may lack.

    `dice`, `dice(smooth=1e-8)+0.5*bce`, `0.3*focal(gamma=2,alpha=0.25)+iou`.

    Args:
        text: as above.
        classes: names in the order of the masks.
        class_weights: weight of the named classes, any scale; 1 for those left out. Without it every class weighs 1/N.

    Raises:
        SynthemError: text that can't be read, an unknown loss, setting or class, or weights without a positive one.
    """
    terms = parse_terms(text)
    given = dict(class_weights or {})
    for name, weight in given.items():
        if name not in classes:
            raise unknown_name("class weight of", name, classes)
        if not isinstance(weight, (int, float)) or not 0 <= weight < float("inf"):
            raise SynthemError(f"class weight of {name}: {weight} must be a number of 0 or more")
    weights = [float(given.get(name, 1.0)) for name in classes]
    if not sum(weights) > 0:
        raise SynthemError("class weights: all are 0; give one class a positive weight")
    return Loss(terms, weights)


def parse_terms(text: str) -> tuple[tuple[float, Term], ...]:
    """The factors and losses of a sum; see `parse_loss`.

    Raises:
        SynthemError: text that can't be read, an unknown loss or setting, or a number that it can't take.
    """
    return tuple(_term(text, part) for part in re.split(r"\+(?![^(]*\))", text.replace(" ", "")))


def _term(text: str, part: str) -> tuple[float, Term]:
    match = _TERM.fullmatch(part)
    if match is None:
        raise SynthemError(f"loss {text!r}: {part!r} can't be read; write terms such as dice+0.5*bce")
    name = match["name"]
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    settings: dict[str, Any] = {}
    for setting in filter(None, (match["settings"] or "").split(",")):
        key, _, value = setting.partition("=")
        if key not in _SETTINGS[name]:
            raise unknown_name(f"loss {name}: setting", key, _SETTINGS[name])
        settings[key] = _number(text, value)
        if key == "smooth" and not settings[key] > 0:  # a class that isn't there and not predicted would be 0 / 0
            raise SynthemError(f"loss {text!r}: smooth={value} must be above 0")
        if key == "gamma" and not settings[key] >= 0:
            raise SynthemError(f"loss {text!r}: gamma={value} must be 0 or more")
    factor = _number(text, match["factor"] or "1")
    if not factor > 0:
        raise SynthemError(f"loss {text!r}: {match['factor']}*{name}: a factor must be above 0")

    def term(logits: Tensor, masks: Tensor, known: Tensor) -> Tensor:
        return LOSSES[name](logits, masks, known, **settings)

    return factor, term


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise SynthemError(f"loss {text!r}: {value!r} isn't a number") from None


def _sums(logits: Tensor, masks: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Σpt, Σp and Σt of each class over the samples that know it."""
    probability = logits.sigmoid()
    over = (2, 3)
    shared = ((probability * masks).sum(over) * known).sum(0)
    return shared, (probability.sum(over) * known).sum(0), (masks.sum(over) * known).sum(0)


def _mean(pixels: Tensor, known: Tensor) -> Tensor:
    return (pixels.mean((2, 3)) * known).sum(0) / known.sum(0).clamp_min(1)
