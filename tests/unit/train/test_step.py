"""The counts behind the learning curves."""

from __future__ import annotations

import numpy as np
import torch

from synthem.seeds import stream
from synthem.train.step import count


def test_counts_are_those_of_numpy_over_the_samples_that_know_the_class() -> None:
    rng = stream(0, "counts")
    logits, masks = rng.normal(size=(3, 2, 40, 50)), rng.random((3, 2, 40, 50)) < 0.3
    known = np.array([[1, 1], [1, 0], [0, 1]], bool)
    found = count(*(torch.from_numpy(a.astype(np.float32)) for a in (logits, masks, known)))
    assert found.dtype == torch.int64
    for c in range(2):
        predicted, true = logits[known[:, c], c] > 0, masks[known[:, c], c]
        expected = [(predicted & true).sum(), (predicted & ~true).sum(), (~predicted & true).sum()]
        expected.append((~predicted & ~true).sum())
        assert found[:, c].tolist() == expected
