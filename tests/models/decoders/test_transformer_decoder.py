from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.decoders.transformer import TransformerDecoderConfig


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_it_is_torchs_decoder_where_there_are_no_positions(norm: Any) -> None:
    torch.manual_seed(0)
    width, inner = 12, 36
    config = TransformerDecoderConfig(
        depth=2, width=width, heads=2, feed_forward=3, positions="none", norm=norm, dropout=0.5
    )
    ours: Any = config.build(width, 5).eval()
    theirs: Any = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(
            width, 2, inner, activation="gelu", batch_first=True, norm_first=norm == "pre"
        ),
        num_layers=2,
        norm=nn.LayerNorm(width) if norm == "pre" else None,
    ).eval()
    for layer, reference in zip(ours.layers, theirs.layers, strict=True):
        for parameter in layer.parameters():
            parameter.data += torch.randn_like(parameter) * 0.1
        queries, keys_values = layer.cross.queries, layer.cross.keys_values
        pairs = {
            "self_attn.in_proj_": layer.attention.queries_keys_values,
            "self_attn.out_proj.": layer.attention.output,
            "multihead_attn.out_proj.": layer.cross.output,
            "linear1.": layer.feed_forward.layers[1],
            "linear2.": layer.feed_forward.layers[4],
            "norm1.": layer.first.norm,
            "norm2.": layer.second.norm,
            "norm3.": layer.last.norm,
        }
        state = {
            f"{name}{part}": getattr(layer, part)
            for name, layer in pairs.items()
            for part in ("weight", "bias")
        }
        for part in ("weight", "bias"):
            both = torch.cat((getattr(queries, part), getattr(keys_values, part)))
            state[f"multihead_attn.in_proj_{part}"] = both
        reference.load_state_dict(state)
    lengths = torch.tensor([9, 4])
    memory = Padded.of(torch.randn(2, 9, width), lengths)
    tokens = torch.tensor([[0, 1, 2, 3], [0, 4, 4, 1]])
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    decoded = theirs(
        ours.embed(tokens),
        memory.frames,
        tgt_mask=mask,
        tgt_is_causal=True,
        memory_key_padding_mask=~memory.mask,
    )
    torch.testing.assert_close(ours(tokens, memory), ours.output(decoded), atol=1e-5, rtol=1e-5)


def test_frames_are_kept_once_an_utterance() -> None:
    decoder = TransformerDecoderConfig(depth=1, width=8, heads=2).build(6, 5)
    memory = Padded.of(torch.randn(3, 7, 6), torch.tensor([7, 5, 2]))
    state: Any = decoder.start(memory, beam=4)
    assert [frames.shape for frames in state.frames] == [(3, 2, 2, 7, 4)]
