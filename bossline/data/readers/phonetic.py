"""TIMIT and Buckeye, as their owners have them on disk.

TIMIT     TRAIN/DR1/FCJF0/SI1027.WAV (NIST SPHERE) and .PHN, in letters of either case
BUCKEYE   s01/s0101a.wav and .phones, or a folder more for each recording
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bossline.data.readers.aligned import Aligned
from bossline.data.readers.base import inside, register, tree

# The core test set of TIMIT's own documentation, and the speakers that Kaldi's recipe validates on.
_CORE = frozenset(
    "mdab0 mwbt0 felc0 mtas1 mwew0 fpas0 mjmp0 mlnt0 fpkt0 mlll0 mtls0 fjlm0 mbpm0 mklt0 fnlp0 "
    "mcmj0 mjdh0 fmgd0 mgrt0 mnjm0 fdhc0 mjln0 mpam0 fmld0".split()
)
_DEVELOPMENT = frozenset(
    "faks0 fdac1 fjem0 mgwt0 mjar0 mmdb1 mmdm2 mpdf0 fcmh0 fkms0 mbdg0 mbwm0 mcsh0 fadg0 fdms0 "
    "fedw0 mgjf0 mglb0 mrtk0 mtaa0 mtdt0 mthc0 mwjg0 fnmr0 frew0 fsem0 mbns0 mmjr0 mdls0 mdlf0 "
    "mdvc0 mers0 fmah0 fdrw0 mrcs0 mrjm4 fcal1 mmwh0 fjsj0 majc0 mjsw0 mreb0 fgjd0 fjmg0 mroa0 "
    "mteb0 mjfc0 mrjr0 fmml0 mrws1".split()
)
_TIMIT = re.compile(r"(train|test)/dr[1-8]/[fm][a-z]{3}[0-9]/[^/]+\.phn", re.IGNORECASE)
_BUCKEYE = re.compile(r"s[0-4][0-9]/(s[0-4][0-9]0[0-9][ab]/)?s[0-4][0-9]0[0-9][ab]\.phones")


def _holds(path: Path, folder: re.Pattern[str], file: re.Pattern[str]) -> bool:
    """Whether a file below a folder of such a name has such a name."""
    folders = (entry for entry in inside(path) if entry.is_dir() and folder.fullmatch(entry.name))
    return any(
        file.fullmatch(found.relative_to(path).as_posix())
        for entry in folders
        for found in tree(entry)
    )


@register
@dataclass(frozen=True)
class Timit(Aligned):
    """Without the two sentences that everybody says (SA); of the test speakers only those of the
    core test set and of the usual validation set, as published figures have it."""

    name: ClassVar[str] = "timit"
    description: ClassVar[str] = "TIMIT: TRAIN/DR1/FCJF0/SI1027.WAV and .PHN"
    goes_before: ClassVar[tuple[str, ...]] = ("aligned", "recordings")

    def recognises(self, path: Path) -> bool:
        return _holds(path, re.compile("train|test", re.IGNORECASE), _TIMIT)

    def skips(self, id: str) -> bool:
        *folders, sentence = id.lower().split("/")
        of_test = folders[:1] == ["test"] and self.speaker(id) not in _CORE | _DEVELOPMENT
        return sentence.startswith("sa") or of_test

    def part(self, id: str) -> str:
        if id.lower().startswith("train/"):
            return "train"
        return "test" if self.speaker(id) in _CORE else "validation"

    def speaker(self, id: str) -> str | None:
        return id.lower().rpartition("/")[0].rpartition("/")[2] or None


@register
@dataclass(frozen=True)
class Buckeye(Aligned):
    """Labels such as {B_TRANS} and <VOCNOISE> are no phones, so their frames are silence."""

    name: ClassVar[str] = "buckeye"
    description: ClassVar[str] = "Buckeye: s01/s0101a.wav and .phones"
    goes_before: ClassVar[tuple[str, ...]] = ("aligned", "recordings")

    def recognises(self, path: Path) -> bool:
        return _holds(path, re.compile("s[0-4][0-9]"), _BUCKEYE)

    def phone(self, label: str) -> str:
        return "" if label[:1] in ("{", "<") else label

    def speaker(self, id: str) -> str | None:
        return id.split("/")[0]
