"""Image files: whatever their format and mode, red, green and blue in bytes."""

from __future__ import annotations

import io
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from bossline.core.archives import DamagedFile, content_of

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Of what read_image reads, in lower case."""

OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".svg", ".jxl", ".jp2", ".psd", ".dng", ".ico")
"""Of images that it does not read."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_MOST_PIXELS = 1 << 26  # 192 MiB of RGB; somewhat more and Pillow itself warns of a bomb

# Pillow warns of metadata that it cannot read, without the name of the file; the pixels are sound.
warnings.filterwarnings("ignore", module=r"PIL\.")

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\x01\xff\xd0-\xd8])")  # those that stand alone left out
_JPEG_END = b"\xd9"


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Pixels (H, W, 3) in RGB, turned upright as EXIF says; of several pictures the first.

    Transparent pixels are laid over white; of 16 bits the upper 8 are kept.

    Raises:
        DamagedFile: unreadable, empty, of another format, truncated, damaged or too large.
    """
    content = content_of(path)
    if not content:
        raise DamagedFile("is empty")
    if content.startswith(_PNG):
        _check_png(content)
    if content.startswith(_JPEG) and not _ends(content):
        raise DamagedFile("truncated: the JPEG has no end")
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        if image.format == "TIFF" and image.mode in ("I", "F"):  # which Pillow would clip at 255
            raise DamagedFile("holds pixels of 32 bits, expected 8 or 16")
        if image.width * image.height <= _MOST_PIXELS:  # known before anything is decoded
            return np.array(_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError as error:
        raise DamagedFile(f"is no image, expected {', '.join(_FORMATS)}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DamagedFile("has too many pixels") from error
    except DamagedFile:
        raise
    except Exception as error:  # damage reaches every branch of the decoders
        raise DamagedFile("truncated or damaged") from error
    raise DamagedFile(f"has too many pixels: {image.width} x {image.height}")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _check_png(content: bytes) -> None:
    """Check the CRC-32 of all chunks, which Pillow does of some.

    Raises:
        DamagedFile: a chunk's checksum differs, or the last one is missing.
    """
    place = len(_PNG)
    while place + 12 <= len(content):
        stop = place + 8 + int.from_bytes(content[place : place + 4])
        kind = content[place + 4 : place + 8]
        if (
            zlib.crc32(memoryview(content)[place + 4 : stop]).to_bytes(4)
            != content[stop : stop + 4]
        ):
            raise DamagedFile(f"CRC-32 mismatch in the PNG's chunk {kind!a}, or truncated in it")
        if kind == b"IEND":
            return
        place = stop + 4
    raise DamagedFile("truncated: the PNG has no end")


def _ends(content: bytes) -> bool:
    """Whether a JPEG has its end-of-image marker: segment by segment, as an EXIF thumbnail within
    one has a marker of its own."""
    place = len(_JPEG)
    while marker := _JPEG_MARKER.search(content, place):
        if marker[1] == _JPEG_END:
            return True
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])
    return False
