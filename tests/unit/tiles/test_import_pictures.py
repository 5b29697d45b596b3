"""Pictures of every kind: what is read of them, what their pixel size is, and how broken ones are refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from raw import grey, save

from synthem.tiles.importers.levels import to_codes, to_image, to_values
from synthem.tiles.importers.pictures import Unreadable, check_size, read_picture, tiff_planes

GREY = grey(0)
RGB = np.stack([grey(1), grey(2), grey(3)], axis=2)
MOST = 10**6


def nothing(what: str, done: str) -> None:
    raise AssertionError(f"{what}, {done}")


def image(path: Path, **options) -> np.ndarray:
    notes: list[str] = []
    pixels = to_image(
        read_picture(path, MOST),
        options.get("colour", "grey"),
        options.get("grey_range"),
        lambda what, done: notes.append(what),
    )
    assert notes == options.get("notes", [])
    return pixels


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.pgm"])
def test_grey_is_read_as_it_is(tmp_path: Path, name: str):
    np.testing.assert_array_equal(image(save(tmp_path / name, GREY)), GREY)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("rgb.png", np.repeat(GREY[:, :, None], 3, axis=2)),
        ("rgba.png", np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])),
        ("la.png", np.dstack([GREY, np.full_like(GREY, 255)])),
        ("rgb.tif", np.repeat(GREY[:, :, None], 3, axis=2)),
    ],
)
def test_grey_kept_in_colour_stays_exact(tmp_path: Path, name: str, pixels: np.ndarray):
    np.testing.assert_array_equal(image(save(tmp_path / name, pixels)), GREY)


def test_colour_becomes_luma_with_a_note_or_is_kept(tmp_path: Path):
    path = save(tmp_path / "a.png", RGB)
    luma = np.rint(RGB @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    np.testing.assert_array_equal(image(path, notes=["is in colour"]), luma)
    np.testing.assert_array_equal(image(path, colour="keep"), RGB)
    np.testing.assert_array_equal(image(save(tmp_path / "g.png", GREY), colour="keep")[:, :, 1], GREY)


def test_transparent_pixels_are_laid_over_black(tmp_path: Path):
    alpha = np.full_like(GREY, 255)
    alpha[:4] = 0
    path = save(tmp_path / "a.png", np.dstack([GREY, alpha]))
    expected = np.where(alpha == 0, 0, GREY)
    np.testing.assert_array_equal(image(path, notes=["has transparent pixels"]), expected)


def test_a_palette_is_looked_up_in_images_and_masks_and_not_in_labels(tmp_path: Path):
    indices = (GREY > 120).astype(np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette([200, 200, 200, 10, 10, 10])
    picture.save(tmp_path / "a.png")
    read = read_picture(tmp_path / "a.png", MOST)
    colours = np.where(indices, 10, 200)
    np.testing.assert_array_equal(to_image(read, "grey", None, nothing), colours)
    np.testing.assert_array_equal(to_values(read, nothing), colours)
    np.testing.assert_array_equal(to_codes(read, nothing, in_colour=False), indices)


def test_transparent_entries_of_a_palette(tmp_path: Path):
    indices = (GREY > 120).astype(np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette([200, 200, 200, 10, 10, 10])
    picture.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(image(tmp_path / "a.png", notes=["has transparent pixels"]), indices * 10)
    read = read_picture(tmp_path / "a.png", MOST)
    np.testing.assert_array_equal(to_codes(read, nothing, in_colour=False), indices)


def test_colours_of_print_are_turned_to_those_of_screens(tmp_path: Path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    np.testing.assert_allclose(image(tmp_path / "a.jpg", colour="keep").astype(int), RGB, atol=40)


def test_channels_that_mean_nothing_known(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([GREY] * 5), photometric="minisblack", planarconfig="contig")
    with pytest.raises(Unreadable, match=r"has shape \(24, 32, 5\); expected grey, RGB or RGBA"):
        image(tmp_path / "a.tif")


def test_labels_of_types_that_can_not_be(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "deep.png"), RGB.astype(np.uint16) * 257)
    with pytest.raises(Unreadable, match="uint16 levels where colours of 8 bits were declared"):
        to_codes(read_picture(tmp_path / "deep.png", MOST), nothing, in_colour=True)
    tifffile.imwrite(tmp_path / "half.tif", np.full((4, 4), 0.5, np.float32))
    with pytest.raises(Unreadable, match="holds fractions where whole values were declared"):
        to_codes(read_picture(tmp_path / "half.tif", MOST), nothing, in_colour=False)


def test_grey_and_colour_stand_in_for_each_other_in_labels(tmp_path: Path):
    read = read_picture(save(tmp_path / "grey.png", GREY), MOST)
    np.testing.assert_array_equal(to_codes(read, nothing, in_colour=True), GREY.astype(int) * 0x010101)
    read = read_picture(save(tmp_path / "rgb.png", np.dstack([GREY] * 3)), MOST)
    np.testing.assert_array_equal(to_codes(read, nothing, in_colour=False), GREY)


def test_no_pixels():
    with pytest.raises(Unreadable, match="has no pixels"):
        check_size((0, 5), MOST)


def test_one_bit_is_black_and_white(tmp_path: Path):
    Image.fromarray(GREY > 120).save(tmp_path / "a.png")
    Image.fromarray(GREY > 120).save(tmp_path / "a.tif", compression="group4")
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(image(tmp_path / name), np.where(GREY > 120, 255, 0))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_are_scaled_from_their_range(tmp_path: Path, name: str):
    deep = GREY.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / name), deep)
    np.testing.assert_array_equal(image(tmp_path / name), GREY)
    half = image(tmp_path / name, grey_range=(0, 257 * 127.5))
    np.testing.assert_array_equal(half, np.minimum(GREY.astype(int) * 2, 255))


def test_16_bit_colour_is_not_cut_down(tmp_path: Path):
    deep = RGB.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    assert read_picture(tmp_path / "a.png", MOST).pixels.dtype == np.uint16
    np.testing.assert_array_equal(image(tmp_path / "a.png", colour="keep"), RGB)


def test_other_types_need_a_declared_range(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.float32) / 100 - 1)
    with pytest.raises(Unreadable, match="float32 levels; declare grey_range"):
        image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image(tmp_path / "a.tif", grey_range=(-1, 1.55)), GREY)


def test_photographs_are_turned_as_their_camera_says(tmp_path: Path):
    exif = Image.Exif()
    exif[274] = 6
    save(tmp_path / "a.jpg", GREY, exif=exif)
    assert read_picture(tmp_path / "a.jpg", MOST).pixels.shape == (32, 24)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"planarconfig": "separate"}, {"bigtiff": True}])
def test_tiff_in_colour(tmp_path: Path, options: dict[str, object]):
    pixels = np.moveaxis(RGB, 2, 0) if "planarconfig" in options else RGB
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    np.testing.assert_array_equal(image(tmp_path / "a.tif", colour="keep"), RGB)


def test_tiff_where_white_is_zero_and_with_a_palette(tmp_path: Path):
    tifffile.imwrite(tmp_path / "white.tif", 255 - GREY, photometric="miniswhite")
    np.testing.assert_array_equal(image(tmp_path / "white.tif"), GREY)
    table = np.zeros((3, 256), np.uint16)
    table[:, 1] = 0xFFFF
    tifffile.imwrite(tmp_path / "palette.tif", (GREY > 99).astype(np.uint8), photometric="palette", colormap=table)
    np.testing.assert_array_equal(image(tmp_path / "palette.tif"), np.where(GREY > 99, 255, 0))


PAGES = np.stack([grey(4), grey(5), grey(6)])


def write_separate(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        for page in PAGES:
            file.write(page, contiguous=False)


def write_lzw(path: Path) -> None:
    first, *rest = (Image.fromarray(page) for page in PAGES)
    first.save(path, compression="tiff_lzw", save_all=True, append_images=rest)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: tifffile.imwrite(path, PAGES, photometric="minisblack"),
        lambda path: tifffile.imwrite(path, PAGES, photometric="minisblack", compression="zlib"),
        lambda path: tifffile.imwrite(path, PAGES, imagej=True, metadata={"axes": "ZYX"}),
        lambda path: tifffile.imwrite(path, PAGES, ome=True, metadata={"axes": "ZYX"}),
        write_separate,
        write_lzw,
    ],
    ids=["plain", "zlib", "imagej", "ome", "separate", "lzw"],
)
def test_pages_of_a_stack(tmp_path: Path, write):
    write(tmp_path / "a.tif")
    planes = tiff_planes(tmp_path / "a.tif", MOST)
    assert len(planes) == 3
    for i in (2, 0, 1):
        np.testing.assert_array_equal(planes.read(i).pixels, PAGES[i])
    with pytest.raises(Unreadable, match="is a stack of 3 pages"):
        read_picture(tmp_path / "a.tif", MOST)


def test_stacks_of_several_channels_are_refused(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES, imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(Unreadable, match="several channels"):
        tiff_planes(tmp_path / "a.tif", MOST)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"imagej": True, "resolution": (0.2, 0.2), "metadata": {"unit": "nm"}}, (5, 5)),
        ({"imagej": True, "resolution": (250, 200), "metadata": {"unit": "um"}}, (5, 4)),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.004, "PhysicalSizeY": 0.005}}, (5, 4)),
        ({"ome": True, "metadata": {"PhysicalSizeX": 4.0, "PhysicalSizeXUnit": "nm"}}, None),
        ({"resolution": (2e6, 2e6), "resolutionunit": "CENTIMETER"}, (5, 5)),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({}, None),
    ],
)
def test_pixel_size_from_a_tiff(tmp_path: Path, options: dict[str, object], size: tuple[float, float] | None):
    tifffile.imwrite(tmp_path / "a.tif", GREY, **options)
    assert read_picture(tmp_path / "a.tif", MOST).nm == (size if size is None else pytest.approx(size))


def test_pixel_size_from_a_png(tmp_path: Path):
    save(tmp_path / "fine.png", GREY, dpi=(5_080_000, 2_540_000))
    assert read_picture(tmp_path / "fine.png", MOST).nm == pytest.approx((10, 5), rel=1e-4)
    save(tmp_path / "screen.png", GREY, dpi=(72, 72))
    assert read_picture(tmp_path / "screen.png", MOST).nm is None


def png_bomb(path: Path) -> None:
    """A PNG of a few hundred bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def tiff_bomb(path: Path) -> None:
    """A TIFF of a few kilobytes that unpacks to more than its pages may hold."""
    tifffile.imwrite(path, np.zeros((1200, 1200), np.uint8), compression="zlib")


@pytest.mark.parametrize(
    ("name", "write", "text"),
    [
        ("empty.png", lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        ("empty.tif", lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        ("text.png", lambda path: path.write_text("no picture"), "is no picture of a known format"),
        ("text.tif", lambda path: path.write_text("no picture"), "can't be read as TIFF"),
        ("bomb.png", png_bomb, "is larger than 178 million px"),
        ("bomb.tif", tiff_bomb, "claims 1200x1200 px, more than max_px 1000000 allows"),
        ("large.png", lambda path: save(path, np.zeros((1200, 1200), np.uint8)), "claims 1200x1200 px"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, name: str, write, text: str):
    write(tmp_path / name)
    with pytest.raises(Unreadable, match=text):
        read_picture(tmp_path / name, MOST)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "z.tif"])
def test_truncated_files_are_refused(tmp_path: Path, name: str, share: float):
    path = tmp_path / name
    if name == "z.tif":
        tifffile.imwrite(path, GREY, compression="zlib")
    else:
        save(path, GREY)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Unreadable) as error:
        read_picture(path, MOST)
    assert "\n" not in str(error.value)
