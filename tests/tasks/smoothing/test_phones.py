from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.smoothing.phones import PhoneModel
from bossline.tasks.smoothing.viterbi import ViterbiConfig


def model(durations: list[float], stay: float) -> PhoneModel:
    return PhoneModel(np.ones(1), np.eye(2), np.array([durations]), np.array([stay]))


@given(
    counts=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    stay=st.floats(0.1, 0.95),
    frames=st.integers(1, 12),
)
def test_durations_and_survivors_belong_together(
    counts: list[int], stay: float, frames: int
) -> None:
    table = np.array([*counts, 1]) / (sum(counts) + 1)
    phones = model(table.tolist(), stay)
    durations = np.exp(phones.log_durations(500))[:, 0]
    assert durations.sum() == pytest.approx(1)
    np.testing.assert_allclose(durations[: len(counts)], table[:-1])
    survivors = np.exp(phones.log_survivors(frames))[:, 0]
    np.testing.assert_allclose(survivors, durations[::-1].cumsum()[::-1][:frames], atol=1e-9)
    assert phones.log_durations(frames).shape == (frames, 1)
    np.testing.assert_array_equal(phones.log_durations(frames), phones.log_durations(500)[:frames])


def tables() -> dict[str, np.ndarray]:
    labels = [np.repeat([0, 1, 2, 0], [4, 2, 3, 5])]
    return dict(ViterbiConfig(longest=6).fit(labels, 3).tables())


@pytest.mark.parametrize("name", ["prior", "bigram", "durations", "stay"])
def test_damaged_tables_are_refused(name: str) -> None:
    config, good = ViterbiConfig(longest=6), tables()
    assert set(config.restore(good).tables()) == {"prior", "bigram", "durations", "stay"}
    with pytest.raises(UserError, match=f"lacks its {name}; fit"):
        config.restore({key: table for key, table in good.items() if key != name})
    with pytest.raises(UserError, match="has shape"):
        config.restore({**good, name: good[name][:-1]})
    with pytest.raises(UserError, match=r"has shape \(\), expected"):
        config.restore({**good, name: np.array(1.0)})
    for wrong in (good[name] * np.nan, good[name] - 1, good[name] + 1):
        with pytest.raises(UserError, match=f"{name} (holds no|is not)"):
            config.restore({**good, name: wrong})


def test_tables_of_another_length_are_refused() -> None:
    with pytest.raises(UserError, match=r"durations has shape \(3, 7\), expected \(3, 31\)"):
        ViterbiConfig().restore(tables())
