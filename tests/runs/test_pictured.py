"""Pictures of recordings: what is drawn where, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from bossline import cli
from bossline.core.errors import UserError
from bossline.figures.recording import Spoken, recording
from bossline.runs.pictured import pictured, write_picture
from bossline.tasks.alignment.aligned import Aligned, Fit, Utterance, Word
from bossline.tasks.prediction import Segment

soundfile = pytest.importorskip("soundfile")

RATE = 16_000
PHONES = (Segment(0.2, 0.5, "HH", 0.9), Segment(0.5, 0.9, "IY", 0.4))


def found(seconds: float) -> Aligned:
    word = Word(0.2, 0.9, "he", 0.6, PHONES)
    fit = Fit(-1.0, -1.0, 1.0, -2.0, 0.2)
    return Aligned("he", seconds, (Utterance(None, 0.0, seconds, (word,), fit),))


@pytest.fixture
def wav(home: Path) -> Path:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 5 * RATE)
    soundfile.write("he.wav", noise, RATE)
    return Path("he.wav")


def test_each_is_at_its_time_in_rows_that_share_the_recording(wav: Path) -> None:
    figure = pictured(wav, found(5.0))
    maps = [axes for axes in figure.axes if axes.images and axes.get_xlim()[1] > 1]
    assert [axes.get_xlim() for axes in maps] == [(0.0, 2.5), (2.5, 5.0)]
    boxes = [
        (patch.get_x(), patch.get_x() + patch.get_width())
        for axes in figure.axes
        for patch in axes.patches
        if isinstance(patch, Rectangle)
    ]
    np.testing.assert_allclose(boxes, [(0.2, 0.9), (0.2, 0.5), (0.5, 0.9)])
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert names == ["he", "HH", "IY"]


def test_a_name_without_room_is_left_out() -> None:
    sound = np.zeros(4 * RATE, np.float32)
    phones = [Spoken(k * 0.01, k * 0.01 + 0.01, "AA", 1.0) for k in range(50)]
    assert not [text for axes in recording(sound, RATE, phones).axes for text in axes.texts]


def test_a_long_one_is_drawn_in_part(wav: Path) -> None:
    figure = recording(np.zeros(100 * RATE, np.float32), RATE, [])
    assert max(axes.get_xlim()[1] for axes in figure.axes) == pytest.approx(36)


@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")])
def test_it_is_written_as_its_ending_says(wav: Path, name: str, head: bytes) -> None:
    write_picture(wav, found(5.0), Path(name))
    assert Path(name).read_bytes().startswith(head)


def test_features_have_no_sound(home: Path) -> None:
    with pytest.raises(UserError, match="a picture is of sound, and these are features"):
        pictured("a.npy", found(1.0))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["he.wav", "--figure", "a.gif"], "write it to a .png, .svg, .pdf file"),
        (["he.wav", "he.wav", "--figure", "a.png"], "a picture is of one recording"),
        ([".", "--figure", "a.png"], "a picture is of one recording"),
    ],
)
@pytest.mark.usefixtures("wav")
def test_asked_wrongly(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for verb in (["predict"], ["align", "-o", "out"]):
        monkeypatch.setattr("sys.argv", ["bossline", verb[0], *words, *verb[1:]])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 2
        assert message in " ".join(capsys.readouterr().err.split())
