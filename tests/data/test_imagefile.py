"""Image files: the same picture whatever its mode, and no half of one."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image, PngImagePlugin

from bossline.core.archives import DamagedFile
from bossline.data.imagefile import read_image

Pixels = npt.NDArray[np.uint8]
ORIENTATION = 0x0112
NO_IMAGE = "is no image, expected JPEG, PNG, WEBP, BMP, GIF, TIFF"

# What each EXIF orientation means: the stored picture of an upright one.
STORED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.fixture
def pixels() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "0_0.jpg"


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its few bytes of data hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@given(npst.arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8), st.just(3))))
def test_png_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, pixels: Pixels
) -> None:
    path = tmp_path_factory.mktemp("png") / "a.png"
    Image.fromarray(pixels).save(path)
    found = read_image(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_what_pillow_decodes(file: Path, pixels: Pixels, progressive: bool) -> None:
    Image.fromarray(pixels).save(file, progressive=progressive)
    np.testing.assert_array_equal(read_image(file), np.asarray(Image.open(file)))


def test_grey_is_three_equal_channels(file: Path, pixels: Pixels) -> None:
    grey = pixels[..., 0]
    for image in (Image.fromarray(grey), Image.fromarray(grey.astype(np.uint16) * 256 + 255)):
        image.save(file, "PNG")
        np.testing.assert_array_equal(read_image(file), np.stack([grey] * 3, axis=2))
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(file, "JPEG")
    np.testing.assert_array_equal(read_image(file), np.full((8, 8, 3), 77))


def test_black_and_white_and_palette(file: Path) -> None:
    bits = np.array([[0, 1, 1], [1, 0, 1]], np.uint8)
    Image.fromarray(bits * 255).convert("1").save(file, "PNG")
    np.testing.assert_array_equal(read_image(file)[..., 1], bits * 255)
    palette = Image.fromarray(bits).convert("P")
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.save(file, "PNG")
    expected = np.array([[10, 20, 30], [200, 100, 50]], np.uint8)[bits]
    np.testing.assert_array_equal(read_image(file), expected)
    palette.save(file, "PNG", transparency=0)
    expected[bits == 0] = 255
    np.testing.assert_array_equal(read_image(file), expected)


def test_transparent_pixels_lie_over_white(file: Path, pixels: Pixels) -> None:
    alpha = np.random.default_rng(1).integers(0, 256, pixels.shape[:2], np.uint8)
    Image.fromarray(np.dstack([pixels, alpha])).save(file, "PNG")
    share = alpha[..., None] / 255
    over_white = pixels * share + 255 * (1 - share)
    np.testing.assert_allclose(read_image(file), over_white, atol=1)


def test_cmyk(file: Path) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    ink.save(file, "JPEG", quality=100)
    np.testing.assert_allclose(read_image(file), np.full((16, 16, 3), (255, 0, 0)), atol=2)


@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(file: Path, pixels: Pixels, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(STORED[orientation](pixels))
    Image.fromarray(stored).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(read_image(file), pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_no_beginning_of_a_jpeg_is_a_picture(
    file: Path, pixels: Pixels, options: dict[str, bool]
) -> None:
    content = encoded(Image.fromarray(pixels), "JPEG", **options)
    for length in range(len(content))[::-3]:
        file.write_bytes(content[:length])
        with pytest.raises(DamagedFile):
            read_image(file)


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_a_png_is_read_whole_or_not_at_all(file: Path, pixels: Pixels, mode: str) -> None:
    """No prefix is a picture, nor one with any single bit flipped, in its comments even."""
    comment = PngImagePlugin.PngInfo()
    comment.add_text("Comment", "of no meaning for the pixels")
    content = encoded(Image.fromarray(pixels).convert(mode), "PNG", pnginfo=comment)
    file.write_bytes(content)
    assert read_image(file).shape == pixels.shape
    damaged = [content[:length] for length in range(len(content))]
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for piece in damaged:
        file.write_bytes(piece)
        with pytest.raises(DamagedFile):
            read_image(file)
    file.write_bytes(content + b"what some cameras append")
    assert read_image(file).shape == pixels.shape


@pytest.mark.filterwarnings("ignore:.*(EXIF|Truncated)")  # pytest sets the filters anew
@pytest.mark.parametrize("format", ["WEBP", "BMP", "GIF", "TIFF"])
def test_other_formats(file: Path, format: str) -> None:
    pixels = np.zeros((6, 9, 3), np.uint8)  # of few colours, as a palette holds 256
    pixels[2:, 3:] = (255, 0, 0)
    options = {"lossless": True} if format == "WEBP" else {}
    content = encoded(Image.fromarray(pixels), format, **options)
    file.write_bytes(content)
    np.testing.assert_array_equal(read_image(file), pixels)
    for length in range(len(content) // 2):
        file.write_bytes(content[:length])
        with pytest.raises(DamagedFile):
            read_image(file)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP"])
def test_of_several_pictures_the_first_is_taken(file: Path, format: str) -> None:
    first, second = (Image.new("RGB", (8, 4), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if format == "WEBP" else {}
    first.save(file, format, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read_image(file), np.full((4, 8, 3), (255, 0, 0)))


def test_metadata_that_nobody_can_read_are_no_matter(file: Path, pixels: Pixels) -> None:
    content = encoded(Image.fromarray(pixels), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x09\0\x12")
    file.write_bytes(content)
    script = "import sys, pathlib, bossline.data.imagefile as own; own.read_image(pathlib.Path(%r))"
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", script % str(file)], capture_output=True, check=True
    )
    assert ended.stderr == b""


def test_an_end_within_a_thumbnail_is_not_the_end(file: Path, pixels: Pixels) -> None:
    thumbnail = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + encoded(Image.new("L", (8, 8)), "JPEG")
    content = encoded(Image.fromarray(pixels), "JPEG", exif=thumbnail)
    assert content.count(b"\xff\xd9") == 2
    file.write_bytes(content)
    assert read_image(file).shape == pixels.shape
    file.write_bytes(content[:-2])
    with pytest.raises(DamagedFile, match="the JPEG has no end"):
        read_image(file)
    file.write_bytes(content + b"\xff\xda a trailer, as some phones append one")
    assert read_image(file).shape == pixels.shape


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"<html>404 Not Found</html>", "cannot be read: a web page in place of the file: .*"),
        (b"version https://git-lfs.github.com/spec/v1\n", "cannot be read: a Git LFS pointer .*"),
        (b"404 Not Found", NO_IMAGE),
        (encoded(Image.new("RGB", (4, 4)), "PPM"), NO_IMAGE),
        (encoded(Image.new("RGB", (4, 4)), "ICO"), NO_IMAGE),
        (png_of_size(0, 4), NO_IMAGE),
        (png_of_size(30, 30), "truncated or damaged"),
        (encoded(Image.new("RGB", (64, 64)), "JPEG")[:-40], "truncated: the JPEG has no end"),
        (encoded(Image.new("RGB", (64, 64)), "JPEG")[:-2], "truncated: the JPEG has no end"),
        (encoded(Image.new("RGB", (64, 64)), "PNG")[:-12], "truncated: the PNG has no end"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "holds pixels of 32 bits, expected 8 or 16"),
        (encoded(Image.new("I", (4, 4)), "TIFF"), "holds pixels of 32 bits, expected 8 or 16"),
        (png_of_size(9000, 9000), "has too many pixels: 9000 x 9000"),
        (png_of_size(1 << 20, 1 << 20), "has too many pixels"),
    ],
)
def test_what_is_no_whole_image(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DamagedFile, match=f"^{why}$"):
        read_image(file)


def test_unreadable(file: Path) -> None:
    with pytest.raises(DamagedFile, match=r"^cannot be read: No such file or directory$"):
        read_image(file)
