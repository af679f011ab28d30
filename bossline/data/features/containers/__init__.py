"""Is a recording all there? What its container declares, held against the bytes of the file.

libsndfile takes what it finds: of a recording that was cut short the rest, without a word. FLAC it
holds against checksums by itself.
"""

from __future__ import annotations

from typing import BinaryIO

from bossline.core.errors import UserError
from bossline.data.features.containers import chunks, headers, mpeg, ogg, wav
from bossline.data.features.containers.cut import Undecodable, size_of
from bossline.data.features.containers.spliced import Spliced

_CONTAINERS = (
    (b"RIFF", wav.checked),
    (b"RIFX", wav.checked),
    (b"RF64", wav.checked),
    (chunks.W64, chunks.check_w64),
    (b"FORM", chunks.check_aiff),
    (b"caff", chunks.check_caf),
    (b".snd", headers.check_au),
    (b"dns.", headers.check_au),
    (b"NIST_1A", headers.check_sphere),
    (b"OggS", ogg.check_ogg),
)
_FOREIGN = (
    (4, b"ftyp", "MPEG-4"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    (0, b"#!AMR", "AMR"),
    (0, b"ajkg", "Shorten"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"ADIF", "AAC"),
)


def checked(stream: BinaryIO) -> BinaryIO | Spliced:
    """What is to be decoded: the stream, or what takes its place where libsndfile would stumble.

    Args:
        stream: of a whole file.

    Raises:
        Undecodable: the container is one of those that libsndfile does not read.
        UserError: no audio, cut short or damaged; a phrase without the file's name.
    """
    head = stream.read(16)
    if not head:
        raise UserError("not readable as audio: the file is empty")
    stream.seek(0)
    for magic, check in _CONTAINERS:
        if head.startswith(magic):
            decoded: BinaryIO | Spliced = check(stream) or stream
            decoded.seek(0)
            return decoded
    for place, magic, name in _FOREIGN:
        if head[place:].startswith(magic):
            raise Undecodable(f"{name} audio is not read here")
    start = mpeg.after_id3(stream)
    stream.seek(start)
    if stream.read(4) == b"fLaC":
        stream.seek(0)
        return stream
    if (first := mpeg.find(stream, start, size_of(stream))) is None:
        raise UserError(
            "not readable as audio: no WAV, FLAC, Ogg, MP3, AIFF, AU, CAF, W64 or SPHERE file"
        )
    return mpeg.checked(stream, first)
