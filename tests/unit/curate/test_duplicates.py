"""Near-duplicates: all planted ones are found, nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import making
import numpy as np
import pytest

from synthem.curate.duplicates import SYMMETRIES, find_duplicates, thumbnail, turn
from synthem.seeds import stream

N = 60
RNG = stream(0, "planted")
CHANGES: dict[str, Callable[[Any], Any]] = {
    "none": lambda a: a,
    "brighter": lambda a: 1.25 * a + 15,
    "darker": lambda a: 0.6 * a,
    "noisy": lambda a: a + RNG.normal(0, 20, a.shape),
    "shifted": lambda a: np.pad(a, ((4, 0), (0, 4)), mode="reflect")[:-4, 4:],
    "all": lambda a: np.roll(a, (-4, 4), (0, 1)) * 0.8 + 10 + RNG.normal(0, 15, a.shape),
}


@pytest.fixture(scope="module")
def images() -> list[Any]:
    return [making.draw(7, i, (256, 256))[0] for i in range(N)]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("symmetry", range(8))
def test_planted_ones_are_found_and_nothing_else(images: list[Any], symmetry: int, change: str) -> None:
    altered = CHANGES[change](turn(images[5 * symmetry], symmetry).astype(float))
    held = [*images, np.clip(altered, 0, 255).astype(np.uint8)]
    found = find_duplicates([thumbnail(image) for image in held], held.__getitem__)
    assert [(pair.first, pair.second, pair.symmetry) for pair in found] == [(5 * symmetry, N, symmetry)]
    assert 0.75 <= found[0].agreement <= 1


def test_pictures_that_agree_only_in_what_is_coarse_are_different() -> None:
    coarse = 60 * np.sin(np.linspace(0, 6, 256))[:, None] * np.cos(np.linspace(0, 5, 256)) + 128
    held = [np.clip(coarse + making.draw(3, i, (256, 256))[0] / 2 - 70, 0, 255).astype(np.uint8) for i in range(4)]
    thumbs = [thumbnail(image) for image in held]
    assert np.corrcoef(thumbs[0].ravel(), thumbs[1].ravel())[0, 1] > 0.8
    assert find_duplicates(thumbs, held.__getitem__) == []


def test_oblong_pictures_turn_too() -> None:
    image = making.draw(1, 0, (192, 256))[0]
    for symmetry in range(8):
        held = [image, turn(image, symmetry)]
        assert [d.symmetry for d in find_duplicates([thumbnail(i) for i in held], held.__getitem__)] == [symmetry]


def test_few_and_constant_pictures() -> None:
    flat = np.full((64, 64), 100, np.uint8)
    assert find_duplicates([], [].__getitem__) == []
    assert find_duplicates([thumbnail(flat)], [flat].__getitem__) == []
    assert find_duplicates([thumbnail(flat)] * 2, [flat, flat].__getitem__) == []


def test_skipped_pairs_are_not_read(images: list[Any]) -> None:
    def read(i: int) -> Any:
        raise AssertionError(i)

    held = [images[0], images[0]]
    assert find_duplicates([thumbnail(image) for image in held], read, skip=lambda i, j: True) == []


def test_the_symmetries_are_those_of_the_square() -> None:
    picture = np.arange(6).reshape(2, 3)
    turned = {name: turn(picture, i) for i, name in enumerate(SYMMETRIES)}
    assert np.array_equal(turned["upside down"], np.flipud(picture))
    assert np.array_equal(turned["mirrored"], np.fliplr(picture))
    assert np.array_equal(turned["turned by 180°"], np.rot90(picture, 2))
    assert np.array_equal(turned["transposed"], picture.T)
    assert np.array_equal(turned["turned by 90° to the left"], np.rot90(picture))
    assert np.array_equal(turned["turned by 90° to the right"], np.rot90(picture, -1))
    assert np.array_equal(turned["transposed the other way"], np.rot90(picture, 2).T)


def test_large_pictures_are_compared_at_a_smaller_size() -> None:
    held = [making.draw(2, i, (640, 700))[0] for i in range(3)]
    held.append(turn(held[1], 6))
    found = find_duplicates([thumbnail(image) for image in held], held.__getitem__)
    assert [(pair.first, pair.second, pair.symmetry) for pair in found] == [(1, 3, 6)]
