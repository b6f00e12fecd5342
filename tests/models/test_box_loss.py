"""The detector's loss against plain Python over cells and boxes."""

import math

import numpy as np
import pytest

from edgeprune_models.box_loss import box_loss


def expected(boxes, heads):
    rows, columns, width = heads.shape
    wanted, owners = np.zeros(heads.shape), np.zeros((rows, columns), bool)
    for kind, ymin, xmin, ymax, xmax in boxes:
        if kind < 0:
            continue
        y, x = (ymin + ymax) / 2 * rows, (xmin + xmax) / 2 * columns
        row, column = min(int(y), rows - 1), min(int(x), columns - 1)
        if owners[row, column]:
            continue
        owners[row, column] = True
        wanted[row, column, :4] = y - row, x - column, ymax - ymin, xmax - xmin
        wanted[row, column, 4 + int(kind)] = 1
    total = 0.0
    for row in range(rows):
        for column in range(columns):
            for i in range(4, width):
                p, t = float(np.clip(heads[row, column, i], 1e-4, 1 - 1e-4)), wanted[row, column, i]
                total += abs(t - p) ** 2 * -(t * math.log(p) + (1 - t) * math.log(1 - p))
            if owners[row, column]:
                apart = np.abs(wanted[row, column, :4] - heads[row, column, :4])
                total += apart.sum() + 4 * apart[2:].sum()
    return total / max(1, owners.sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_cells_and_boxes_one_by_one(seed):
    rng = np.random.default_rng(seed)
    heads = rng.random((5, 4, 6, 7)).astype(np.float32)
    corner = rng.random((5, 8, 2)) * 0.6
    kinds = rng.integers(-1, 3, (5, 8, 1))
    opposite = corner + rng.uniform(0.05, 0.4, (5, 8, 2))
    boxes = np.concatenate([kinds, corner, opposite], axis=-1).astype(np.float32)
    boxes[0, :, 0] = -1
    boxes[1, 1] = boxes[1, 0] + [0, 0.001, 0, 0.001, 0]  # two in one cell
    boxes[2, 0] = 1, 0.9, 0.9, 1.1, 1.1  # a centre on the edge
    got = box_loss(boxes, heads).numpy()
    wanted = [expected(*pair) for pair in zip(boxes, heads, strict=True)]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=0)
