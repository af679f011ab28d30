"""Image files, JPEG and PNG: whatever their mode, red, green and blue in bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from bossline.corpora.ptfile import DamagedFile

SUFFIXES = (".jpg", ".jpeg", ".png")
"""In lower case."""

_MOST_PIXELS = 1 << 26  # 192 MiB of RGB; somewhat more and Pillow itself warns of a bomb


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Pixels (H, W, 3) in RGB, turned upright as EXIF says.

    Transparent pixels are laid over white; of 16 bits the upper 8 are kept.

    Raises:
        DamagedFile: unreadable, empty, neither JPEG nor PNG, truncated, damaged or too large.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"cannot be read: {error.strerror or error}") from error
    if not content:
        raise DamagedFile("is empty")
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
        if image.width * image.height <= _MOST_PIXELS:  # known before anything is decoded
            return np.array(_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError as error:
        raise DamagedFile("is no JPEG or PNG image") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DamagedFile("has too many pixels") from error
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
