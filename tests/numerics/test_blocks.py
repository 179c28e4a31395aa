"""Blocks of rows cover all rows once."""

import numpy as np
import pytest

from skhj.numerics.blocks import row_blocks


@pytest.mark.parametrize("n_rows", [0, 1, 7, 100])
@pytest.mark.parametrize(("row_size", "block_size"), [(1, 7), (3, 7), (100, 7), (0, 7)])
def test_every_row_is_in_one_block_and_blocks_are_bounded(n_rows, row_size, block_size):
    blocks = row_blocks(n_rows, row_size, block_size=block_size)
    rows = np.concatenate([np.arange(n_rows)[block] for block in blocks] or [[]])
    np.testing.assert_array_equal(rows, np.arange(n_rows))
    for block in blocks:
        height = block.stop - block.start
        assert height == 1 or height * row_size <= block_size


def test_stops_are_those_of_the_rows():
    """So that a block's height is its stop less its start, the last one's too."""
    assert row_blocks(5, 1, block_size=3) == [slice(0, 3), slice(3, 5)]
