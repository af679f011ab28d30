"""What a model costs: the multiply-accumulates of a forward pass."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bossline.batches.padded import Padded


@torch.no_grad()
def multiply_accumulates(model: nn.Module, inputs: Tensor | Padded) -> int:
    """Those of matrix products, convolutions, recurrences and attention in one forward pass.

    Counted operator by operator as they run, by torch's FlopCounterMode, to which each is two
    operations. What works number by number (norms, activations, sums, gates) is left out; frames of
    padding, and zeros beyond the edges of a convolution, are multiplied and so count.

    Args:
        model: on the CPU, in evaluation mode.
        inputs: what the model takes.
    """
    # Plain products in attention, since the counter has no formula for the fused kernel of a CPU.
    with (
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(
            display=False,
            custom_mapping={
                torch.ops.aten.mkldnn_rnn_layer: _recurrence,
                torch.ops.aten.mv: _matrix_vector,
            },
        ) as counter,
    ):
        model(inputs)
    return int(counter.get_total_flops()) // 2


def _matrix_vector(matrix: torch.Size, *others: object, **named: object) -> int:
    """Operations of a matrix (m, n) times a vector, which the counter does not know."""
    return 2 * prod(matrix)


def _recurrence(
    inputs: torch.Size, inward: torch.Size, recurrent: torch.Size, *others: object, **named: object
) -> int:
    """Operations of oneDNN's fused LSTM, which the counter does not know.

    Args:
        inputs: shape (T, B, D).
        inward, recurrent: shapes of the weights, gates x (D, H).
        others, named: biases, states, settings and the result.
    """
    return 2 * prod(inputs[:-1]) * (prod(inward) + prod(recurrent))
