"""The usual way, as course notebooks do it: the reference that every benchmark holds bossline to.

Windows of a whole split are materialised into one matrix by shifting and concatenating, a Dataset
hands them out one by one, a default DataLoader collates them, the model is made of torch's own
modules, and the loop reads loss and accuracy with `.item()` at every step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from bossline.data.packed import Corpus
from bossline.models.layers import Dropout
from bossline.training.optimisers import Stepper


def shift(x: Tensor, n: int) -> Tensor:
    """Rows moved by n, the first or last one repeated at the edge."""
    if n < 0:
        return torch.cat([x[:1].repeat(-n, 1), x[:n]])
    if n > 0:
        return torch.cat([x[n:], x[-1:].repeat(n, 1)])
    return x


def materialise(corpus: Corpus, width: int, frames: int) -> tuple[Tensor, Tensor]:
    """Windows (N, width * D) float32 and labels of whole utterances, at least `frames` of them."""
    labelled = np.flatnonzero(corpus.labelled)
    ends = np.cumsum(corpus.lengths[labelled])
    chosen = labelled[: np.searchsorted(ends, frames) + 1]
    count = int(corpus.lengths[chosen].sum())
    # Filled in place, as the courses' sample code does: half the peak of joining a list at the end.
    windows = torch.empty(count, width * corpus.dim)
    labels = torch.empty(count, dtype=torch.int64)
    row = 0
    for utterance in chosen:
        x = torch.from_numpy(corpus.frames(utterance).astype("float32"))
        rows = slice(row, row + len(x))
        windows[rows] = torch.cat([shift(x, n) for n in range(-(width // 2), width // 2 + 1)], 1)
        labels[rows] = torch.from_numpy(corpus.frame_labels(utterance).astype("int64"))
        row += len(x)
    return windows, labels


def plain(model: nn.Module) -> nn.Module:
    """The same model and weights, with torch's own dropout in the place of bossline's."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Dropout):
                setattr(parent, name, nn.Dropout(child.p))
    return model


class FrameDataset(Dataset[tuple[Tensor, Tensor]]):
    """One window an item."""

    def __init__(self, windows: Tensor, labels: Tensor) -> None:
        self.windows, self.labels = windows, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.windows[index], self.labels[index]


def endless(dataset: FrameDataset, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of a shuffling default DataLoader, epoch after epoch."""
    while True:
        yield from DataLoader(dataset, batch_size=size, shuffle=True, drop_last=True)


def train_steps(
    model: nn.Module,
    optimiser: Stepper,
    batches: Iterator[tuple[Tensor, Tensor]],
    steps: int,
    device: torch.device,
) -> float:
    """Train some steps; returns the accuracy over them."""
    criterion = nn.CrossEntropyLoss()
    correct, total, running = 0.0, 0, 0.0
    for _ in range(steps):
        windows, labels = next(batches)
        windows, labels = windows.to(device), labels.to(device)
        optimiser.zero_grad()
        outputs = model(windows)
        loss = criterion(outputs, labels)
        loss.backward()
        optimiser.step()
        _, predicted = torch.max(outputs, 1)
        correct += (predicted == labels).sum().item()
        total += len(labels)
        running += loss.item()
    return correct / total
