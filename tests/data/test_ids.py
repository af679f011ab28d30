"""What may be an id."""

from __future__ import annotations

import os.path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.data.ids import id_fault


@pytest.mark.parametrize("id", ["103-1240-0000", "training/0_0 (1)", "uttr-a.pt", "Ä/文", "a..b"])
def test_sound_ids(id: str) -> None:
    assert id_fault(id) is None


@pytest.mark.parametrize(
    "id",
    ["", " ", " a", "a ", "a\nb", "\x1b[2J", "\ud800", "a\u00a0b", "..", "../a", "a/../b", "a/..",
     "/etc/a", "\\\\host\\a", "..\\a"],
)  # fmt: skip
def test_unsound_ids(id: str) -> None:
    fault = id_fault(id)
    assert fault
    assert fault.isprintable()


@given(st.text(st.sampled_from("ab./ \n:")))
def test_a_sound_id_stays_within_its_folder_and_its_line(id: str) -> None:
    if id_fault(id) is None:
        assert os.path.normpath(os.path.join("/set", id)).startswith("/set")
        assert id.splitlines() == [id] == [id.strip()]
