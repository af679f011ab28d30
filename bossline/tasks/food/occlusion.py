"""Which parts of an image an answer hangs on: it is asked again with each of them covered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

PLACES = 8  # covers along a side; a map costs its square in passes, and one pass more


def occlusion_map(
    answer: Callable[[Sequence[npt.NDArray[np.uint8]]], npt.NDArray[np.float32]],
    image: npt.NDArray[np.uint8],
    wanted: int,
) -> npt.NDArray[np.float32]:
    """How much of a class's probability is lost where the image is covered.

    A square of the image's mean colour, a quarter of its side long, is laid over it in PLACES x
    PLACES places, so that neighbours overlap by half (Zeiler and Fergus, arXiv 1311.2901). A
    gradient (arXiv 1312.6034) would cost one pass, but is speckled, and says what an unseen step of
    a pixel would do, where this says what is lost, in points of probability.

    Args:
        answer: n images (S, S, 3) -> (n, C) probabilities.
        image: (S, S, 3).
        wanted: the class.

    Returns:
        (PLACES, PLACES): probability of the whole image less that of the one covered around the
        middle of each of the equal parts that the image falls into; negative where the rest alone
        looks more like the class.
    """
    step = len(image) / PLACES
    spans = [slice(max(0, round((k - 0.5) * step)), round((k + 1.5) * step)) for k in range(PLACES)]
    colour = image.mean((0, 1)).round().astype(np.uint8)
    covered = []
    for rows, columns in product(spans, spans):
        copy = image.copy()
        copy[rows, columns] = colour
        covered.append(copy)
    found = answer([image, *covered])[:, wanted]
    lost: npt.NDArray[np.float32] = (found[0] - found[1:]).reshape(PLACES, PLACES)
    return lost
