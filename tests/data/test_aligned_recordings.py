"""Recordings with labels over time: each frame has the label at its centre, and nothing is lost."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier
from bossline.data.features.spec import FeatureSpec
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.base import RecordingOptions, pattern_of
from bossline.data.timelines import Timeline

SPEC = FeatureSpec(kind="mfcc", dim=39)
SAID = (Interval(0.1, 0.25, "AH0"), Interval(0.25, 0.4, "S"), Interval(0.5, 0.6, "AH1"))


def record(path: Path, seconds: float = 0.7, rate: int = 16_000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path))).normal(size=(int(seconds * rate), channels))
    soundfile.write(path, 0.05 * noise, rate, format=path.suffix[1:].lower())


def label(path: Path, said: tuple[Interval, ...] = SAID, *, words: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tiers = [IntervalTier("phones", said)]
    if words:
        tiers.insert(0, IntervalTier("words", (Interval(0.1, 0.6, "us"),)))
    alignments.write(Alignment(0.0, 0.7, tuple(tiers)), path)


def names_of(corpus: Corpus, id: str) -> list[str]:
    labels = corpus.frame_labels(corpus.ids.index(id))
    return [corpus.header.classes[label] for label in labels]


def expected(frames: int, said: tuple[Interval, ...] = SAID, silence: str = "SIL") -> list[str]:
    """By looking through all intervals for each centre."""
    return [
        next((one.label for one in said if one.start <= centre < one.end), silence)
        for centre in SPEC.frame_centres(frames)
    ]


@given(
    lengths=st.lists(st.floats(0.004, 0.3), min_size=1, max_size=12),
    gaps=st.lists(st.booleans(), min_size=12, max_size=12),
    frames=st.integers(1, 120),
)
def test_a_frame_has_the_label_at_its_centre(
    lengths: list[float], gaps: list[bool], frames: int
) -> None:
    edges = np.append(0.0, np.cumsum(lengths))
    said = tuple(
        Interval(float(start), float(end), f"p{place}")
        for place, (start, end) in enumerate(pairwise(edges))
        if not gaps[place] and start < end
    )
    numbers = {f"p{place}": place for place in range(len(lengths))}
    line = Timeline.of(IntervalTier("phones", said), numbers, silence=99)
    labels = line.of_frames(SPEC, frames)
    names = [f"p{label}" if label != 99 else "SIL" for label in labels]
    assert names == expected(frames, said)
    folded = line.folded(np.arange(100, dtype=np.int16)[::-1].copy())
    assert np.array_equal(folded.of_frames(SPEC, frames), 99 - labels)


def test_recordings_and_alignments_of_many_kinds(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    record(folder / "train/ann/a.wav")
    label(folder / "train/ann/a.TextGrid", words=True)
    record(folder / "train/bob/b.flac", rate=44_100, channels=2)
    label(folder / "train/bob/b.phn")
    record(folder / "dev/cat/c.ogg", rate=8_000)
    label(folder / "dev/cat/c.lab")
    record(folder / "test/dan/d.wav")
    label(folder / "all.ctm")
    text = (folder / "all.ctm").read_text()
    (folder / "all.ctm").write_text(re.sub("^all", "d", text, flags=re.MULTILINE))
    (folder / "readme.md").write_text("about")
    assert choose_reader(folder).name == "aligned"
    corpus = import_corpus(folder, "mine", phones="stress-off")
    assert list(corpus.ids) == ["dev/cat/c", "test/dan/d", "train/ann/a", "train/bob/b"]
    assert corpus.header.classes == ("AH", "S", "SIL")
    assert corpus.header.parts == ("validation", "test", "train")
    assert set(corpus.header.speakers) == {"ann", "bob", "cat", "dan"}
    for id in corpus.ids:
        count = int(corpus.lengths[corpus.ids.index(id)])
        assert names_of(corpus, id) == [name.rstrip("01") for name in expected(count)]
    assert any("readme" not in line and ".md" in line for line in corpus.header.passed_over)


def test_all_problems_at_once(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for name in ("sound", "bare", "long", "short", "cut"):
        record(folder / f"{name}.wav", seconds=3.0 if name == "short" else 0.7)
    label(folder / "sound.TextGrid")
    label(folder / "short.TextGrid")
    alignments.write(
        Alignment(0.0, 2.0, (IntervalTier("phones", (Interval(0.0, 2.0, "S"),)),)),
        folder / "long.TextGrid",
    )
    (folder / "cut.TextGrid").write_text('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    (folder / "noise.wav").write_bytes(b"no sound")
    label(folder / "noise.TextGrid")
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "mine")
    told = str(caught.value)
    assert "5 problems" in told
    assert "bare.wav: no labels over time" in told
    assert "long.wav: labels to 2.00 s, but the recording ends at 0.6" in told
    assert "short.wav: 2.29 s of the recording behind the last label" in told
    assert "cut.TextGrid" in told
    assert "noise.wav: not readable as audio" in told
    corpus = import_corpus(folder, "mine", skip_damaged=True)
    assert list(corpus.ids) == ["sound"]
    assert len(corpus.header.left_out) == 5


def test_a_parallel_folder_a_tier_and_a_pattern(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "wavs/x/s01_one.wav")
    record(tmp_path / "wavs/x/s02_two.wav")
    for name in ("s01_one", "s02_two"):
        tiers = IntervalTier("phones", SAID), IntervalTier("mine", (Interval(0.0, 0.7, "M"),))
        path = tmp_path / f"labels/x/{name}.TextGrid"
        path.parent.mkdir(parents=True, exist_ok=True)
        alignments.write(Alignment(0.0, 0.7, tiers), path)
    options = RecordingOptions(None, tmp_path / "labels", "mine", pattern_of("(s[0-9]+)_"))
    corpus = import_corpus(tmp_path / "wavs", "mine", reader="aligned", recordings=options)
    assert corpus.header.classes == ("M", "SIL")
    assert corpus.header.speakers == ("s01", "s02")
    again = import_corpus(tmp_path / "wavs", "mine", reader="aligned", recordings=options)
    assert again.key == corpus.key
    label(tmp_path / "labels/x/s02_two.TextGrid")
    with pytest.raises(UserError, match="no tier 'mine'"):
        import_corpus(tmp_path / "wavs", "mine", reader="aligned", recordings=options)
    with pytest.raises(UserError, match="no regular expression"):
        pattern_of("(")
    with pytest.raises(UserError, match="a recordings set has none"):
        import_corpus(tmp_path / "wavs", "mine", reader="recordings", recordings=options)


def test_timit_as_it_lies_on_disk(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "timit"
    said = (Interval(0.0, 0.2, "h#"), Interval(0.2, 0.4, "bcl"), Interval(0.4, 0.6, "aa"))
    for name in (
        "TRAIN/DR1/FCJF0/SA1", "TRAIN/DR1/FCJF0/SI1027", "TEST/DR1/MDAB0/SX49",
        "TEST/DR1/FAKS0/SI943", "TEST/DR1/FAKS0/SA2", "TEST/DR2/MABC0/SX1",
    ):  # fmt: skip
        record(folder / f"{name}.WAV")
        label(folder / f"{name}.PHN", said)
        (folder / f"{name}.WRD").write_text("0 100 word\n")
        (folder / f"{name}.TXT").write_text("0 46797 She had your dark suit.\n")
    assert choose_reader(folder).name == "timit"
    corpus = import_corpus(folder, "timit", phones="timit39")
    assert dict(zip(corpus.ids, (corpus.header.parts[p] for p in corpus.parts), strict=True)) == {
        "TRAIN/DR1/FCJF0/SI1027": "train",
        "TEST/DR1/MDAB0/SX49": "test",
        "TEST/DR1/FAKS0/SI943": "validation",
    }
    assert set(corpus.header.speakers) == {"fcjf0", "mdab0", "faks0"}
    assert set(corpus.header.classes) == {"aa", "sil"}


def test_buckeye_as_it_lies_on_disk(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "buckeye"
    record(folder / "s01/s0101a/s0101a.wav")
    (folder / "s01/s0101a/s0101a.phones").write_text(
        "header\n#\n   0.1 122 {B_TRANS}\n   0.3 122 ah\n   0.5 122 <VOCNOISE>\n   0.7 122 s; *\n"
    )
    (folder / "s01/s0101a/s0101a.words").write_text("header\n#\n   0.7 122 us; ah s; ah s; PRP\n")
    assert choose_reader(folder).name == "buckeye"
    corpus = import_corpus(folder, "buckeye")
    assert corpus.header.speakers == ("s01",)
    assert set(corpus.header.classes) == {"SIL", "ah", "s"}
    said = (Interval(0.1, 0.3, "ah"), Interval(0.5, 0.7, "s"))
    assert names_of(corpus, corpus.ids[0]) == expected(int(corpus.lengths[0]), said)


def test_recordings_alone_are_those_of_speakers(tmp_path: Path) -> None:
    record(tmp_path / "voices/ann/a.wav")
    (tmp_path / "voices/ann/a.trans.txt").write_text("a SAID THIS\n")
    assert choose_reader(tmp_path / "voices").name == "recordings"
