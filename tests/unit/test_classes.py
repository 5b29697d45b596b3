"""Classes: names, colours, and masks in one image."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from synthem import SIX, Classes, SynthemError, unpack
from synthem.seeds import stream
from synthem.tiles import codec

NINE = Classes(tuple("abcdefghi"))
MANY = Classes(tuple(f"c{i}" for i in range(300)), storage="index")


def test_the_six_have_the_bits_that_the_contract_gives_them():
    assert SIX.names == ("axon", "mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane")
    for bit, name in enumerate(SIX.names):
        plane = np.zeros((6, 1, 1), bool)
        plane[bit] = True
        assert SIX.index(name) == bit
        assert SIX.pack(plane).item() == 1 << bit


@pytest.mark.parametrize("classes", [SIX, NINE], ids=["8 bits", "16 bits"])
def test_bits_hold_any_overlap(classes):
    masks = stream(0, "masks").random((len(classes), 13, 7)) < 0.5
    stored = classes.pack(masks)
    assert stored.dtype == (np.uint8 if len(classes) <= 8 else np.uint16)
    np.testing.assert_array_equal(classes.unpack(stored), masks)


@pytest.mark.parametrize(("n", "dtype"), [(3, np.uint8), (255, np.uint8), (256, np.uint16), (300, np.uint16)])
def test_an_index_holds_one_class_a_pixel(n, dtype):
    classes = Classes(tuple(f"c{i}" for i in range(n)), storage="index")
    owner = stream(0, "owner").integers(-1, n, (20, 30))
    masks = owner == np.arange(n)[:, None, None]
    stored = classes.pack(masks)
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored, owner + 1)
    np.testing.assert_array_equal(classes.unpack(stored), masks)


def test_unpacking_a_stack_puts_the_classes_first():
    stored = SIX.pack(np.ones((6, 4, 5)))
    assert SIX.unpack(np.stack([stored, stored, stored])).shape == (6, 3, 4, 5)


def test_any_value_but_zero_is_the_class():
    masks = np.zeros((6, 1, 3), np.float32)
    masks[3, 0] = 0.25, -1, 0
    assert SIX.pack(masks).tolist() == [[8, 8, 0]]


def test_json_gives_the_classes_back():
    for classes in (SIX, NINE, MANY):
        assert Classes.from_json(classes.to_json()) == classes


def test_the_last_of_several_classes_gives_the_colour():
    palette = SIX.palette()
    assert palette.shape == (256, 3)
    assert palette[0].tolist() == [0, 0, 0]
    assert tuple(palette[0b110]) == SIX.colours[SIX.index("mitochondrial_boundary")]


def test_a_cell_of_the_mask_column_is_unpacked_in_whatever_form_it_comes():
    masks = stream(0, "cell").random((6, 9, 8)) < 0.3
    png = codec.encode(SIX.pack(masks), SIX.palette())
    for cell in (png, {"bytes": png, "path": None}, Image.open(io.BytesIO(png)), SIX.pack(masks)):
        np.testing.assert_array_equal(unpack(cell), masks)
    np.testing.assert_array_equal(unpack(png, ("first", "second")), masks[:2])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Classes(()), "there are none"),
        (lambda: Classes(("a", "a")), "stands twice"),
        (lambda: Classes(tuple(f"c{i}" for i in range(17))), "storage 'index'"),
        (lambda: Classes(("a", "b"), ((1, 2, 3),)), "1 colours for 2 names"),
        (lambda: SIX.index("axom"), "class 'axom'"),
        (lambda: SIX.pack(np.zeros((5, 4, 4))), "(5, 4, 4) for 6 classes"),
        (lambda: SIX.pack(np.zeros((4, 4))), "expected (class, y, x)"),
        (lambda: MANY.pack(np.ones((300, 2, 2))), "overlap"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(make, told):
    with pytest.raises(SynthemError) as error:
        make()
    assert told in str(error.value)
    assert "\n" not in str(error.value)
