"""Where learning curves part, and what the best of them is."""

from __future__ import annotations

from typing import Any

import pytest

from synthem.report.learning import best_validation, parting


def history(train: list[float], validation: list[float | None], dice: list[float | None] | None = None) -> list[Any]:
    scores = dice or [None] * len(train)
    return [
        {"epoch": i + 1, "train_loss": t, "validation_loss": v, "validation_dice": None if v is None else {"axon": d}}
        for i, (t, v, d) in enumerate(zip(train, validation, scores, strict=True))
    ]


@pytest.mark.parametrize(
    ("train", "validation", "epoch"),
    [
        ([5, 4, 3, 2, 1], [5, 4, 3, 3.5, 4], 3),
        ([5, 4, 3, 2, 1], [5, 4, 3, 2, 1], None),  # both fall to the end
        ([5, 4, 3, 3, 3], [5, 4, 3, 4, 5], None),  # training learns no more either
        ([5, 4, 3, 2, 1], [None, 4, None, 5, None], 2),
        ([5, 4, 3, 2, 1], [None, None, None, None, 4], None),
        ([5, 4, 3, 2, 1], [None] * 5, None),
        ([3, 2, 1], [2, 2, 2], 1),
    ],
)
def test_curves_part_where_validation_is_best_and_training_goes_on(
    train: list[float], validation: list[float | None], epoch: int | None
) -> None:
    assert parting(history(train, validation)) == epoch


def test_the_best_validation_is_the_first_highest() -> None:
    assert best_validation(history([1] * 4, [1, 1, None, 1], [0.2, 0.6, None, 0.6]), "axon") == (2, 0.6)
    assert best_validation(history([1] * 2, [1, 1]), "axon") is None
    assert best_validation(history([1] * 2, [None, None]), "axon") is None
    assert best_validation(history([1], [1], [0.5]), "psd") is None
