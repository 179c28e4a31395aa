"""Weights of samples: rows that are equal become one, and each counts."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array

from skhj.numerics.rows import Rows, gathered

__all__ = ["CountedRows", "count_rows"]


class CountedRows(NamedTuple):
    """Rows that differ, and how often each counts.

    Attributes
    ----------
    rows : ndarray of int, or slice
        One of each of the rows that are equal, without those of weight zero.
    counts : ndarray of int, or None
        How often each of them counts, relative to the others; None where all count
        the same.
    groups : ndarray of shape (n,), dtype int
        Which of ``rows`` each row given is equal to; -1 for one that is left out.
    """

    rows: np.ndarray | slice
    counts: np.ndarray | None
    groups: np.ndarray

    def of(self, *arrays):
        """Take these rows of arrays.

        Parameters
        ----------
        *arrays : ndarray of shape (n, ...), or None
            Arrays.

        Returns
        -------
        tuple of ndarray or None
            The rows of each; None of one that is None.
        """
        return tuple(None if array is None else array[self.rows] for array in arrays)

    def n_of(self, mask):
        """Count some of the rows, each as often as it counts.

        Parameters
        ----------
        mask : ndarray of bool
            Which of ``rows``.

        Returns
        -------
        int
            Their number.
        """
        return int(mask.sum() if self.counts is None else self.counts[mask].sum())


def count_rows(sample_weight, *arrays):
    """Make of weights how often each of the rows that differ counts.

    What is fitted to these rows and counts is the same for a weight of 2 as for two
    equal rows, for a weight of 0 as for no row, and for all weights times a factor; and
    what is held out has no copy among what is seen. Where counts differ, the order of
    the rows is one that their content determines.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), or None
        Weights, as they are given; None gives all the same.
    *arrays : ndarray of shape (n, ...), or None
        The samples.

    Returns
    -------
    CountedRows
        The rows and their counts.

    Raises
    ------
    ValueError
        If weights are not one for each row, none negative, two of them positive.
    """
    arrays = [array for array in arrays if array is not None]
    n = len(arrays[0])
    weights = _checked(sample_weight, n)
    if np.ptp(weights) == 0 and (any(map(_differ, arrays)) or _sums_differ(arrays)):
        return CountedRows(slice(None), None, np.arange(n))
    kept = np.flatnonzero(weights)
    _, first, groups = np.unique(
        _digests(arrays, kept), axis=0, return_index=True, return_inverse=True
    )
    if len(first) == 1:  # copies of one row, of which two have to be
        return CountedRows(kept[:2], None, np.where(weights > 0, 0, -1))
    counts = whole_counts(np.bincount(groups.ravel(), weights[kept]))
    order = np.flatnonzero(counts)
    counts = counts[order]
    if np.ptp(counts) == 0:
        order, counts = order[np.argsort(first[order])], None  # as they are given
    places = np.full(len(first), -1)
    places[order] = np.arange(len(order))
    of_all = np.full(n, -1)
    of_all[kept] = places[groups.ravel()]
    return CountedRows(kept[first[order]], counts, of_all)


def whole_counts(weights, *, most_copies=8):
    """Whole numbers in the ratios of weights, or as close as so many copies come.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Positive numbers.
    most_copies : int, default=8
        The largest mean. Rounding the weights to so many, as sampling does that goes
        through the rows in even steps, changes each by less than one.

    Returns
    -------
    ndarray of shape (n,), dtype int
        The numbers, two of them positive.
    """
    least, most = weights.min(), most_copies * len(weights)
    for copies in range(1, most_copies + 1):
        exact = weights * (copies / least)
        counts = np.round(exact)
        if counts.sum() > most:
            break
        if np.allclose(counts, exact, rtol=1e-9, atol=0):
            return counts.astype(int)
    ends = np.cumsum(weights)
    # Steps start at the golden section: ratios of small numbers are not at their edge.
    edges = np.floor(ends * (most / ends[-1]) + (5**0.5 - 1) / 2)
    counts = np.diff(edges, prepend=0.0).astype(int)
    two = np.argsort(weights)[-2:]
    counts[two] = np.maximum(counts[two], 1)
    return counts


def _checked(sample_weight, n):
    """Weights of a size whose sums are numbers."""
    if sample_weight is None:
        return np.ones(n)
    weights = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    asked = f"sample_weight must be one number for each of {n} rows"
    if weights.shape != (n,):
        raise ValueError(f"{asked}, got an array of shape {weights.shape}")
    if weights.min() < 0:
        raise ValueError(f"{asked}, none negative, got {weights.min():.3g}")
    # By a power of two, which leaves ratios of whole numbers exact.
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    n_positive = np.count_nonzero(weights)
    if n_positive < 2:
        raise ValueError(f"{asked}, two of them above zero at least, got {n_positive}")
    return weights


def _flat(array):
    return Rows.of(array).map(lambda block: block.reshape(len(block), -1))


def _differ(array):
    """Whether a column shows that no two rows are equal."""
    rows = _flat(array)
    middle = rows.shape[1] // 2
    values = gathered(lambda block: block[:, middle], rows)
    return len(np.unique(values)) == len(array)


def _sums_differ(arrays):
    """Whether sums of each row's bits show that no two rows are equal.

    They are exact, modulo a power of two: those of equal rows are equal.
    """
    rng = np.random.RandomState(0)
    rows = [_flat(array) for array in arrays]
    odd = [
        2 * rng.randint(2**62, size=one.shape[1], dtype=np.uint64) + 1 for one in rows
    ]

    def sums(*blocks):
        pairs = zip(blocks, odd, strict=True)
        return sum((_mixed_bits(a) * k).sum(axis=1) for a, k in pairs)

    return len(np.unique(gathered(sums, *rows))) == len(rows[0])


def _mixed_bits(numbers):
    """Integers of 64 bits, one for each number; few zeros at their ends."""
    # Zero has two signs, which are equal.
    bits = np.ascontiguousarray(numbers + 0.0).view(np.uint64)
    # As splitmix64 mixes them: of whole numbers most bits are zero.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits


def _digests(arrays, rows):
    """Two numbers for each row that tell whether rows are equal, of shape (n, 2)."""

    def digests(*blocks):
        digests = (
            # Zero has two signs, which are equal.
            blake2b(b"".join((row + 0.0).tobytes() for row in pair), digest_size=16)
            for pair in zip(*blocks, strict=True)
        )
        joined = b"".join(digest.digest() for digest in digests)
        return np.frombuffer(joined, dtype=np.uint64).reshape(-1, 2)

    return gathered(digests, *(Rows.of(array).take(rows) for array in arrays))
