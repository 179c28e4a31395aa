"""Linear operators that numpy carries out, such as those of scipy and PyLops."""

from typing import Any

import numpy as np
from scipy.sparse.linalg import aslinearoperator

from skhj.numerics.tensors import to_tensor
from skhj.operators.base import ForwardOperator

__all__ = ["NumpyOperator"]

# The product with a matrix, for that with a vector.
_TOGETHER = {"matvec": "matmat", "rmatvec": "rmatmat"}


class NumpyOperator(ForwardOperator):
    """Linear operator that numpy carries out, such as one of scipy or PyLops.

    Its ``matvec`` and ``rmatvec`` are asked for products with vectors of shape (N,) and
    (M,), which is what their authors had in mind: a function along the last axis is
    another one for the columns (N, 1) that scipy's own ``matmat`` makes of them. Where
    ``matmat`` and ``rmatmat`` agree with them, they are used for many at once. Tensors
    are copied to numpy and back, gradients too.

    Parameters
    ----------
    operator : object
        An operator with ``shape``, ``matvec`` and ``rmatvec``.

    Raises
    ------
    ValueError
        If a product with a vector fails, is not of the right shape, or is not a finite
        real one.

    Examples
    --------
    >>> from scipy.sparse.linalg import LinearOperator
    >>> from skhj.operators import NumpyOperator
    >>> double = LinearOperator(
    ...     (2, 2), matvec=lambda x: 2 * x, rmatvec=lambda r: 2 * r, dtype=float
    ... )
    >>> NumpyOperator(double).matvec([1.0, 2.0])
    array([2., 4.])
    """

    def __init__(self, operator: Any) -> None:
        try:
            self.operator = aslinearoperator(operator)
        except TypeError as error:
            raise TypeError(
                "operator must be what scipy takes for a linear operator, got "
                f"{type(operator).__name__}"
            ) from error
        super().__init__(self.operator.shape)
        self._together = {name: self._agree(name) for name in _TOGETHER}

    def _apply(self, x):
        return self._through_numpy("matvec", x)

    def _apply_adjoint(self, r):
        return self._through_numpy("rmatvec", r)

    def _through_numpy(self, name, rows):
        """Products with the rows of a tensor."""
        vectors = rows.detach().cpu().double().numpy()
        if self._together[name] and len(vectors) > 1:
            columns = getattr(self.operator, _TOGETHER[name])(vectors.T)
            values = self._check(_TOGETHER[name], np.asarray(columns).T, len(vectors))
        else:
            values = self._one_by_one(name, vectors)
        return to_tensor(values).to(rows)

    def _one_by_one(self, name, vectors):
        product = getattr(self.operator, name)
        values = np.empty((len(vectors), self._sizes(name)[1]))
        for value, vector in zip(values, vectors, strict=True):
            try:
                image = np.asarray(product(vector))
            except NotImplementedError:
                raise
            except Exception as error:  # foreign code raises what it likes
                raise ValueError(
                    f"{self._demand(name)} failed: {type(error).__name__}: {error}"
                ) from error
            value[:] = self._check(name, image.reshape(1, -1), 1)
        return values

    def _sizes(self, name):
        """Numbers in a vector, and in its image."""
        return self.shape if name[0] == "r" else self.shape[::-1]

    def _demand(self, name):
        size, of_image = self._sizes(name)
        return (
            f"operator, of shape {self.shape}, must map vectors of {size} real numbers "
            f"to vectors of {of_image} by {name}, which"
        )

    def _check(self, name, values, n_rows):
        if values.shape != (n_rows, self._sizes(name)[1]) or np.iscomplexobj(values):
            raise ValueError(
                f"{self._demand(name)} returned values of dtype {values.dtype}, "
                f"shape {values.shape[n_rows == 1 :]}"
            )
        return values

    def _agree(self, name, *, tolerance=1e-4):
        """Whether products with two vectors are the same together as one by one.

        But for the rounding of operators that calculate in single precision.
        """
        vectors = np.random.default_rng(0).normal(size=(2, self._sizes(name)[0]))
        alone = self._one_by_one(name, vectors)
        if not np.isfinite(alone).all():
            raise ValueError(
                f"{self._demand(name)} returned NaN or infinity for a random vector"
            )
        try:
            together = np.asarray(getattr(self.operator, _TOGETHER[name])(vectors.T)).T
        except Exception:  # as above, or there is none
            return False
        near = tolerance * np.abs(alone).max(initial=0)
        return together.shape == alone.shape and bool(
            (np.abs(together - alone) <= near).all()
        )
