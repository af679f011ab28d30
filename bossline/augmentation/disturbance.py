"""Other voices, rooms, noises and channels for utterances of which only cepstra are left.

Thirteen cepstra give a smooth mel spectrum back: the cosine transform is orthonormal, and what was
cut off is its fine structure. There noise adds up as power, a room smears power over time, a
channel has no high bands and another throat shifts them; then the cepstra, their deltas and the
normalisation are computed again. An utterance that is left alone comes out as it was.

Normalised features do not tell how wide and where they were, so those of ordinary recordings stand
in, which bends the spectrum a little; deltas along the coefficients do tell how wide.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from pydantic import Field, model_validator
from torch import Generator, Tensor
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.core.ranks import uniform
from bossline.data.features.mfcc import CEPSTRA, LIFTER, LOWEST_HZ, MEL_BINS
from bossline.data.features.spec import FeatureSpec

_NYQUIST = 8000.0
# Kaldi's cepstra of read sentences from a desk, samples in -1..1: means and spreads over time.
_MEANS = (-25.1, -5.2, 1.3, -1.4, -11.0, -8.1, -9.0, -6.3, -8.9, -2.9, -4.0, -5.9, -3.9)
_SPREADS = (13.4, 13.9, 12.5, 14.6, 14.9, 14.6, 14.1, 13.4, 13.0, 12.2, 12.1, 11.4, 10.0)
_TAIL = 40  # frames that a room rings at most
_ECHOES = 4  # voices of a babble
_FLOOR = 8.0  # nepers by which what a channel cuts off lies below the rest


class Disturbance(Config):
    """Each utterance is left alone, or disturbed in some of these ways."""

    share: float = Field(0.7, ge=0, le=1, description="of utterances that are disturbed at all")
    noise: float = Field(0.7, ge=0, le=1, description="probability of noise, hum to hiss or babble")
    quietest: float = Field(30.0, description="signal to noise in dB, where there is least noise")
    loudest: float = Field(0.0, description="signal to noise in dB, where there is most")
    room: float = Field(0.4, ge=0, le=1, description="probability of a room that rings")
    longest: float = Field(0.7, gt=0, le=2, description="seconds until a room is quiet, -60 dB")
    channel: float = Field(0.2, ge=0, le=1, description="probability that high bands are cut off")
    lowest: float = Field(3400.0, gt=1000, lt=_NYQUIST, description="Hz, where the cut may begin")
    voice: float = Field(0.1, ge=0, le=0.3, description="most that the mel axis is stretched by")

    @model_validator(mode="after")
    def _in_order(self) -> Disturbance:
        if self.quietest < self.loudest:
            raise ValueError("quietest: expected a signal to noise above that of loudest")
        return self

    def __call__(self, batch: Padded, features: FeatureSpec, generator: Generator) -> Padded:
        """Disturbed copies of utterances, of the same lengths.

        Args:
            batch: utterances of 13 MFCC under CMVN, with or without deltas.
            features: what their frames are.
            generator: of the batch's device; all chance comes from it.

        Raises:
            UserError: other features.
        """
        check(features)
        frames, real = batch.frames, batch.mask.unsqueeze(2)
        statics = frames[..., :CEPSTRA].float()
        spectrum = self._shifted(_log_mel(statics, _spreads(batch, features)), generator)
        power = spectrum.exp() * real
        power = self._in_room(power, generator)
        power = power + self._noise(power, batch, generator)
        spectrum = self._band_limited(power.clamp_min(1e-12).log(), generator)
        found = _features(_cepstra(spectrum), features, batch)
        chosen = uniform(torch.Size((len(frames), 1, 1)), generator, frames.device) < self.share
        return batch.with_frames(torch.where(chosen & real, found.to(frames.dtype), frames))

    def _shifted(self, spectrum: Tensor, generator: Generator) -> Tensor:
        """As of a longer or shorter vocal tract: (B, T, M) read at stretched places."""
        size = spectrum.shape[0]
        draws = uniform(torch.Size((size, 1)), generator, spectrum.device)
        stretch = 1 + self.voice * (2 * draws - 1)
        places = torch.arange(MEL_BINS, device=spectrum.device) * stretch
        places = places.clamp(max=MEL_BINS - 1)
        before = places.floor().long().clamp(max=MEL_BINS - 2)
        share = (places - before).unsqueeze(1)
        index = before.unsqueeze(1).expand_as(spectrum)
        return torch.lerp(spectrum.gather(2, index), spectrum.gather(2, index + 1), share)

    def _in_room(self, power: Tensor, generator: Generator) -> Tensor:
        """Each band rings: power that falls exponentially after the direct sound."""
        size = len(power)
        draws = uniform(torch.Size((size, 3)), generator, power.device)
        seconds = 0.1 + draws[:, :1] * max(self.longest - 0.1, 0.0)
        steps = torch.arange(_TAIL, device=power.device)
        tail = torch.exp(-math.log(1e6) * 0.01 * steps / seconds)
        tail = tail / tail[:, 1:].sum(1, keepdim=True)
        ringing = 0.1 + 0.9 * draws[:, 1:2]  # beside a direct sound of 1
        tail = torch.cat((torch.ones_like(ringing), ringing * tail[:, 1:]), 1)
        tail = torch.where(draws[:, 2:] < self.room, tail, (steps == 0).to(tail.dtype))
        padded = functional.pad(power.permute(2, 0, 1), (_TAIL - 1, 0))
        rung = functional.conv1d(padded, tail.flip(1).unsqueeze(1), groups=size)
        return rung.permute(1, 2, 0)

    def _noise(self, power: Tensor, batch: Padded, generator: Generator) -> Tensor:
        """(B, T, M) of noise: steady with a random colour, or the utterance's own babble."""
        size, length, _ = power.shape
        device = power.device
        draws = uniform(torch.Size((size, 8 + _ECHOES)), generator, device)
        # Bands widen and Kaldi lifts the high ones: white noise rises by 8 nepers, brown falls.
        tilt = (9 * draws[:, :1] - 1) * torch.linspace(0, 1, MEL_BINS, device=device)
        bumps = 6 * (draws[:, 1:3] - 0.5) @ _cosines(device)[2:4]
        steady = (tilt + bumps).exp().unsqueeze(1).expand_as(power)
        lengths = batch.lengths.unsqueeze(1)
        steps = torch.arange(length, device=device)
        babble = torch.zeros_like(power)
        for echo in range(_ECHOES):  # the utterance backwards from several of its frames
            start = (draws[:, 8 + echo : 9 + echo] * lengths).floor().long()
            places = (start - steps).remainder(lengths)
            babble = babble + power.gather(1, places.unsqueeze(2).expand_as(power))
        noise = torch.where(draws[:, 3].view(-1, 1, 1) < 0.5, steady, babble)
        ratio = self.loudest + draws[:, 4] * (self.quietest - self.loudest)
        real = batch.mask.unsqueeze(2)
        loud, level = power.sum((1, 2)), (noise * real).sum((1, 2))
        gain = loud / level.clamp_min(1e-12) * 10 ** (-ratio / 10)
        gain = torch.where(draws[:, 5] < self.noise, gain, torch.zeros_like(gain))
        return noise * real * gain.view(-1, 1, 1)

    def _band_limited(self, spectrum: Tensor, generator: Generator) -> Tensor:
        """Bands above a random one far below the rest."""
        draws = uniform(torch.Size((spectrum.shape[0], 2)), generator, spectrum.device)
        lowest = _band(self.lowest)
        cut = lowest + draws[:, :1] * (MEL_BINS - 1 - lowest)
        cut = torch.where(draws[:, 1:] < self.channel, cut, torch.full_like(cut, MEL_BINS))
        above = torch.arange(MEL_BINS, device=spectrum.device) > cut
        floor = spectrum.amin((1, 2), keepdim=True) - 1
        lowered = torch.maximum(spectrum - _FLOOR, floor)
        return torch.where(above.unsqueeze(1), lowered, spectrum)


