"""Arrays in files that are mapped to memory: which are, their rows, and new ones."""

import mmap
import tempfile

import numpy as np

__all__ = ["MappedRows", "empty_rows", "is_mapped", "let_go"]


def is_mapped(array, *, small=2**21):
    """Whether an array is of a file, and not of so few numbers that memory holds them.

    Parameters
    ----------
    array : object
        An array, or anything else.
    small : int, default=2**21
        Numbers of an array, 16 MiB in double precision, that may be copied.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.memory_maps import is_mapped
    >>> is_mapped(np.zeros(3_000_000))
    False
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        return False
    return array.size > small and _map_of(array) is not None


def empty_rows(shape, dtype, *, on_disk):
    """Array to be filled, in memory or in a temporary file.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its type.
    on_disk : bool
        Whether it is in a file, which is gone when the array is.

    Returns
    -------
    ndarray or memmap
        The array.
    """
    if not on_disk:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=tuple(shape))


class MappedRows:
    """Reads rows of a memory map, and lets go of its pages.

    Parameters
    ----------
    array : ndarray
        The map, or a view of it.
    page : int, default=2**21
        Bytes that reading one row brings into memory at most, beside its own.
    at_once : int, default=2**26
        Bytes that may be in memory at a time.
    """

    def __init__(self, array, *, page=2**21, at_once=2**26):
        self.array, self.file = np.asarray(array), _map_of(array)
        self.page, self.at_once = page, at_once

    def __call__(self, rows):
        """Rows of a slice, or of indices, in double precision."""
        if isinstance(rows, slice):
            return self._read(rows)
        parts = np.array_split(rows, 1 + self._bytes_around(rows) // self.at_once)
        return np.concatenate([self._read(part) for part in parts])

    def _bytes_around(self, rows):
        """Bytes that come with some rows, which may be far apart."""
        if len(rows) == 0:
            return 0
        row = self.array[:1].nbytes
        span = int(rows.max() - rows.min() + 1) * row
        return min(span, len(rows) * (row + self.page))

    def _read(self, rows):
        values = self.array[rows].astype(np.float64)
        let_go(self.file)
        return values


def let_go(array):
    """Let go of the pages of a memory map, which are read again where they are needed.

    They would count as memory of the process until others need it.

    Parameters
    ----------
    array : ndarray
        An array, of which a memory map alone has such pages.
    """
    # Those of a private map may have been changed, and are in no file.
    is_shared = getattr(array, "_mmap", None) is not None and array.mode != "c"
    if is_shared and hasattr(mmap, "MADV_DONTNEED"):
        array._mmap.madvise(mmap.MADV_DONTNEED)


def _map_of(array):
    """The memory map that an array is a view of, or None."""
    while isinstance(array, np.ndarray):
        if getattr(array, "_mmap", None) is not None:
            return array
        array = array.base
    return None
