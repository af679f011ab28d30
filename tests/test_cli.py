"""The verbs, as a user types them."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from bossline import cli
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.tasks.speaker.verification.error_rates import equal_error_rate

VERBS = (
    "tasks", "recipe", "import", "corpus", "synth", "train", "ladder", "sweep", "compare", "ablate",
    "tune", "width", "diagnose",
    "evaluate", "predict", "submit", "embed", "verify", "trials", "calibrate", "enroll",
    "identify", "report", "runs", "score",
)  # fmt: skip
FAST = ("epochs=2", "batches.size=64", "model.width=8", "optimiser.lr=1e-2")

Bossline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bossline(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bossline:
    """Runs one command line in this process; returns exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_has_an_example(bossline: Bossline, verb: str) -> None:
    code, out, _ = bossline(verb, "--help")
    assert code == 0
    assert re.search(rf"Examples?: bossline {verb}", out)


def test_a_recipe_is_shown_and_begun_from(bossline: Bossline, tmp_path: Path) -> None:
    code, out, _ = bossline("recipe", "phoneme/strong", "model.width=77")
    assert code == 0
    assert re.search(r"model\.width +77 +integer, at least ", out)
    page = tmp_path / "my.yaml"
    assert bossline("recipe", "phoneme/strong", "epochs=9", "-o", str(page))[0] == 0
    code, out, _ = bossline("recipe", str(page))
    assert re.search(r"epochs +9 ", out)
    code, out, _ = bossline("recipe", "--keys", "model.encoder")
    assert "rnn (phoneme, speaker, transcribe): A front convolution" in out
    assert re.search(r"model\.encoder\.cell +lstm +rnn \| gru \| lstm", out)
    code, out, _ = bossline("recipe", "food")
    assert re.search(r"epochs +1 +integer", out)
    assert bossline("recipe", "phoneme/strnog")[0] == 2
    assert bossline("recipe", "--keys", "model", "-o", "x.yaml")[0] == 2