def check(features: FeatureSpec) -> None:
    """
    Raises:
        UserError: features that give no spectrum back.
    """
    dim = CEPSTRA * features.blocks
    if (features.kind, features.dim, features.normalisation) != ("mfcc", dim, "utterance"):
        raise UserError(
            f"augment.disturbance works on {CEPSTRA} MFCC under CMVN, with or without deltas; "
            f"these features are: {features.describe()}"
        )


def _band(hertz: float) -> float:
    """The place of a frequency among the bands, which are even in mel."""

    def mel(f: float) -> float:
        return 1127 * math.log1p(f / 700)

    width = (mel(_NYQUIST) - mel(LOWEST_HZ)) / (MEL_BINS + 1)
    return (mel(hertz) - mel(LOWEST_HZ)) / width - 1


@cache
def _cosines(device: torch.device) -> Tensor:
    """(13, 23): the orthonormal cosine transform of Kaldi's MFCC."""
    bands = (torch.arange(MEL_BINS, dtype=torch.float64) + 0.5) / MEL_BINS
    rows = torch.cos(math.pi * torch.arange(CEPSTRA).unsqueeze(1) * bands)
    rows *= math.sqrt(2 / MEL_BINS)
    rows[0] /= math.sqrt(2)
    return rows.float().to(device)


