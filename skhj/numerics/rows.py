"""Rows of arrays that stay where they are: read, mapped and summed a block at a time.

A sum over blocks of the rows that a function makes of other rows takes the memory of
one block, wherever these come from: an array, a file that is mapped, or a computation.
"""

import numpy as np

from skhj.numerics.blocks import row_blocks, spread_rows
from skhj.numerics.memory_maps import MappedRows, empty_rows, is_mapped, let_go

__all__ = ["Rows", "extent", "gathered", "means_and_counts", "total", "variance"]


class Rows:
    """Rows that are made when they are read, in double precision.

    Parameters
    ----------
    read : callable
        Maps a slice, or indices, to an array of these rows in double precision. It is
        not changed in place by those who read.
    shape : tuple of int
        Shape (n, ...) of all rows.
    dtype : dtype, default=numpy.float64
        The float type of the numbers that they come from.
    on_disk : bool, default=False
        Whether they come from a file, and may be more than memory holds.
    work : int or None, default=None
        Numbers that the work on one row holds; None is those of the row.
    """

    def __init__(self, read, shape, dtype=np.float64, *, on_disk=False, work=None):
        self._read, self.shape, self.on_disk = read, tuple(shape), on_disk
        self.work = work or max(1, int(np.prod(self.shape[1:])))
        self.dtype = np.dtype(np.float32 if dtype == np.float32 else np.float64)

    @classmethod
    def of(cls, array):
        """Make them of an array, or a memory map; rows are returned as they are."""
        if isinstance(array, cls):
            return array
        mapped = is_mapped(array)
        read = MappedRows(array) if mapped else _rows_of(np.asarray(array))
        return cls(read, array.shape, array.dtype, on_disk=mapped)

    def __len__(self):
        return self.shape[0]

    @property
    def size(self):
        """Number of all numbers."""
        return int(np.prod(self.shape))

    def __getitem__(self, rows):
        rows = np.asarray(rows) if isinstance(rows, list) else rows
        is_mask = isinstance(rows, np.ndarray) and rows.dtype == bool
        return self._read(np.flatnonzero(rows) if is_mask else rows)

    def __array__(self, dtype=None, copy=None):
        return self[:].astype(dtype or np.float64, copy=bool(copy))

    def take(self, rows):
        """Some of the rows, of a mask or of indices, which are read later."""
        if isinstance(rows, slice) and rows == slice(None):
            return self
        indices = np.arange(len(self))[rows]
        return Rows(
            lambda some: self._read(indices[some]),
            (len(indices), *self.shape[1:]),
            self.dtype,
            on_disk=self.on_disk,
            work=self.work,
        )

    def spread(self, most):
        """At most so many of the rows, evenly spread over all."""
        return self.take(spread_rows(len(self), most))

    def map(self, function, *others):
        """Rows that a function makes of these and of others, block by block."""
        sources = [self, *map(Rows.of, others)]

        def read(rows):
            return function(*(source[rows] for source in sources))

        first = read(slice(0, 1))
        return Rows(
            read,
            (len(self), *first.shape[1:]),
            self.dtype,
            on_disk=any(source.on_disk for source in sources),
            work=first[0].size + sum(source.work for source in sources),
        )

    def mean(self):
        """Mean of the rows."""
        return total(lambda block: block.sum(axis=0), self) / len(self)

    def centred(self):
        """The rows less their mean."""
        mean = self.mean()
        return self.map(lambda block: block - mean)

    def kept(self):
        """The same rows, computed once and kept in their float type.

        Those on disk are kept there, in a temporary file.
        """
        values = empty_rows(self.shape, self.dtype, on_disk=self.on_disk)
        for rows in row_blocks(len(self), self.work):
            values[rows] = self[rows]
            let_go(values)
        return Rows.of(values)


def _rows_of(array):
    return lambda rows: array[rows].astype(np.float64, copy=False)


def total(function, *rows):
    """Sum over blocks of rows.

    Parameters
    ----------
    function : callable
        Maps a block of each of the rows to an array, or to a tuple of arrays.
    *rows : Rows or ndarray of shape (n, ...)
        The rows.

    Returns
    -------
    ndarray, or list of ndarray
        The sum of each.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.rows import total
    >>> total(lambda x, y: (x * y).sum(axis=0), np.eye(3), np.ones((3, 3)))
    array([1., 1., 1.])
    """
    parts = _answers(function, rows)
    answer = next(parts)
    if not isinstance(answer, tuple):
        return sum(parts, start=answer)
    answer = list(answer)
    for part in parts:
        answer = [one + other for one, other in zip(answer, part, strict=True)]
    return answer


def gathered(function, *rows):
    """What a function makes of rows, block by block, in one array.

    Parameters
    ----------
    function : callable
        Maps a block (r, ...) of each of the rows to an array (r, ...).
    *rows : Rows or ndarray of shape (n, ...)
        The rows.

    Returns
    -------
    ndarray of shape (n, ...)
        The answers.
    """
    # Copies: views would keep the blocks.
    return np.concatenate([np.copy(part) for part in _answers(function, rows)])


def variance(rows):
    """Variance of all numbers of rows.

    Parameters
    ----------
    rows : Rows or ndarray of shape (n, ...)
        The rows.

    Returns
    -------
    float
        The variance.
    """
    rows = Rows.of(rows)
    mean = total(np.sum, rows) / rows.size
    return total(lambda block: np.square(block - mean).sum(), rows) / rows.size


def means_and_counts(rows):
    """Mean of each column, and how many numbers it has, but for NaN.

    Parameters
    ----------
    rows : Rows or ndarray of shape (n, d)
        The rows.

    Returns
    -------
    means : ndarray of shape (d,)
        The means.
    counts : ndarray of shape (d,), dtype int
        How many numbers each is of.
    """
    sums, counts = total(
        lambda block: (np.nansum(block, axis=0), (~np.isnan(block)).sum(axis=0)), rows
    )
    return sums / counts, counts


def extent(rows):
    """Smallest and largest number of each column, but for NaN.

    Parameters
    ----------
    rows : Rows or ndarray of shape (n, d)
        The rows.

    Returns
    -------
    smallest, largest : ndarray of shape (d,)
        The numbers.
    """

    def ends(block):
        return np.stack([np.fmin.reduce(block), np.fmax.reduce(block)])

    ends_of_blocks = list(_answers(ends, [rows]))
    smallest, largest = zip(*ends_of_blocks, strict=True)
    return np.fmin.reduce(smallest), np.fmax.reduce(largest)


def _answers(function, rows):
    """What a function makes of each block of rows."""
    rows = [Rows.of(one) for one in rows]
    for block in row_blocks(len(rows[0]), sum(one.work for one in rows)):
        yield function(*(one[block] for one in rows))
