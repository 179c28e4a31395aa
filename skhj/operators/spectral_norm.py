"""Upper bound of the spectral norm of a linear operator, from few products with it."""

import math
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.utils import check_scalar

from skhj.numerics.threads import threads_for
from skhj.operators.convert import as_operator

__all__ = ["spectral_norm"]


def spectral_norm(operator: Any, *, n_steps: int = 50, risk: float = 1e-6) -> float:
    r"""Bound the largest singular value |A| of a linear operator from above.

    Lanczos' method on A^T A from a random vector gives a lower bound, the norm of A on
    a Krylov space. The theorem below tells how far it may lie below |A|; divided by
    that, it is an upper bound.

    Parameters
    ----------
    operator : ForwardOperator or object
        A linear operator, of shape (M, N), or what `as_operator` makes one of.
    n_steps : int, default=50
        Products with A and with A^T. With 50, the bound is at most 1.03 |A| for a
        million unknowns; the answer is exact where M or N is no larger.
    risk : float, default=1e-6
        Probability that the answer is no upper bound, over the choice of the vector.
        That choice is always the same: an operator has one answer.

    Returns
    -------
    float
        At least |A|, and at most |A| divided by the square root of
        :math:`1 - \epsilon`, with :math:`\epsilon = (\log(1.648 \sqrt{n} /
        \mathrm{risk}) / (2\, \mathrm{n\_steps} - 1))^2` and n the smaller of M, N.

    Raises
    ------
    ValueError
        If the operator is not linear or its products are not finite, or n_steps are
        too few for a bound.

    References
    ----------
    Kuczynski, Wozniakowski, "Estimating the largest eigenvalue by the power and Lanczos
    algorithms with a random start", SIAM J. Matrix Anal. Appl. 13 (1992), theorem 4.2.

    Examples
    --------
    >>> from skhj.operators import as_operator, spectral_norm
    >>> round(spectral_norm(as_operator([[3.0, 0.0], [0.0, 4.0]])), 12)
    4.0
    """
    operator = as_operator(operator)
    check_scalar(n_steps, "n_steps", Integral, min_val=1)
    check_scalar(risk, "risk", Real, min_val=0, max_val=1, include_boundaries="neither")
    if not operator.is_linear:
        raise ValueError("operator must be linear to have a spectral norm")
    size = min(operator.shape)
    slack = _slack(size, n_steps, risk) if n_steps < size else 0.0
    if slack >= 1:
        raise ValueError(
            f"n_steps must be at least {_fewest_steps(size, risk)} for a bound with "
            f"risk={risk:g} and an operator of shape {operator.shape}, got {n_steps!r}"
        )
    with threads_for(math.prod(operator.shape)), torch.no_grad():
        norm, is_exact = _norm_on_krylov_space(operator, min(n_steps, size))
    if not math.isfinite(norm):
        raise ValueError(
            "operator must map finite vectors to finite vectors, but A x or A^T r was "
            "NaN or infinite for random x and r"
        )
    return norm if is_exact else norm / math.sqrt(1 - slack)


def _slack(size, n_steps, risk):
    """Relative error of Lanczos' largest eigenvalue, exceeded with a small risk."""
    return (math.log(1.648 * math.sqrt(size) / risk) / (2 * n_steps - 1)) ** 2


def _fewest_steps(size, risk):
    return math.floor((math.log(1.648 * math.sqrt(size) / risk) + 1) / 2) + 1


def _norm_on_krylov_space(operator, n_steps, *, rounding=1e-12):
    """Norm of A, or A^T if that is wide, on a Krylov space; whether that is |A|."""
    M, N = operator.shape
    there, back = operator.forward, operator.adjoint
    if M < N:
        there, back = back, there
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(1, min(M, N), dtype=torch.float64, generator=generator)
    basis = v / v.norm()
    images = there(basis)
    while len(basis) < n_steps:
        v = _rescaled(back(_rescaled(images[-1:])))
        size = v.norm()
        for _ in range(2):  # once leaves rounding of the cancelled parts
            v = v - v @ basis.T @ basis
        if v.norm() <= rounding * size:
            return _norm(images), True
        if not torch.isfinite(v).all():
            return math.inf, False
        basis = torch.cat([basis, v / v.norm()])
        images = torch.cat([images, there(basis[-1:])])
    return _norm(images), n_steps == min(M, N)


def _rescaled(rows):
    """Rows whose squares neither overflow nor vanish, unless they are zero."""
    largest = rows.abs().max()
    return rows / largest if largest else rows


def _norm(images):
    largest = images.abs().max()
    if not torch.isfinite(largest):
        return math.inf
    return float(torch.linalg.matrix_norm(_rescaled(images), 2) * largest)