@cache
def _lifter(device: torch.device) -> Tensor:
    steps = torch.arange(CEPSTRA, dtype=torch.float64)
    return (1 + LIFTER / 2 * torch.sin(math.pi * steps / LIFTER)).float().to(device)


def _spreads(batch: Padded, features: FeatureSpec) -> Tensor:
    """(13,) of ordinary recordings; (B, 1, 13) where the deltas tell what they were.

    A slope along the coefficients is a sum of cepstra as wide as they were, so its regression on
    the normalised ones has the ratios of their spreads.
    """
    ordinary = torch.tensor(_SPREADS, device=batch.frames.device)
    if features.deltas != "coefficient":
        return ordinary
    frames = (batch.frames * batch.mask.unsqueeze(2)).double()
    statics, slopes = frames[..., :CEPSTRA], frames[..., CEPSTRA : 2 * CEPSTRA]
    squares = statics.transpose(1, 2) @ statics
    weights = torch.linalg.solve_ex(squares, statics.transpose(1, 2) @ slopes).result
    # The first slope is that of x0, x0, x0, x1, x2; others of neighbours, by -2, -1, 1 and 2.
    first = -3 * weights[:, 1, :1] / weights[:, 0, :1]
    nearer = weights.diagonal(-1, 1, 2)[:, :-1]
    further = weights.diagonal(-2, 1, 2)
    ratios = torch.cat((first, further / nearer / 2), 1).float()
    usual = ordinary[1:] / ordinary[:-1]
    sound = (ratios > 0.2) & (ratios < 5)  # not of silence, or of very few frames
    ratios = torch.where(sound, ratios, usual)
    relative = torch.cat((torch.ones_like(ratios[:, :1]), ratios.cumprod(1)), 1)
    scale = ordinary.mean() / relative.mean(1, keepdim=True)
    return (relative * scale).unsqueeze(1)


def _log_mel(statics: Tensor, spreads: Tensor) -> Tensor:
    """(B, T, 13) normalised cepstra as (B, T, 23) nepers."""
    device = statics.device
    means = torch.tensor(_MEANS, device=device)
    return ((statics * spreads + means) / _lifter(device)) @ _cosines(device)


def _cepstra(spectrum: Tensor) -> Tensor:
    return spectrum @ _cosines(spectrum.device).T * _lifter(spectrum.device)


def _features(cepstra: Tensor, features: FeatureSpec, batch: Padded) -> Tensor:
    """Deltas and CMVN as the features have them."""
    last = (batch.lengths - 1).view(-1, 1, 1)
    match features.deltas:
        case "time":
            # Beyond an utterance's end its last frame is repeated, as where it is alone.
            steps = torch.arange(cepstra.shape[1], device=cepstra.device).view(1, -1, 1)
            held = cepstra.gather(1, steps.minimum(last).expand_as(cepstra))
            first = _slopes(held.transpose(1, 2)).transpose(1, 2)
            first = first.gather(1, steps.minimum(last).expand_as(first))
            frames = torch.cat((cepstra, first, _slopes(first.transpose(1, 2)).transpose(1, 2)), 2)
        case "coefficient":
            first = _slopes(cepstra)
            frames = torch.cat((cepstra, first, _slopes(first)), 2)
        case _:
            frames = cepstra
    real = batch.mask.unsqueeze(2)
    count = batch.lengths.view(-1, 1, 1)
    mean = (frames * real).sum(1, keepdim=True) / count
    centred = (frames - mean) * real
    variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp_min(1)
    return centred / (variance.sqrt() + 1e-10)


def _slopes(x: Tensor) -> Tensor:
    """Regression over five neighbours along the last axis, its ends repeated."""
    padded = functional.pad(x, (2, 2), mode="replicate")
    size = x.shape[-1]
    ahead, behind = (padded.narrow(-1, 2 + k, size) for k in (1, -1))
    further, before = (padded.narrow(-1, 2 + k, size) for k in (2, -2))
    return (ahead - behind + 2 * (further - before)) / 10
