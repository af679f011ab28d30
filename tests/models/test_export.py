"""torch.export takes every model, and what it exports answers as the model does."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder
from bossline.models.decoders.transformer import TransformerDecoderConfig
from bossline.models.encoders import EncoderConfig
from bossline.models.pooling import PoolingConfig
from bossline.models.positions import PositionKind
from bossline.models.transcriber import Transcriber
from tests.kinds import MODELS, kinds

ATTENTION = {"width": 8, "heads": 2, "depth": 1}
ENCODERS: dict[str, dict[str, Any]] = {
    "rnn": {"width": 4, "depth": 1, "front": 3, "front_width": 4},
    "tdnn": {"width": 4, "dilations": [1, 2]},
    "ecapa": {"channels": 8, "aggregated": 6, "scale": 2},
    "transformer": ATTENTION,
    "conformer": {**ATTENTION, "kernel": 3},
    "smoother": ATTENTION,
    "subsample": {"channels": 2, "blocks": 1, "encoder": {"kind": "tdnn", "dilations": [1]}},
}
POOLINGS = [
    "mean", "statistics", "self-attention", "multi-head", "attentive-statistics", "correlation",
]  # fmt: skip
STAGES = {"widths": [4, 8], "blocks": [1, 1]}
IMAGES: dict[str, dict[str, Any]] = {
    "cnn": {"width": 4, "depth": 2, "hidden": [6]},
    "resnet": STAGES,
    "convnext": STAGES,
}
VECTORS = ["mlp", "logistic", "naive-bayes", "lda", "qda", "logistic-lbfgs", "window-tagger"]
TABLES = ["regressor", "ridge", "multilevel"]
VOICES: dict[str, dict[str, Any]] = {
    "speaker-lda": {"components": 2},
    "committee": {
        "members": [
            {"kind": "speaker-lda"},
            {"kind": "speaker", "encoder": {"kind": "tdnn", "dilations": [1]}},
        ]
    },
}
CONFIGS: dict[str, dict[str, Any]] = {
    "regressor": {"network": {"kind": "mlp"}},
    "window-tagger": {"frames": 3, "encoder": {"kind": "tdnn", "dilations": [1]}},
}
DIM = 12


def built(kind: str, config: dict[str, Any], inputs: int = DIM, outputs: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[kind].model_validate(config).build(inputs, outputs).eval()


class OfPadded(nn.Module):
    """A model of utterances as a function of tensors."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        batch = Padded.of(frames, lengths)
        answer: Tensor = self.model(batch)
        # What a tagger answers in the padding means nothing.
        return answer if answer.dim() == 2 else answer * batch.mask.unsqueeze(2)


class OfSteps(nn.Module):
    """A transcriber's logits of CTC as a function of tensors."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        assert isinstance(self.model, Transcriber)
        encoded = self.model(Padded.of(frames, lengths))
        logits: Tensor = self.model.ctc_logits(encoded) * encoded.mask.unsqueeze(2)
        return logits


class OfStrings(nn.Module):
    """A decoder as a function of tensors."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
        logits: Tensor = self.decoder(tokens, Padded.of(frames, lengths))
        return logits


SHORT = torch.randn(3, 13, DIM), torch.tensor([13, 9, 11])
LONG = torch.randn(4, 20, DIM), torch.tensor([8, 20, 20, 15])
BEYOND = torch.randn(2, 16, DIM), torch.tensor([12, 15])  # no utterance fills the frames
FULL = torch.randn(2, 16, DIM), torch.tensor([16, 16])
ANY_LENGTH = {0: Dim.AUTO, 1: Dim.AUTO}, {0: Dim.AUTO}


def same(exported: Any, model: nn.Module, *inputs: Tensor) -> None:
    with torch.no_grad():
        torch.testing.assert_close(exported.module()(*inputs), model(*inputs), rtol=1e-4, atol=1e-5)


def test_every_registered_part_is_exported() -> None:
    assert kinds(EncoderConfig) == ENCODERS.keys()
    assert kinds(PoolingConfig) == set(POOLINGS)
    utterances = {"tagger", "speaker", "transcriber", *VOICES}
    assert MODELS.keys() == {*VECTORS, *TABLES, *IMAGES, *utterances}


