"""TextGrids as they come: what Praat reads is read, what is wrong is put right and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier, Point, PointTier

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
2
"IntervalTier"
"phones"
0
1.5
3
0
0.25
""
0.25
0.75
"AH0"
0.75
1.5
"say ""hi""
again"
"TextTier"
"clicks"
0
1.5
1
0.5
"ʘ"
"""
PHONES = IntervalTier(
    "phones",
    (Interval(0, 0.25, ""), Interval(0.25, 0.75, "AH0"), Interval(0.75, 1.5, 'say "hi"\nagain')),
)
EXPECTED = Alignment(0, 1.5, (PHONES, PointTier("clicks", (Point(0.5, "ʘ"),))))

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = ""
        intervals [2]
            xmin = 0.25
            xmax = 0.75
            text = "AH0"
        intervals [3]:
            xmin = 0.75
            xmax = 1.5
            text = "say ""hi""
again"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 1.5
        points: size = 1
        points [1]:
            number = 0.5
            mark = "ʘ"
"""


def reading(tmp_path: Path, text: str, encoding: str = "utf-8") -> Alignment:
    path = tmp_path / "a.TextGrid"
    path.write_bytes(text.encode(encoding))
    return alignments.read(path)


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    found = reading(tmp_path, mark + text, encoding)
    assert (found, found.repairs) == (EXPECTED, ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told(tmp_path: Path, encoding: str) -> None:
    found = reading(tmp_path, LONG, encoding)
    assert found == EXPECTED
    assert "no byte order mark: read as UTF-16" in found.repairs[0]


@pytest.mark.parametrize("sign", ["é", "\x81"], ids=["of Windows", "of none"])
def test_latin_1_is_told(tmp_path: Path, sign: str) -> None:
    found = reading(tmp_path, SHORT.replace("ʘ", sign), "latin-1")
    assert found.tiers[1] == PointTier("clicks", (Point(0.5, "é" if sign == "é" else "\ufffd"),))
    assert found.repairs[0].endswith("a.TextGrid: not UTF-8, first in line 29: read as Latin-1")


@pytest.mark.parametrize(
    "text",
    [
        LONG.replace("\n", "\r\n"),
        LONG.replace("\n", "\r"),
        SHORT.replace("ooTextFile", "ooTextFile short"),
        SHORT.replace("\n1.5\n", '\n1.5 ! the end, "really" 7 <no>\n', 1),
        "! written by hand\n".join(["", LONG]),
        LONG.replace(" = ", "="),
        LONG.replace("\nagain", "<nl>").replace("\n", " ").replace("<nl>", "\nagain"),
    ],
    ids=["crlf", "cr", "short header", "comment", "comment first", "no blanks", "one line"],
)
def test_every_way_of_writing_it(tmp_path: Path, text: str) -> None:
    found = reading(tmp_path, text)
    assert (found, found.repairs) == (EXPECTED, ())


def grid(*rows: tuple[float, float, str], said: int | None = None, names: str = "p") -> str:
    """A short TextGrid from 0 to 1 s, with a tier of these rows for each letter."""
    body = "".join(f'{start}\n{end}\n"{label}"\n' for start, end, label in rows)
    count = len(rows) if said is None else said
    tiers = "".join(f'"IntervalTier"\n"{name}"\n0\n1\n{count}\n{body}' for name in names)
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    return f"{head}0\n1\n<exists>\n{len(names)}\n{tiers}"


REPAIRED = {
    "overlap": (
        grid((0, 0.5, "a"), (0.4, 1, "b")),
        [(0, 0.5, "a"), (0.5, 1, "b")],
        "'b' overlapped the interval before it: now it begins at its end, 0.5 s",
    ),
    "rounding": (
        grid((0, 0.30000000000000004, "a"), (0.3, 1, "b")),
        [(0, 0.30000000000000004, "a"), (0.30000000000000004, 1, "b")],
        "1 pair of edges less than 1 µs apart: made one",
    ),
    "gap": (
        grid((0, 0.3, "a"), (0.4, 1, "b")),
        [(0, 0.3, "a"), (0.3, 0.4, ""), (0.4, 1, "b")],
        "tier 'p', 0.3 s: a gap until 0.4 s: filled with an empty interval",
    ),
    "no length": (
        grid((0, 0.5, "a"), (0.5, 0.5, "b"), (0.5, 1, "c")),
        [(0, 0.5, "a"), (0.5, 1, "c")],
        "tier 'p', 0.5 s: 'b' had no length: left out",
    ),
    "more than it says": (
        grid((0, 0.5, "a"), (0.5, 1, "b"), said=1),
        [(0, 0.5, "a"), (0.5, 1, "b")],
        "tier 'p': says 1 label, 2 follow: all read",
    ),
    "disorder": (
        grid((0.5, 1, "b"), (0, 0.5, "a")),
        [(0, 0.5, "a"), (0.5, 1, "b")],
        "not in order of time: sorted",
    ),
    "empty": (grid(), [(0, 1, "")], "a gap until 1 s: filled with an empty interval"),
    "beyond": (
        grid((0, 0.5, "a"), (0.5, 2, "b")),
        [(0, 0.5, "a"), (0.5, 2, "b")],
        "labels from 0 to 2 s, the file says 0 to 1 s: widened",
    ),
    "control": (
        grid((0, 1, "a\x1b[31m")),
        [(0, 1, "a\ufffd[31m")],
        "control characters in the label",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "sentence"), REPAIRED.values(), ids=REPAIRED)
def test_repairs_are_told(
    tmp_path: Path, text: str, expected: list[tuple[float, float, str]], sentence: str
) -> None:
    found = reading(tmp_path, text)
    assert found.tiers == (IntervalTier("p", tuple(Interval(*row) for row in expected)),)
    assert len(found.repairs) == 1
    assert sentence in found.repairs[0]
    assert found.repairs[0].startswith(f"{tmp_path / 'a.TextGrid'}: ")


def test_fewer_than_it_says_before_another_tier(tmp_path: Path) -> None:
    text = grid((0, 1, "a"), names="pq").replace("\n1\n0\n1\n", "\n3\n0\n1\n", 1)
    found = reading(tmp_path, text)
    assert [tier.name for tier in found.tiers] == ["p", "q"]
    assert "tier 'p': says 3 labels, 1 follows: all read" in found.repairs[0]


def test_tiers_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = reading(tmp_path, grid((0, 1, "a"), names="ppp"))
    assert [tier.name for tier in found.tiers] == ["p", "p_2", "p_3"]
    assert len(found.repairs) == 2


def test_very_many_repairs_are_counted(tmp_path: Path) -> None:
    rows = [(k / 1000, k / 1000, "x") for k in range(1000)]
    found = reading(tmp_path, grid(*rows, (0, 1, "a")))
    assert len(found.repairs) == 101
    assert found.repairs[-1].endswith("and 901 more repairs")  # sorted, too


def test_a_textgrid_without_tiers(tmp_path: Path) -> None:
    head = grid().partition("<")[0]
    assert reading(tmp_path, head + "<absent>\n") == Alignment(0, 1, ())


REFUSED = {
    "cut in a row": (SHORT[: SHORT.index('"AH0"')], "line 17: ends where a label should be"),
    "cut in a string": (SHORT[: SHORT.index("again")], "line 21: a quote that is never closed"),
    "cut between rows": (SHORT[: SHORT.index('0.75\n1.5\n"say')], "ends after 2 of 3 labels"),
    "cut between tiers": (SHORT[: SHORT.index('"TextTier"')], "ends after 1 of 2 tiers"),
    "backwards": (grid((0.5, 0.25, "a")), "line 13: tier 'p': 'a' at 0.5 s ends at 0.25 s, before"),
    "within": (
        grid((0, 1, "a"), (0.25, 0.5, "b")),
        "line 16: tier 'p': 'b' at 0.25 s lies within the interval before it",
    ),
    "comma": (grid((0, 1, "a")).replace("\n1\n<", "\n1,5\n<"), "line 5: '1,5' is no number"),
    "beyond time": (grid((0, 1e300, "a")), "line 14: 1e+300 s is beyond all recordings"),
    "infinite": (grid().replace("\n1\n<", "\n1e999\n<"), "line 5: inf s is beyond"),
    "another class": (SHORT.replace('"TextTier"', '"Spectrum"'), "line 23: 'Spectrum', expected"),
    "another object": (SHORT.replace('"TextGrid"', '"Sound"'), "line 2: a Praat 'Sound'"),
    "another file": ('"hello"\n' + SHORT, "line 1: no TextGrid"),
    "a count of labels": (grid((0, 1, "a")).replace("\n1\n0", "\n1.5\n0"), "expected a count"),
    "chronological": ('"Praat chronological TextGrid text file"\n0 1', "a chronological TextGrid"),
    "binary": ("ooBinaryFile\x08TextGrid", "a binary TextGrid: save it as a text file in Praat"),
    "zeros": (SHORT + "\0" * 3, "line 30: a zero byte: a binary file"),
    "end before start": (grid().replace("0\n1\n<", "5\n1\n<"), "ends at 1 s, before its start, 5"),
    "very many tiers": (grid(names="p" * 1001), "more than 1000 tiers"),
    "empty": ("", "line 1: ends where the type of the file should be"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_put_right_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        reading(tmp_path, text)
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "a.TextGrid"))
    assert "\n" not in str(error.value)


def test_utf_16_cut_within_a_character(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_bytes(SHORT.encode("utf-16")[:-1])
    with pytest.raises(UserError, match="line 29: not UTF-16-LE text"):
        alignments.read(path)
