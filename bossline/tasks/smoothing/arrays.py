"""Types of the arrays that smoothers take and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Tables = Mapping[str, npt.NDArray[Any]]
