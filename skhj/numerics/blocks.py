"""Blocks of rows, few enough for the memory and many enough for the processor."""

import numpy as np

__all__ = ["joined", "row_blocks", "spread_rows"]


def row_blocks(n_rows, row_size, *, block_size=2**20):
    """Slices that cover some rows, each of a bounded number of numbers.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    row_size : int
        Numbers that the work on one row holds at a time.
    block_size : int, default=2**20
        Numbers of a block at most, 8 MiB in double precision; a block has at least one
        row.

    Returns
    -------
    list of slice
        The blocks, in order.

    Examples
    --------
    >>> from skhj.numerics.blocks import row_blocks
    >>> row_blocks(5, 100, block_size=200)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    height = max(1, block_size // max(1, row_size))
    return [
        slice(first, min(first + height, n_rows)) for first in range(0, n_rows, height)
    ]


def spread_rows(n_rows, most):
    """At most so many of some rows, evenly spread over all.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    most : int
        How many there may be.

    Returns
    -------
    slice, or ndarray of int
        All rows, or some.

    Examples
    --------
    >>> from skhj.numerics.blocks import spread_rows
    >>> spread_rows(10, 4)
    array([0, 2, 5, 7])
    """
    return slice(None) if n_rows <= most else np.arange(most) * n_rows // most


def joined(answers, blocks):
    """Answers for all rows, from those for one block after the other.

    Parameters
    ----------
    answers : iterable of ndarray of shape (..., r, N)
        The answers for each block; none is kept.
    blocks : list of slice
        The blocks.

    Returns
    -------
    ndarray of shape (..., n, N)
        The answers.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.blocks import joined, row_blocks
    >>> X, blocks = np.eye(3), row_blocks(3, 3, block_size=6)
    >>> joined((2 * X[rows] for rows in blocks), blocks).diagonal()
    array([2., 2., 2.])
    """
    everything = None
    for answer, rows in zip(answers, blocks, strict=True):
        if len(blocks) == 1:
            return answer
        if everything is None:
            shape = *answer.shape[:-2], blocks[-1].stop, answer.shape[-1]
            everything = np.empty(shape, answer.dtype)
        everything[..., rows, :] = answer
    return everything
