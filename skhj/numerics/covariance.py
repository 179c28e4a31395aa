"""Symmetric matrices without eigenvalues below zero, up to rounding."""

import numpy as np

__all__ = ["symmetric_eigh", "symmetric_power"]

# Relative eigenvalues that are rounding.
ROUNDING = 1e-12


def symmetric_eigh(matrix):
    """Eigenvalues, rounding ones zero, and vectors, in falling order."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    return np.where(values > ROUNDING * values[:1], values, 0.0), vectors


def symmetric_power(matrix, exponent):
    """Power of a symmetric non-negative matrix on its range."""
    values, vectors = symmetric_eigh(matrix)
    kept = values > 0
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T
