"""Rows repeated as often as they count."""

import numpy as np

from skhj.numerics.repeated_rows import repeated_rows


def test_each_row_comes_as_often_as_it_counts():
    counts = np.random.RandomState(0).randint(0, 6, size=50)
    np.testing.assert_array_equal(
        np.bincount(repeated_rows(counts), minlength=50), counts
    )


def test_all_rows_come_once_before_one_comes_again():
    np.testing.assert_array_equal(
        repeated_rows(np.array([2, 1, 0, 4])), [0, 1, 3, 0, 3, 3, 3]
    )


def test_rows_that_are_masked_do_not_come():
    mask = np.array([True, False, True])
    np.testing.assert_array_equal(repeated_rows(np.array([1, 5, 2]), mask), [0, 2, 2])
