"""The file that the course's leaderboard takes: Id,Class over all frames of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.corpora.packed import Corpus, Ints
from bossline.errors import UserError
from bossline.files import replacing


def write_submission(
    path: Path, corpus: Corpus, utterances: Ints, labels: npt.NDArray[np.int64]
) -> int:
    """Write `Id,Class`, Id counting frames in the order of the corpus' list; returns the rows.

    Raises:
        UserError: an utterance of the split was left out at import, so rows would be missing or
            shifted; or the number of predictions is not the number of frames.
    """
    parts = {corpus.header.parts[corpus.parts[u]] for u in utterances}
    missing = [entry.id for entry in corpus.header.left_out if entry.part in parts]
    if missing and not corpus.labelled[utterances].any():
        raise UserError(
            f"{len(missing)} utterances of this split were left out as damaged when the corpus was "
            f"imported ({', '.join(missing[:5])}): every later Id would be wrong. Get intact "
            "copies of these files and import again"
        )
    expected = int(corpus.lengths[utterances].sum())
    if len(labels) != expected:
        raise UserError(f"{len(labels)} predictions for {expected} frames: not written")
    rows = "\n".join(f"{row},{label}" for row, label in enumerate(labels.tolist()))
    with replacing(path) as temporary:
        temporary.write_text(f"Id,Class\n{rows}\n", encoding="ascii")
    return expected
