"""Kaldi's mel-frequency cepstral coefficients, computed by kaldi-native-fbank."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.features.cmvn import cmvn
from bossline.data.features.deltas import COEFFICIENT, TIME, with_deltas
from bossline.data.features.spec import FeatureSpec

CEPSTRA = 13
MEL_BINS = 23
LOWEST_HZ = 20.0
LIFTER = 22.0
_TAKEN = 1 << 16  # samples at a time: as a list of Python numbers they are eight times as big

Samples = npt.NDArray[np.float32]


def _kaldi(spec: FeatureSpec) -> Any:
    try:
        import kaldi_native_fbank
    except ImportError as error:
        raise UserError("MFCC need the audio extra: pip install 'bossline[audio]'") from error
    options = kaldi_native_fbank.MfccOptions()
    options.frame_opts.samp_freq = spec.sample_rate
    options.frame_opts.frame_length_ms = spec.window_ms
    options.frame_opts.frame_shift_ms = spec.hop_ms
    options.frame_opts.window_type = "povey"
    options.frame_opts.snip_edges = True
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = MEL_BINS
    options.mel_opts.low_freq = LOWEST_HZ
    options.mel_opts.high_freq = 0.0  # Kaldi's way to say: up to Nyquist
    options.num_ceps = CEPSTRA
    # C0, not the log energy: by its spread beside C1's, this is what the LibriPhone files hold.
    options.use_energy = False
    options.cepstral_lifter = LIFTER
    return kaldi_native_fbank.OnlineMfcc(options)


def mfcc(sound: Samples | Iterable[Samples], spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """Features of a recording, as `spec` describes them.

    A frame is a Povey window without the mean of its samples, pre-emphasised by 0.97; only whole
    windows count. The scale of the samples stays -1..1, not that of 16-bit integers.

    Args:
        sound: (samples,) in -1..1 at `spec.sample_rate`; or blocks of them.
        spec: kind "mfcc"; dim 13 without deltas, 39 with them.

    Returns:
        (T, dim), T = spec.frame_count(samples).

    Raises:
        UserError: a spec that is none of these, a recording shorter than a window, or the audio
            extra is missing.
    """
    dim = CEPSTRA if spec.deltas == "none" else 3 * CEPSTRA
    if spec.kind != "mfcc" or spec.dim != dim or not spec.hop:
        raise UserError(f"cannot make these features from a recording: {spec.describe()}")
    extractor = _kaldi(spec)
    parts = []
    samples = frames = 0
    for block in [sound] if isinstance(sound, np.ndarray) else sound:
        samples += len(block)
        for start in range(0, len(block), _TAKEN):
            extractor.accept_waveform(spec.sample_rate, block[start : start + _TAKEN].tolist())
            if ready := range(frames, extractor.num_frames_ready):
                parts.append(np.stack([extractor.get_frame(t) for t in ready]))
                extractor.pop(len(ready))
                frames = ready.stop
    if not spec.frame_count(samples):
        raise UserError(
            f"the recording is too short: {samples} samples, a frame takes {spec.window}"
        )
    static = np.concatenate(parts)
    if spec.deltas != "none":
        axis = TIME if spec.deltas == "time" else COEFFICIENT
        static = with_deltas(static, axis)
    return cmvn(static) if spec.normalisation == "utterance" else static
