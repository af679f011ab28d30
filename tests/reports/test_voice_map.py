from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from bossline.tasks.speaker.pictures import MOST_SHOWN, draw_voices, most_heard, plane_of


@given(st.integers(0, 2**32 - 1))
def test_plane_is_of_principal_components(seed: int) -> None:
    generator = np.random.default_rng(seed)
    embeddings = generator.standard_normal((40, 7)).astype(np.float32)
    fitted = np.arange(40) < 25
    unit = normalize(embeddings.astype(np.float64))
    expected = PCA(2).fit(unit[fitted]).transform(unit)
    found = plane_of(embeddings, fitted)
    signs = np.sign((found * expected).sum(0))  # a component may point either way
    np.testing.assert_allclose(found, expected * signs, atol=1e-6)
    np.testing.assert_allclose(plane_of(embeddings * 5, fitted), found, atol=1e-5)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_those_heard_most_are_shown(speakers: list[int]) -> None:
    shown = most_heard(np.array(speakers))
    ranked = sorted(set(speakers), key=lambda k: (-speakers.count(k), k))
    assert shown == ranked[:MOST_SHOWN]


def test_every_utterance_is_a_point_and_speakers_look_different() -> None:
    generator = np.random.default_rng(0)
    speakers = np.concatenate([np.arange(30), np.repeat(np.arange(15), 3)])
    embeddings = generator.standard_normal((len(speakers), 6)).astype(np.float32)
    names = tuple(f"${k}_x" for k in range(30))
    figure = draw_voices(embeddings, speakers, names)
    axes = figure.axes[0]
    points = {str(line.get_label()): line for line in axes.lines}
    assert set(points) == {*names[:MOST_SHOWN], "others"}
    counts = {name: len(np.asarray(line.get_xdata())) for name, line in points.items()}
    assert {counts[name] for name in names[:MOST_SHOWN]} == {4}
    assert sum(counts.values()) == len(speakers)
    looks = {(line.get_color(), line.get_marker()) for line in points.values()}
    assert len(looks) == MOST_SHOWN + 1
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == [*names[:MOST_SHOWN], "others"]


def test_few_speakers_have_no_others() -> None:
    embeddings = np.eye(4, dtype=np.float32)
    figure = draw_voices(embeddings, np.array([0, 0, 1, 1]), ("a", "b"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
