"""The eSpeak NG speech synthesiser through its C interface: audio, and where each phoneme begins.

eSpeak NG is GPL-3 software. It is no part of bossline; the synth extra brings its library as a
wheel, and it is loaded here, at run time.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError

SAMPLE_RATE = 22_050

# From eSpeak's speak_lib.h.
_SYNCHRONOUS = 2  # espeak_Synth returns when all audio has been handed to the callback
_PHONEME_EVENTS = 0x0001
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_BY_CHARACTER = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_LIST_TERMINATED, _PHONEME = 0, 7
_NAME_BYTES = 8


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_ubyte * _NAME_BYTES),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds, cut off; `sample` is exact
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Speech:
    """What eSpeak said.

    Attributes:
        audio: (samples,) int16 at SAMPLE_RATE.
        phonemes: first sample and eSpeak mnemonic (stress marks included) of each phoneme.
    """

    audio: npt.NDArray[np.int16]
    phonemes: list[tuple[int, str]]


def _unload(library: ctypes.CDLL) -> None:
    import _ctypes

    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)


@contextmanager
def _fresh_engine() -> Iterator[Any]:
    """Load the library anew (0.6 ms).

    Its random flutter of the pitch and its echo live in static variables that neither a seed nor
    espeak_Terminate resets; only in a fresh copy is an utterance independent of those before it.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise UserError(
            "synthetic speech needs the synth extra: pip install 'bossline[synth]'"
        ) from error
    try:
        library = ctypes.CDLL(os.fspath(espeakng_loader.get_library_path()))
    except OSError as error:
        raise UserError(f"eSpeak NG cannot be loaded here: {error}") from error
    try:
        data = os.fsencode(espeakng_loader.get_data_path())
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _DO_NOT_EXIT)
        if rate != SAMPLE_RATE:
            raise UserError(f"eSpeak NG does not start (espeak_Initialize returned {rate})")
        yield library
        library.espeak_Terminate()
    finally:
        _unload(library)


def speak(text: str, voice: str, *, pitch: int, pitch_range: int, rate: int, seed: int) -> Speech:
    """Say a text. Equal arguments give equal samples. Not for several threads at once.

    Args:
        voice: language and variant, such as "en-us+f1".
        pitch: 0..100, 50 is the variant's own.
        pitch_range: 0..100, 50 is the variant's own; 0 is monotonous.
        rate: words per minute, 80..450.
        seed: of eSpeak's own noise.

    Raises:
        UserError: the synth extra is missing or broken, or eSpeak has no such voice.
    """
    blocks: list[bytes] = []
    phonemes: list[tuple[int, str]] = []

    def receive(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            blocks.append(ctypes.string_at(samples, count * 2))  # eSpeak reuses its buffer
        place = 0
        while (event := events[place]).type != _LIST_TERMINATED:
            if event.type == _PHONEME:
                # Cut at the first zero byte: eSpeak leaves old bytes behind it.
                name = bytes(event.id.string).partition(b"\0")[0].decode()
                phonemes.append((event.sample, name))
            place += 1
        return 0

    callback = _Callback(receive)  # a name, so that it lives as long as the call
    with _fresh_engine() as engine:
        if engine.espeak_SetVoiceByName(voice.encode()) != 0:
            raise UserError(f"eSpeak NG has no voice '{voice}'")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            engine.espeak_SetParameter(parameter, value, 0)
        engine.espeak_SetSynthCallback(callback)
        engine.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        content = text.encode()
        engine.espeak_Synth(
            ctypes.c_char_p(content),
            ctypes.c_size_t(len(content) + 1),
            ctypes.c_uint(0),
            ctypes.c_int(_BY_CHARACTER),
            ctypes.c_uint(0),
            ctypes.c_uint(_UTF8),
            None,
            None,
        )
    return Speech(np.frombuffer(b"".join(blocks), np.int16), phonemes)
