"""The dot-product test of an operator and its adjoint."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_scalar

from skhj.operators.convert import as_operator

__all__ = ["adjoint_mismatch", "check_adjoint"]


def adjoint_mismatch(
    operator: Any,
    generator: torch.Generator | None = None,
    models: torch.Tensor | None = None,
    *,
    n_pairs: int = 8,
) -> float:
    """Relative difference between an operator's adjoint and the true one.

    Over Gaussian x and r, the mean square of <A x, r> - <x, B r> is the squared
    Frobenius norm of A^T - B, and that of <A x, r> is the one of A. The root of their
    ratio is estimated from some pairs.

    Parameters
    ----------
    operator : ForwardOperator or object
        An operator, or what `as_operator` makes one of. The adjoint of a non-linear
        one is that of its derivative, which is taken at the first of some models.
    generator : torch.Generator or None, default=None
        Source of the pairs, on the CPU; None takes one with seed 0.
    models : Tensor of shape (n, N) or None, default=None
        Models; None takes Gaussian ones.
    n_pairs : int, default=8
        Number of pairs: eight estimate the norm of the difference to a third.

    Returns
    -------
    float
        About |A^T - B| / |A|: rounding error for a correct pair. Infinite if either
        product is not finite.

    Examples
    --------
    >>> from skhj.operators import adjoint_mismatch, as_operator
    >>> adjoint_mismatch(as_operator([[1.0, 2.0], [3.0, 4.0]])) < 1e-15
    True
    """
    operator = as_operator(operator)
    check_scalar(n_pairs, "n_pairs", Integral, min_val=1, max_val=10**6)
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    M, N = operator.shape
    x, r, at = (
        torch.randn(n_pairs, size, dtype=torch.float64, generator=generator)
        for size in (N, M, N)
    )
    if models is not None:
        at = _as_models(models, N).to(at)[torch.arange(n_pairs) % len(models)]
    Bx = operator.adjoint(r, at)
    Ax = operator.forward(x) if operator.is_linear else _derivative(operator, at, x)
    ours, theirs = (Ax * r).sum(1), (x * Bx).sum(1)
    if not (torch.isfinite(ours).all() and torch.isfinite(theirs).all()):
        return float("inf")
    unit = max(ours.abs().max(), theirs.abs().max())
    if not unit:
        return 0.0
    ours, theirs = ours / unit, theirs / unit  # squares of these are numbers
    return float((ours - theirs).norm() / max(ours.norm(), theirs.norm()))


def check_adjoint(
    operator: Any,
    generator: torch.Generator | None = None,
    models: torch.Tensor | None = None,
    *,
    tolerance: float = 1e-3,
) -> None:
    """Refuse an operator whose adjoint is not its adjoint, or whose values overflow.

    Parameters
    ----------
    operator : ForwardOperator
        An operator.
    generator : torch.Generator or None, default=None
        Source of the test's vectors, on the CPU; None takes one with seed 0.
    models : Tensor of shape (n, N) or None, default=None
        Models, at the first of which the derivative of a non-linear operator is taken;
        None takes Gaussian ones.
    tolerance : float, default=1e-3
        Largest `adjoint_mismatch`: far above the rounding of operators that calculate
        in single precision, far below what a forgotten factor, flip or boundary
        condition leaves.

    Raises
    ------
    ValueError
        If the adjoint is wrong, or a product with random vectors or what a non-linear
        operator makes of a model is not finite.
    """
    operator = as_operator(operator)
    check_scalar(tolerance, "tolerance", Real, min_val=0)
    if models is not None and not operator.is_linear:
        models = _as_models(models, operator.shape[1])
        finite = np.isfinite(operator.data(models.numpy())).all(axis=1)
        if not finite.all():
            raise ValueError(
                "operator must map models to finite measurements, got NaN or infinity "
                f"for {int((~finite).sum())} of {len(models)} rows of y"
            )
    mismatch = adjoint_mismatch(operator, generator, models)
    if mismatch == float("inf"):
        raise ValueError(
            "operator must map finite vectors to finite vectors, but A x or A^T r was "
            "NaN or infinite for random x and r"
        )
    if mismatch > tolerance:
        raise ValueError(
            "operator must come with its adjoint, <A x, r> = <x, A^T r> for all x and "
            f"r, but for random ones these differ by {mismatch:.2g} relative to their "
            f"size (at most {tolerance:g})"
        )


def _as_models(models, n_unknowns):
    shape = tuple(models.shape) if isinstance(models, torch.Tensor) else None
    if shape is None or len(shape) != 2 or shape[1] != n_unknowns or not shape[0]:
        got = type(models).__name__ if shape is None else f"one of shape {shape}"
        raise ValueError(
            f"models must be a tensor of shape (n, {n_unknowns}), got {got}"
        )
    return models


def _derivative(operator, at, direction):
    """Directional derivative of A, by differentiating its adjoint, linear in r."""
    r = torch.zeros(len(at), operator.shape[0], dtype=at.dtype, requires_grad=True)
    with torch.enable_grad():
        adjoint = operator.adjoint(r, at)
        (derivative,) = torch.autograd.grad(adjoint, r, direction)
    return derivative