def test_from_a_data_folder_to_a_submission(bossline: Bossline, tmp_path: Path) -> None:
    """The way of the course, on a small set in its layout."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(41, 39)) * 2
    source = tmp_path / "libriphone"
    lines, lengths = [], {"train": 20, "test": 3}
    frames = 0
    for part, count in lengths.items():
        (source / "feat" / part).mkdir(parents=True)
        ids = [f"{k % 4}-{part}-{k:04d}" for k in range(count)]
        (source / f"{part}_split.txt").write_text("\n".join(ids) + "\n")
        for id in ids:
            labels = np.repeat(rng.integers(0, 41, 10), 3)
            features = torch.from_numpy(centres[labels] + rng.normal(size=(30, 39))).float()
            torch.save(features, source / "feat" / part / f"{id}.pt")
            lines.append(f"{id} {' '.join(map(str, labels))}")
            frames += 30 * (part == "test")
    (source / "train_labels.txt").write_text("\n".join(lines[: lengths["train"]]) + "\n")

    code, out, err = bossline("import", str(source), "--name", "phones", "--note", "a remark")
    assert (code, err) == (0, "")
    assert "20 utterances, 600 frames, labelled" in out
    code, out, _ = bossline("corpus", "phones", "--verify")
    assert code == 0
    assert "verified" in out
    assert "a remark" in out
    assert "phones" in bossline("corpus")[1]

    code, out, _ = bossline("train", "phoneme/simple", "-c", "phones", *FAST, "--run", "runs/a")
    assert code == 0
    assert "epoch 2/2" in out
    assert "phoneme/simple (batches.size=64, model.width=8, optimiser.lr=0.01) on phones" in out
    assert "next: bossline submit runs/a -o prediction.csv" in out
    assert Path("runs/a/report.html").is_file()
    assert (Path("runs/a/log.txt").read_text().count("epoch")) == 2

    code, out, _ = bossline("evaluate", "runs/a")
    assert code == 0
    assert "validation" in out
    assert "precision" in out

    code, out, _ = bossline("submit", "a", "-o", "prediction.csv")
    assert code == 0
    with Path("prediction.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["Id", "Class"]
    assert [int(row[0]) for row in rows[1:]] == list(range(frames))

    code, out, _ = bossline("predict", "runs/a", "unlabelled", "-o", "p.npy")
    assert code == 0
    probabilities = np.load("p.npy")
    assert probabilities.shape == (frames, 41)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert [int(row[1]) for row in rows[1:]] == probabilities.argmax(1).tolist()

    one = source / "feat" / "test" / "0-test-0000.pt"
    assert bossline("predict", "runs/a", str(one), "-o", "one.npy")[0] == 0
    np.testing.assert_allclose(np.load("one.npy"), probabilities[:30], atol=2e-3)  # float16 corpus
    assert "0.00 s" in bossline("predict", "runs/a", str(one))[1]
    assert bossline("predict", "runs/a", str(one), "-o", "one.csv")[0] == 0
    assert len(Path("one.csv").read_text().splitlines()) == 31


def test_ladder_climbs_once_and_finds_its_runs_again(bossline: Bossline, toy: Corpus) -> None:
    small = ("model.width=8", "epochs=1", "batches.size=64")
    code, out, _ = bossline("ladder", "phoneme", "-c", "toy", *small, "--to", "medium")
    assert code == 0
    assert all(
        rung in out for rung in ("phoneme/floor", "phoneme/simple", "phoneme/medium", "report: ")
    )
    assert "epoch 1/1" in out
    code, out, _ = bossline("ladder", "phoneme", "-c", "toy", *small, "--to", "medium")
    assert code == 0
    assert "epoch 1/1" not in out
    runs = [str(path) for path in Path("runs/ladder-phoneme-toy").iterdir() if path.is_dir()]
    assert len(runs) == 3
    assert bossline("report", *runs, "-o", "both.html")[0] == 0
    assert "paired" in Path("both.html").read_text().lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "phoneme/strnog", "-c", "toy"), "did you mean 'phoneme/strong'?"),
        (("train", "phoneme/strong", "-c", "toi"), "no corpus 'toi': did you mean 'toy'?"),
        (("train", "phoneme/strong", "-c", "toy", "batches.frames=4"), "an odd number of frames"),
        (("train", "phoneme/strong", "-c", "toy", "model.widht=3"), "did you mean 'model.width'?"),
        (("train", "phoneme/strong"), "give a recipe and --corpus"),
        (("train", "--resume", "runs/nothing"), "no run in runs/nothing"),
        (("train", "phoneme/simple", "-c", "toy", "--device", "warp"), "no device 'warp' here"),
        (("ladder", "phonme", "-c", "toy"), "did you mean 'phoneme'?"),
        (("ladder", "phoneme", "-c", "toy", "--to", "stron"), "did you mean 'phoneme/strong'?"),
        (("evaluate", "runs/x"), "no run in runs/x"),
        (("import", "nowhere", "--name", "x"), "no such folder"),
        (("import", ".", "--name", "a/b"), "corpus name 'a/b'"),
        (("synth", "--hours", "-1"), "--hours: "),
        (("report", "runs/x"), "no run in runs/x"),
        (("nonsense",), "No such command"),
        (("train", "--resume", "x", "-c", "toy"), "--resume takes no recipe"),
    ],
)
def test_a_wrong_command_is_one_clear_line_and_exit_2(
    bossline: Bossline, toy: Corpus, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = bossline(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_wrong_input_to_predict_and_submit(bossline: Bossline, toy: Corpus) -> None:
    assert bossline("train", "phoneme/simple", "-c", "toy", *FAST, "--run", "runs/r")[0] == 0
    np.save("wide.npy", np.zeros((5, 7)))
    np.save("nan.npy", np.full((5, 6), np.nan))
    np.save("pickled.npy", np.array([{}, 1], object), allow_pickle=True)
    Path("broken.pt").write_bytes(b"not a tensor")
    for source, message in {
        "wide.npy": "expected (frames, 6), found (5, 7)",
        "nan.npy": "NaN or infinite",
        "pickled.npy": "holds pickled objects; they were not run",
        "broken.pt": "broken.pt: ",
        "speech.wav": "no such file",
        "tset": "did you mean 'test'?",
    }.items():
        code, _, err = bossline("predict", "runs/r", source)
        assert (code, message in err) == (2, True), (source, err)
    assert "write predictions to a .csv" in bossline("predict", "runs/r", "test", "-o", "x.txt")[2]
    assert bossline("evaluate", "runs/rr")[2].count("did you mean 'runs/r'?") == 1
    assert bossline("submit", "runs/r", "-o", "/proc/none/x.csv")[0] == 2


def test_from_a_speaker_run_to_a_name(bossline: Bossline, speaker_run: Run) -> None:
    """The way of verification: trials, error rates, a threshold, a gallery."""
    code, out, err = bossline(
        "trials", "a", "-o", "trials.txt", "--split", "train", "--count", "99"
    )
    assert (code, err) == (0, "")
    assert "trials.txt: 49 target and 50 non-target trials" in out
    lines = [line.split() for line in Path("trials.txt").read_text().splitlines()]

    code, out, _ = bossline("embed", "a", "train", "validation", "-o", "voices.safetensors")
    assert code == 0
    assert "voices.safetensors: 72 utterances, 8 numbers each" in out
    with safe_open("voices.safetensors", framework="np") as content:
        ids = json.loads(content.metadata()["ids"])
        vectors = dict(zip(ids, content.get_tensor("embeddings"), strict=True))
    scores = np.array([vectors[enrol] @ vectors[test] for _, enrol, test in lines])
    labels = np.array([label == "1" for label, _, _ in lines])

    code, out, _ = bossline("evaluate", "a", "--trials", "trials.txt")
    assert code == 0
    assert f"{equal_error_rate(scores, labels).rate:.4f} [" in out
    assert "4 of 4 speakers were trained on" in out
    assert "no threshold says what is one speaker" in bossline("verify", "a", "u00.pt", "u04.pt")[1]

    code, out, _ = bossline("calibrate", "a", "--trials", "trials.txt", "--false-accepts", "0.1")
    assert code == 0
    accepts = re.search(r"false accepts +([\d.]+) ?%, (\d) of 50 non-target trials", out)
    assert accepts
    assert float(accepts[1]) == 2 * int(accepts[2]) <= 10
    a, b = next((enrol, test) for label, enrol, test in lines if label == "1")
    code, out, _ = bossline("verify", "a", a, b)
    assert code == 0
    assert f"cosine {vectors[a] @ vectors[b]:.4f}" in out
    assert "of 50 non-target trials" in out
    assert re.search(r"^(same|different) speakers?$", out, re.MULTILINE)

    assert "nobody is enrolled in runs/a" in bossline("identify", "a", a)[2]
    code, out, _ = bossline("enroll", "a", "--speaker", "zoe", "u00.pt", "u04.pt", "--joined")
    assert (code, out) == (0, "enrolled zoe: 2 recordings, joined: u00.pt, u04.pt\n")
    code, out, _ = bossline("enroll", "a", "--speaker", "zoe", "u00.pt")
    assert out == (
        "enrolled zoe: 1 recording: u00.pt\nreplaced zoe: 2 recordings, joined: u00.pt, u04.pt\n"
    )
    assert bossline("enroll", "a", "--speaker", "ann", "u01.pt")[0] == 0
    code, out, _ = bossline("identify", "a", "u00.pt")
    assert code == 0
    assert out.startswith("zoe\n")
    assert "1 recording: u01.pt" in out
    assert "these rates are of one comparison each; here are 2" in out
    code, out, _ = bossline("identify", "a", "u00.pt", "--lang", "zh")
    assert code == 0
    assert "登錄自" in out
    assert "1 段錄音：u01.pt" in out
    assert re.search("門檻 +0", out)
    code, out, _ = bossline("verify", "a", "u00.pt", "u01.pt", "u04.pt", "--lang", "zh")
    assert code == 0
    assert re.search(r"輸入 +cosine +語者", out)
    assert re.search("不同|相同", out)
    (speaker_run.path / "threshold.json").unlink()
    code, out, _ = bossline("identify", "a", "u00.pt")
    assert "no threshold says who is unknown, so the nearest is named" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("embed", "a", "test", "-o", "x.npy"), "write embeddings to a .safetensors file"),
        (("evaluate", "a", "a", "--trials", "t.txt"), "--trials takes one run"),
        (("evaluate", "a", "--score-norm", "as-norm"), "give --trials FILE"),
        (("evaluate", "a", "--trials", "t.txt"), "t.txt"),
        (("calibrate", "a", "--trials", "few.txt", "--false-accepts", "2"), "a share from 0 to 1"),
        (("trials", "a", "-o", "t.txt", "--count", "10"), "ask for at most 8"),
        (("trials", "a", "-o", "t.txt", "--split", "tset"), "did you mean 'test'?"),
        (("trials", "a", "-o", "t.txt", "--split", "unlabelled"), "does not say who speaks"),
        (("verify", "a", "u00.pt", "u99.pt"), "did you mean 'u"),
        (("enroll", "a", "--speaker", "unknown", "u00.pt"), "expected a name"),
    ],
)
def test_wrong_input_to_verification(
    bossline: Bossline, speaker_run: Run, arguments: tuple[str, ...], message: str
) -> None:
    Path("few.txt").write_text("1 u00.pt u04.pt\n0 u00.pt u01.pt\n")
    code, _, err = bossline(*arguments)
    assert (code, message in err) == (2, True), err
    assert "Traceback" not in err
