from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bossline.batches.padded import Padded, Padding
from bossline.models.encoders.layers import frame_stacked
from bossline.models.tagger import TaggerConfig


@pytest.mark.parametrize(("frame_stack", "shifts"), [(1, 1), (2, 1), (4, 1), (2, 2), (4, 3)])
def test_logits_of_a_padded_batch_are_those_of_each_utterance_alone(
    frame_stack: int, shifts: int
) -> None:
    torch.manual_seed(0)
    config = TaggerConfig.model_validate(
        {
            "encoder": {"kind": "rnn", "width": 8, "depth": 2, "front": 3},
            "dropout": 0.5,
            "frame_stack": frame_stack,
            "shifts": shifts,
        }
    )
    model = config.build(5, 4).eval()
    lengths = [3, 9, 1, 6]
    frames = torch.full((4, 9, 5), 1e3)
    pieces = [torch.randn(length, 5) for length in lengths]
    for row, piece in zip(frames, pieces, strict=True):
        row[: len(piece)] = piece
    together = model(Padded.of(frames, torch.tensor(lengths)))
    assert together.shape == (4, 9, 4)
    for found, piece in zip(together, pieces, strict=True):
        (alone,) = model(Padded.of(piece.unsqueeze(0), torch.tensor([len(piece)])))
        np.testing.assert_allclose(found[: len(piece)].detach(), alone.detach(), atol=1e-5)


def test_stacking_puts_neighbours_side_by_side_and_zeros_where_none_are_left() -> None:
    frames = torch.arange(1.0, 13).view(1, 6, 2)
    steps = frame_stacked(Padded.of(frames, torch.tensor([5])), 4)
    assert steps.lengths.tolist() == [2]
    assert steps.frames.tolist() == [
        [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 0, 0, 0, 0, 0, 0]],
    ]


def test_each_stacked_frame_has_its_own_logits_in_its_own_place() -> None:
    torch.manual_seed(0)
    config = TaggerConfig.model_validate({"encoder": {"kind": "rnn", "width": 8}, "frame_stack": 3})
    model = config.build(5, 4).eval()
    frames = torch.randn(1, 8, 5)
    steps = model.encoder(frame_stacked(Padded.of(frames, torch.tensor([8])), 3)).frames[0]
    by_hand = [
        model.output.weight[k * 4 : (k + 1) * 4] @ steps[t] + model.output.bias[k * 4 : (k + 1) * 4]
        for t in range(3)
        for k in range(3)
    ]
    (found,) = model(Padded.of(frames, torch.tensor([8])))
    torch.testing.assert_close(found, torch.stack(by_hand[:8]))


def test_shifts_average_the_log_probabilities_of_delayed_utterances() -> None:
    torch.manual_seed(0)
    given = {"encoder": {"kind": "rnn", "width": 8}, "frame_stack": 3, "shifts": 3}
    model = TaggerConfig.model_validate(given).build(5, 4).eval()
    plain = TaggerConfig.model_validate({**given, "shifts": 1}).build(5, 4).eval()
    plain.load_state_dict(model.state_dict())
    frames = torch.randn(8, 5)
    delayed = [torch.cat((frames[:1].expand(by, 5), frames)) for by in range(3)]
    logits = [plain(Padded.of(x.unsqueeze(0), torch.tensor([len(x)])))[0] for x in delayed]
    expected = sum(x[by:].log_softmax(1) for by, x in enumerate(logits)) / 3
    batch = Padded.of(frames.unsqueeze(0), torch.tensor([8]))
    torch.testing.assert_close(model(batch)[0], expected)

    traced = Padded(batch.frames, Padding(torch.tensor([8]), 8, batch.frames.device, least=1))
    for batch_of in (batch, traced):
        seen = [model.train()(batch_of)[0] for _ in range(30)]
        shifts = [[torch.allclose(x, y[by:]) for by, y in enumerate(logits)] for x in seen]
        assert all(sum(one) == 1 for one in shifts)
        assert all(any(one) for one in zip(*shifts, strict=True))


def test_more_shifts_than_stacked_frames_are_refused() -> None:
    with pytest.raises(ValidationError, match="shifts 3 is more than frame_stack 2"):
        TaggerConfig.model_validate({"encoder": {"kind": "rnn"}, "frame_stack": 2, "shifts": 3})


def test_an_encoder_that_drops_frames_is_refused() -> None:
    encoder = {"kind": "subsample", "encoder": {"kind": "rnn"}}
    with pytest.raises(ValidationError, match="must not subsample"):
        TaggerConfig.model_validate({"encoder": encoder})
