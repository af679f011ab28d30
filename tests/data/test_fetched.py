"""Corpora behind URLs: fetched once, as their hashes say or not at all, into a bounded cache."""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import bossline
from bossline import api
from bossline.core.errors import UserError
from bossline.data import fetched, writer
from bossline.data.features.spec import FeatureSpec
from bossline.data.fetched import open_fetched
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.data.writer import writing
from bossline.runs.run import Run
from tests.data.packs import SHARD, flip_bit, sign, write_kind
from tests.data.servers import Served, serving

SECOND = "shard-00001.safetensors"
OPEN = """
import sys
from bossline.data.store import open_corpus
corpus = open_corpus(sys.argv[1])
print(corpus.key, flush=True)
"""
HOLD = f"{OPEN}sys.stdin.read()"


@pytest.fixture
def cache(home: Path) -> Path:
    return home / "fetched"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of two shards, of two items each."""
    monkeypatch.setattr(writer, "SHARD_BYTES", 30)
    return write_kind(tmp_path / "public" / "corpus", "speech")


@pytest.fixture
def served(published: Path) -> Iterator[Served]:
    """Its URL is that of the corpus."""
    with serving(published.parent) as served:
        served.url += "/corpus"
        yield served


def shards_in(cache: Path) -> set[str]:
    """And whatever else is in folders of corpora, but headers and stamps."""
    names = {path.name for path in cache.glob("*/*")} | {path.name for path in cache.glob("*/.*")}
    return names - {"corpus.json", "verified.json"}


def test_what_comes_is_what_was_published(
    served: Served, published: Path, cache: Path, tmp_path: Path
) -> None:
    fsspec.filesystem("memory").put(f"{published}/", "/tests-fetched/", recursive=True)
    original = Corpus(published)
    for url in (served.url, f"{served.url}/", "memory://tests-fetched", f"file://{published}"):
        corpus = open_corpus(url)
        assert corpus.path.parent == cache
        assert corpus.key == original.key
        for item in range(len(original)):
            assert (corpus.frames(item) == original.frames(item)).all()
            assert (corpus.frame_labels(item) == original.frame_labels(item)).all()
        shutil.rmtree(cache)
    fsspec.filesystem("memory").rm("/tests-fetched", recursive=True)


def test_shards_are_fetched_once(served: Served) -> None:
    open_corpus(served.url)
    assert served.asked == ["corpus.json", SHARD, SECOND]
    served.asked.clear()
    open_corpus(served.url, verified=True)
    assert served.asked == ["corpus.json"]


def test_a_run_is_trained_and_answers(toy: Corpus, home: Path) -> None:
    def trained(corpus: str, name: str) -> Run:
        overrides = ("epochs=2", "model={kind: mlp, depth: 1, width: 8}")
        return api.train(
            "phoneme/simple", corpus, overrides, run=f"runs/{name}", device="cpu", threads=1,
            console=Console(quiet=True),
        )  # fmt: skip

    local = trained("toy", "local")
    with serving(toy.path) as served:
        run = trained(served.url, "fetched")
        assert run.best_weights.read_bytes() == local.best_weights.read_bytes()
        assert run.corpus().key == toy.key
        assert api.evaluate(run) == api.evaluate(local)
        assert served.asked.count(SHARD) == 1


def test_the_command_shows_where_it_lies(served: Served, cache: Path) -> None:
    from bossline.cli import app

    shown = CliRunner().invoke(app, ["corpus", served.url])
    assert shown.exit_code == 0, shown.output
    assert str(open_corpus(served.url).path)[:40] in shown.output


# What is damaged is refused, and nothing of it is kept.


def flipped(served: Served, published: Path) -> None:
    flip_bit(published / SECOND)


def replaced(served: Served, published: Path) -> None:
    shutil.copy(published / SHARD, published / SECOND)


def page(served: Served, published: Path) -> None:
    (published / SECOND).write_text("<!doctype html><title>Sign in</title>")


def gone(served: Served, published: Path) -> None:
    (published / SECOND).unlink()


def folder(served: Served, published: Path) -> None:
    (published / SECOND).unlink()
    (published / SECOND).mkdir()


def cut(served: Served, published: Path) -> None:
    served.faults[SECOND] = "cut"


def short(served: Served, published: Path) -> None:
    served.faults[SECOND] = "short"


def endless(served: Served, published: Path) -> None:
    served.faults[SECOND] = "endless"


def large(served: Served, published: Path) -> None:
    with (published / SECOND).open("ab") as stream:
        stream.truncate(1 << 30)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flipped, "its checksum is not the one that corpus.json has"),
        (replaced, "its checksum is not the one"),
        (page, "its checksum is not the one"),
        (gone, "cannot be fetched: no such file"),
        (folder, "cannot be fetched|its checksum is not the one"),
        (cut, "cannot be fetched: "),
        (short, "its checksum is not the one"),
        (endless, "longer than the .* bytes it may be"),
        (large, "1,073,741,824 bytes, where its 2 utterances take .* at most"),
    ],
)
def test_a_shard_that_is_not_as_published(
    served: Served,
    published: Path,
    cache: Path,
    damage: Callable[[Served, Path], None],
    message: str,
) -> None:
    sound = shutil.copytree(published, published.parent.parent / "sound")
    damage(served, published)
    for _ in range(2):
        with pytest.raises(UserError, match=message) as caught:
            open_corpus(served.url)
        assert f"{served.url}/{SECOND}" in str(caught.value)
        assert shards_in(cache) <= {SHARD}
    # Mended, it goes on with what is there.
    shutil.rmtree(published)
    shutil.copytree(sound, published)
    served.faults.clear()
    had = shards_in(cache)
    served.asked.clear()
    assert open_corpus(served.url).key == Corpus(sound).key
    assert set(served.asked) == {"corpus.json", SHARD, SECOND} - had


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<!doctype html>", "a web page in place of the file"),
        ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("{", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", "expected a JSON object; have it published again"),
        ('{"format": 99}', "format version 99"),
        ("{}", "have it published again"),
    ],
)
def test_a_header_that_is_none(
    served: Served, published: Path, cache: Path, content: str, message: str
) -> None:
    (published / "corpus.json").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        open_corpus(served.url)
    assert str(caught.value).startswith(f"{served.url}/corpus.json")
    assert not cache.exists()


def test_a_header_of_another_checksum(served: Served, published: Path, cache: Path) -> None:
    content = json.loads((published / "corpus.json").read_text())
    (published / "corpus.json").write_text(json.dumps({**content, "note": "another"}))
    with pytest.raises(UserError, match="checksum does not match; have it published again"):
        open_corpus(served.url)
    assert not cache.exists()


def test_a_shard_stays_in_its_folder(served: Served, published: Path, cache: Path) -> None:
    first, second = json.loads((published / "corpus.json").read_text())["shards"]
    sign(published, shards=[first, {**second, "file": "../../escaped"}])
    with pytest.raises(UserError, match="have it published again"):
        open_corpus(served.url)


def test_a_copy_that_is_damaged_later_is_mended(served: Served, cache: Path) -> None:
    corpus = open_corpus(served.url)
    frames = corpus.frames(3).copy()
    flip_bit(corpus.path / SECOND)
    (corpus.path / "corpus.json").write_text("{")
    served.asked.clear()
    assert (open_corpus(served.url).frames(3) == frames).all()
    assert served.asked == ["corpus.json", SECOND]


def test_what_is_published_anew_is_another_corpus(served: Served, published: Path) -> None:
    before = open_corpus(served.url)
    sign(published, note="mended")
    after = open_corpus(served.url)
    assert before.key != after.key
    assert after.header.note == "mended"
    assert before.header.note == ""


def test_a_full_disk(tmp_path: Path, home: Path) -> None:
    published = tmp_path / "large"
    source = Source(reader="test", path="")
    with writing(
        published, features=FeatureSpec(kind="other", dim=3), classes=(), source=source
    ) as out:
        out.add("u", np.zeros((5000, 3)), part="train")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # The header has room and the shard not: a limit on files ends a write as a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(UserError, match=r"cannot write .*shard-.*: File too large"):
            open_corpus(f"file://{published}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert shards_in(home / "fetched") == set()
    open_corpus(f"file://{published}")


# Several processes.


def start(program: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, url]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(bossline.__file__).parents[1])},
    )


def until_stalled(served: Served, process: subprocess.Popen[str]) -> None:
    while not served.stalled.wait(0.02):
        assert process.poll() is None


def test_of_two_processes_one_fetches(served: Served, published: Path) -> None:
    served.faults[SHARD] = "stalled"
    one = start(OPEN, served.url)
    until_stalled(served, one)
    other = start(OPEN, served.url)
    while served.asked.count("corpus.json") < 2:
        assert other.poll() is None
    served.going_on.set()
    key = Corpus(published).key
    assert [process.communicate(timeout=60)[0].strip() for process in (one, other)] == [key, key]
    assert served.asked.count(SHARD) == served.asked.count(SECOND) == 1


def test_a_download_that_is_killed(served: Served, cache: Path) -> None:
    served.faults[SECOND] = "stalled"
    process = start(OPEN, served.url)
    until_stalled(served, process)
    process.kill()
    process.communicate(timeout=60)
    assert SECOND not in shards_in(cache)
    served.faults.clear()
    served.asked.clear()
    open_corpus(served.url)
    assert served.asked == ["corpus.json", SECOND]
    assert shards_in(cache) == {SHARD, SECOND}


# The bound.


def publish(digit: int) -> str:
    """A corpus of one shard behind a URL; all are of one size."""
    folder = Path(os.environ["BOSSLINE_HOME"]).parent / f"published-{digit}"
    if not folder.exists():
        write_kind(folder, "speech")
        sign(folder, note=f"{digit}")
    return f"file://{folder}"


def kept(cache: Path) -> set[str]:
    """Notes of the corpora in the cache."""
    found = (json.loads(path.read_text())["note"] for path in cache.glob("*/corpus.json"))
    return set(found)


def size_of_one(cache: Path) -> int:
    corpus = open_corpus(publish(0))
    size = sum(path.stat().st_size for path in corpus.path.iterdir())
    del corpus
    gc.collect()
    shutil.rmtree(cache)
    return size


def test_the_least_recently_used_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is to come is counted by its shards: 3 have room, and 4 not.
    monkeypatch.setenv(fetched.BOUND, str(3.5 * size_of_one(cache) / 1e9))
    expected: OrderedDict[str, None] = OrderedDict()
    for digit in np.random.default_rng(0).integers(0, 5, 30):
        open_corpus(publish(digit))
        expected[str(digit)] = None
        expected.move_to_end(str(digit))
        while len(expected) > 3:
            expected.popitem(last=False)
        assert kept(cache) == set(expected)


def test_what_is_in_use_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetched.BOUND, str(2.5 * size_of_one(cache) / 1e9))
    first = open_corpus(publish(1))
    frames = first.frames(0)
    for digit in (2, 3):
        open_corpus(publish(digit))
    assert kept(cache) == {"1", "3"}
    second = open_corpus(publish(3))
    with pytest.raises(UserError, match=r"no room for .* beside the corpora that are in use: let"):
        open_corpus(publish(4))
    assert kept(cache) >= {"1", "3"}
    first.verify()
    second.verify()
    del first
    gc.collect()
    open_corpus(publish(4))
    assert "1" not in kept(cache)
    assert frames.size  # a view of what is gone can be read still
    assert np.isfinite(frames).all()


def test_what_another_process_uses_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetched.BOUND, str(1.5 * size_of_one(cache) / 1e9))
    with start(HOLD, publish(1)) as process:
        assert process.stdout is not None
        assert len(process.stdout.readline()) == 65
        with pytest.raises(UserError, match="in use"):
            open_corpus(publish(2))
        process.communicate("")
    open_corpus(publish(2))
    assert kept(cache) == {"2"}


def test_a_corpus_that_is_larger_than_the_cache(
    served: Served, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(fetched.BOUND, "0.0000001")
    with pytest.raises(UserError, match=r"the corpus takes .* GB: .* BOSSLINE_CACHE_GB, which is"):
        open_corpus(served.url)
    assert served.asked == ["corpus.json"]


@pytest.mark.parametrize("said", ["much", "-1", "nan", "1e300"])
def test_a_bound_that_is_none(said: str, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetched.BOUND, said)
    with pytest.raises(UserError, match=f"BOSSLINE_CACHE_GB={said}: expected a number of giga"):
        open_corpus(served.url)


def test_a_cache_that_cannot_be_written(served: Served, cache: Path) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file")
    with pytest.raises(UserError, match="cannot write"):
        open_fetched(served.url, cache)