def any_length(model: nn.Module) -> None:
    whole = OfSteps(model) if isinstance(model, Transcriber) else OfPadded(model)
    exported = export(whole, SHORT, dynamic_shapes=ANY_LENGTH)
    for batch in (SHORT, LONG, BEYOND, FULL):
        same(exported, whole, *batch)


@pytest.mark.parametrize(
    ("kind", "frame_stack"),
    [("tdnn", 1), *((kind, 2) for kind in ENCODERS if kind not in ("rnn", "subsample"))],
)
def test_taggers_for_any_length(kind: str, frame_stack: int) -> None:
    encoder = {"kind": kind, **ENCODERS[kind]}
    any_length(
        built("tagger", {"encoder": encoder, "frame_stack": frame_stack, "shifts": frame_stack})
    )


def test_transcribers_for_any_length() -> None:
    any_length(built("transcriber", {"encoder": {"kind": "tdnn"}, "frame_stack": 2}))


@pytest.mark.parametrize("positions", get_args(PositionKind)[1:])
def test_positions_for_any_length(positions: str) -> None:
    any_length(
        built("tagger", {"encoder": {"kind": "transformer", **ATTENTION, "positions": positions}})
    )


@pytest.mark.parametrize("positions", ["rotary", "relative"])
def test_decoders_for_any_length(positions: PositionKind) -> None:
    """As one function of symbols, frames and lengths; an LSTM's loop is as long as its example."""
    torch.manual_seed(0)
    config = TransformerDecoderConfig(width=8, heads=2, depth=1, positions=positions)
    decoder = OfStrings(config.build(DIM, 5).eval())
    example = torch.randint(5, (3, 6)), *SHORT
    exported = export(decoder, example, dynamic_shapes=({0: Dim.AUTO, 1: Dim.AUTO}, *ANY_LENGTH))
    same(exported, decoder, *example)
    same(exported, decoder, torch.randint(5, (4, 9)), *LONG)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_for_any_length(pooling: str) -> None:
    encoder = {"kind": "tdnn", **ENCODERS["tdnn"]}
    any_length(
        built("speaker", {"encoder": encoder, "frame_stack": 2, "pooling": {"kind": pooling}})
    )


def test_subsampling_for_any_length() -> None:
    any_length(built("speaker", {"encoder": {"kind": "subsample", **ENCODERS["subsample"]}}))


@pytest.mark.parametrize("kind", VOICES)
def test_voices_for_any_length(kind: str) -> None:
    any_length(built(kind, VOICES[kind]))


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # weights that torch flattens
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_recurrent_taggers_for_one_length_of_frames_each(cell: str) -> None:
    """Torch exports a recurrence step by step, so of as many steps as its example has."""
    encoder = {"kind": "rnn", **ENCODERS["rnn"], "cell": cell}
    whole = OfPadded(built("tagger", {"encoder": encoder, "frame_stack": 2}))
    for batch in (SHORT, LONG):
        exported = export(whole, batch, dynamic_shapes=({0: Dim.AUTO},) * 2)
        same(exported, whole, *batch)
        frames, lengths = (part[:2] for part in batch)
        same(exported, whole, frames, lengths.clamp_max(frames.shape[1] - 2))


@pytest.mark.parametrize("kind", [*VECTORS, *TABLES])
def test_windows_and_rows(kind: str) -> None:
    config = CONFIGS.get(kind, {})
    model = built(kind, config, outputs=1 if kind in TABLES else 3)
    exported = export(model, (torch.randn(3, DIM),), dynamic_shapes=({0: Dim.AUTO},))
    for count in (2, 7):
        same(exported, model, torch.randn(count, DIM))


@pytest.mark.parametrize("kind", IMAGES)
def test_images_of_two_sides(kind: str) -> None:
    model = built(kind, IMAGES[kind], inputs=3)
    for side in (32, 48):
        shapes = ({0: Dim.AUTO},)
        exported = export(model, (torch.rand(3, 3, side, side),), dynamic_shapes=shapes)
        same(exported, model, torch.rand(5, 3, side, side))
