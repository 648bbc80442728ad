from __future__ import annotations

import numpy as np
import pytest
import torch
from mambamed.segmentation.one_piece_per_label import make_one_piece_per_label


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_stray_pieces_go_to_the_nearest_largest_piece(kind: torch.dtype) -> None:
    labels = np.zeros((9, 14, 20), int)
    labels[1:8, 2:12, 1:8] = 1
    labels[1:8, 2:12, 11:19] = 2
    expected = labels.copy()
    labels[3:5, 4:6, 15:17] = 1
    labels[0, 0, 2] = 2
    labels[8, 13, 18] = 1
    expected[0, 0, 2] = 1
    expected[8, 13, 18] = 2
    logits = torch.full((3, *labels.shape), -7.0, dtype=kind)
    for value in range(3):
        logits[value][torch.from_numpy(labels == value)] = 40.0
    assert make_one_piece_per_label(logits, (4.0, 3.0, 2.0)) == 8 + 2
    assert (logits.argmax(0).numpy() == expected).all()
    assert torch.isfinite(logits).all()
    assert make_one_piece_per_label(logits, (4.0, 3.0, 2.0)) == 0


def test_nothing_found_stays_nothing() -> None:
    logits = torch.zeros((4, 3, 4, 5))
    logits[0] = 1.0
    assert make_one_piece_per_label(logits, (1.0, 1.0, 1.0)) == 0
    assert not logits.argmax(0).any()
