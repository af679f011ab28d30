"""Which layout a folder has, whatever its name and whatever lies in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.readers import choose_reader


@pytest.mark.parametrize("name", ["a" * 300, "nul\0", "loop", "\udcff"])
def test_paths_that_lead_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="no such folder"):
        choose_reader(tmp_path / name)


def test_a_folder_of_oddities_has_no_layout(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "\udcff.pt").touch()
    with pytest.raises(UserError, match="no known layout; the known ones"):
        choose_reader(tmp_path)


def test_a_tree_of_names_that_are_not_utf8(home: Path, libriphone: Path) -> None:
    """Import writes its header, and says where the set is, whatever the names on the way to it."""
    odd = libriphone.rename(libriphone.parent / "\udcff\udcfe")
    corpus = import_corpus(odd, "lp")
    assert len(corpus) == 5
    assert corpus.header.source.path.isprintable()
