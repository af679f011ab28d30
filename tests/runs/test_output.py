"""Predictions as files, whatever their ids hold."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bossline.runs.answers import write_predictions
from bossline.tasks.food.prediction import ImagePrediction


def test_ids_with_blanks_commas_and_umlauts_come_back(tmp_path: Path) -> None:
    ids = ["test/IMG 1 (2)", 'a,b "c"', "Gemüse/菜"]
    predictions = [
        ImagePrediction(id, np.array([[0.25, 0.75]], np.float32), ("egg", "fried, rice"))
        for id in ids
    ]
    write_predictions(predictions, tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["id", "class", "name", "probability"]
    assert rows == [[id, "1", "fried, rice", "0.7500"] for id in ids]
