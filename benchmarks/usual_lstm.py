"""Whole utterances as notebooks have them: random batches padded to the longest, torch's LSTM.

The reference of benchmarks.utterances: a Dataset of utterances, a DataLoader whose `collate_fn`
pads, a bidirectional nn.LSTM on packed sequences or straight on the padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import Dataset

from bossline.models.encoders.rnn import RnnConfig

NO_LABEL = -100  # nn.CrossEntropyLoss ignores it


class UtteranceDataset(Dataset[tuple[Tensor, Tensor]]):
    """An utterance an item: (T, D) float32 and (T,) int64."""

    def __init__(self, frames: list[Tensor], labels: list[Tensor]) -> None:
        self.frames, self.labels = frames, labels

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.frames[index], self.labels[index]


def collate(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, D) frames, (B, T) labels, (B,) lengths."""
    return (
        pad_sequence([frames for frames, _ in items], batch_first=True),
        pad_sequence([labels for _, labels in items], batch_first=True, padding_value=NO_LABEL),
        torch.tensor([len(frames) for frames, _ in items]),
    )


class UsualLstm(nn.Module):
    """(B, T, inputs) -> (B, T, outputs): the layers of bossline's tagger, each from torch."""

    def __init__(
        self, config: RnnConfig, dropout: float, inputs: int, outputs: int, *, packs: bool
    ) -> None:
        """
        Args:
            config: of the encoder, with a front convolution.
            dropout: before the output layer.
            packs: whether the LSTM gets packed sequences. Without them its way back starts in the
                padding.
        """
        super().__init__()
        self.packs = packs
        self.front = nn.Conv1d(inputs, config.front_width, config.front, padding=config.front // 2)
        self.lstm = nn.LSTM(
            config.front_width,
            config.width,
            config.depth,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout,
        )
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * config.width, outputs))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """
        Args:
            lengths: (B,), on the CPU, where packing wants them.
        """
        x = self.front(x.transpose(1, 2)).relu().transpose(1, 2)
        if self.packs:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        else:
            y, _ = self.lstm(x)
        logits: Tensor = self.output(y)
        return logits
