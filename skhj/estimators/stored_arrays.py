"""Arrays that are larger than memory, at the door: memory maps, and those of dask."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from skhj.estimators.arrays import FLOATS
from skhj.exceptions import warn
from skhj.numerics.blocks import row_blocks
from skhj.numerics.memory_maps import empty_rows, is_mapped, let_go
from skhj.numerics.rows import Rows

__all__ = ["Drawn", "StoredScore", "check_stored", "drawn_rows", "stored"]


def stored(array, *, small=2**21):
    """An array of dask as one in a temporary file; anything else as it is.

    Parameters
    ----------
    array : object
        What was given.
    small : int, default=2**21
        Numbers of an array that memory may hold.

    Returns
    -------
    object
        A memory map of the array's type, written chunk by chunk of rows; what was given
        where it is no array of dask of numbers, or a small one.
    """
    if not type(array).__module__.startswith("dask.array"):
        return array
    if np.isnan(array.size):
        array = array.compute_chunk_sizes()
    if array.dtype.kind not in "iuf" or array.size <= small:
        return array.compute()
    values = empty_rows(array.shape, array.dtype, on_disk=True)
    first = 0
    for height in array.chunks[0]:
        rows = slice(first, first + height)
        values[rows] = array[rows].compute()
        let_go(values)
        first = rows.stop
    return values


def check_stored(estimator, X, y="no_validation", *, allow_nan=False, **checks):
    """What scikit-learn checks of arrays, of those that are on disk block by block.

    Parameters
    ----------
    estimator : estimator
        Whose names and number of features are kept, or compared with.
    X : array-like of shape (n, M)
        Measurements.
    y : array-like of shape (n, N) or (n,), default="no_validation"
        Models; "no_validation" where there are none.
    allow_nan : bool, default=False
        Whether X may have NaN.
    **checks : dict
        Further options of scikit-learn's ``validate_data``.

    Returns
    -------
    ndarray or tuple of ndarray
        X, and y where it was given: of a float type, or in their own in a memory map
        that is too large to be copied.

    Raises
    ------
    ValueError
        If one is not of the form asked for.
    """
    checks |= {"dtype": FLOATS}
    checks["ensure_all_finite"] = "allow-nan" if allow_nan else True
    has_models = not isinstance(y, str)
    given = tuple(map(stored, (X, y) if has_models else (X,)))
    if y is None or not any(map(is_mapped, given)):
        return validate_data(estimator, *given, **checks)
    check_consistent_length(*given)
    few = slice(min(1000, len(given[0])))
    validate_data(estimator, *(array[few] for array in given), **checks)
    X = _finite(given[0], "X", allow_nan=allow_nan)
    return (X, _finite(given[1], "y", allow_nan=False)) if has_models else X


class StoredScore(RegressorMixin):
    """The score of a regressor whose arrays may be of dask."""

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Coefficient of determination R² of the answers.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            What ``predict`` takes.
        y : array-like of shape (n,) or (n, n_outputs)
            What it should answer.
        sample_weight : array-like of shape (n,) or None, default=None
            How much each row counts.

        Returns
        -------
        float
            1 of perfect answers, 0 of the mean of y; over outputs, the mean.
        """
        return super().score(X, stored(y), stored(sample_weight))


class Drawn(NamedTuple):
    """Rows of arrays that memory holds.

    Attributes
    ----------
    arrays : tuple of array-like or None
        The arrays, or those rows of them.
    rows : ndarray of shape (n,), dtype int, or None
        Which; None where these are all.
    """

    arrays: tuple
    rows: np.ndarray | None

    def of(self, array):
        """Take these rows of another array.

        Parameters
        ----------
        array : array-like of shape (n, ...) or None
            The array.

        Returns
        -------
        array-like or None
            The rows; None of None.
        """
        if array is None or self.rows is None:
            return array
        source = Rows.of(array) if is_mapped(array) else np.asarray(array)
        return source[self.rows]


def drawn_rows(*arrays, names, most_numbers=2**24):
    """Rows of arrays, drawn at random where those on disk are more than memory holds.

    Parameters
    ----------
    *arrays : array-like or None
        As they are given.
    names : sequence of str
        What errors call them.
    most_numbers : int, default=2**24
        Numbers of a row's arrays times rows: 128 MiB in double precision, of which a
        fit holds about six times as many.

    Returns
    -------
    Drawn
        The rows.

    Raises
    ------
    ValueError
        If arrays on disk are not of one length, or have numbers that are not finite.
    """
    arrays = tuple(map(stored, arrays))
    if not any(map(is_mapped, arrays)):
        return Drawn(arrays, None)
    given = [array for array in arrays if array is not None]
    check_consistent_length(*given)
    for array, name in zip(arrays, names, strict=True):
        if is_mapped(array):
            _finite(array, name, allow_nan=False)
    n = len(given[0])
    most = most_numbers // sum(int(np.prod(np.shape(one)[1:])) for one in given)
    if n <= most:
        return Drawn(arrays, None)
    rows = np.sort(np.random.RandomState(0).permutation(n)[:most])
    warn(
        f"arrays on disk are more than a fit holds in memory: it is of {most} of their "
        f"{n} rows, drawn at random"
    )
    drawn = Drawn(arrays, rows)
    return drawn._replace(arrays=tuple(map(drawn.of, arrays)))


def _finite(array, name, *, allow_nan):
    """The array, once all of its numbers are checked."""
    if not is_mapped(array):
        finite = "allow-nan" if allow_nan else True
        kind = {"dtype": FLOATS, "ensure_2d": False, "ensure_all_finite": finite}
        return check_array(array, input_name=name, **kind)
    rows = Rows.of(array)
    for block in row_blocks(len(rows), rows.work):
        assert_all_finite(rows[block], allow_nan=allow_nan, input_name=name)
    return array
