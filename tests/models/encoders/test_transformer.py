from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.encoders.transformer import TransformerConfig


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(
    ("inner", "units"), [({"feed_forward": 3}, 36), ({"feed_forward_units": 31}, 31)]
)
def test_it_is_torchs_encoder_where_there_are_no_positions(
    norm: Any, inner: dict[str, int], units: int
) -> None:
    torch.manual_seed(0)
    given = {"depth": 2, "width": 12, "heads": 2, "positions": "none", "norm": norm}
    config = TransformerConfig.model_validate(given | inner)
    ours: Any = config.build(5).eval()
    theirs: Any = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(
            12, 2, units, activation="gelu", batch_first=True, norm_first=norm == "pre"
        ),
        num_layers=2,
        norm=nn.LayerNorm(12) if norm == "pre" else None,
        enable_nested_tensor=False,
    ).eval()
    for layer, reference in zip(ours.layers, theirs.layers, strict=True):
        for parameter in layer.parameters():
            parameter.data += torch.randn_like(parameter) * 0.1
        pairs = {
            "self_attn.in_proj_": layer.attention.queries_keys_values,
            "self_attn.out_proj.": layer.attention.output,
            "linear1.": layer.feed_forward.layers[1],
            "linear2.": layer.feed_forward.layers[4],
            "norm1.": layer.norm,
            "norm2.": layer.feed_forward.layers[0] if norm == "pre" else layer.last_norm,
        }
        reference.load_state_dict(
            {
                f"{name}{part}": getattr(module, part)
                for name, module in pairs.items()
                for part in ("weight", "bias")
            }
        )
    batch = Padded.of(torch.randn(2, 9, 5), torch.tensor([9, 4]))
    expected = theirs(ours.project(batch.frames), src_key_padding_mask=~batch.mask)
    torch.testing.assert_close(ours(batch).joined(), expected[batch.mask], atol=1e-5, rtol=1e-5)
