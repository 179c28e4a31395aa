"""A fitted prior as a torch module through which gradients flow."""

import torch
from sklearn.base import BaseEstimator
from torch import nn
from torch.autograd.function import once_differentiable

from skhj.adaptors.fitted_prior import check_step, time_of
from skhj.numerics.tensors import to_tensor

__all__ = ["TorchPrior", "to_torch"]


def to_torch(est: BaseEstimator) -> "TorchPrior":
    """Make a torch module of a fitted prior.

    Parameters
    ----------
    est : estimator
        A fitted `HJPriorRegressor`, or `PQMPrior`, whose prox has no derivative.

    Returns
    -------
    TorchPrior
        The module. It shares the estimator.

    Raises
    ------
    ValueError
        If ``est`` is no estimator of a prior.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> import torch
    >>> from skhj import HJPriorRegressor
    >>> from skhj.adaptors import to_torch
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import L1
    >>> X, y, G = make_value_samples(L1(), 200, 2, t=0.5, random_state=0)
    >>> prior = to_torch(HJPriorRegressor(0.5, random_state=0).fit(X, y, gradient=G))
    >>> x = torch.tensor([[2.0, -0.1]], requires_grad=True)
    >>> prior.prior(x).sum().backward()
    >>> x.grad.shape
    torch.Size([1, 2])
    """
    return TorchPrior(est)


class TorchPrior(nn.Module):
    r"""A fitted prior as a module without parameters, in its estimator's units.

    Its methods take tensors of shape (n, d), or (n, \*image_shape) for images, and
    answer in their shape, dtype and on their device. Gradients flow by the identities
    of the theory, not through the solvers: that of S is (x - prox(x)) / t, the
    derivative of prox is a symmetric matrix.

    Parameters
    ----------
    est : estimator
        The fitted estimator.

    Attributes
    ----------
    estimator : estimator
        The estimator.
    t : float
        Time at which it was learned.

    Notes
    -----
    Answers are computed where the estimator's model is, and in its precision.
    """

    def __init__(self, est: BaseEstimator) -> None:
        super().__init__()
        self.t = time_of(est)
        self.estimator = est

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``prox(x)``: the module is a denoiser.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n, d)
            Proximal points.
        """
        return self.prox(x)

    def prox(self, x: torch.Tensor, time: float | None = None) -> torch.Tensor:
        """Proximal operator of the prior at a time, differentiable once.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.
        time : float or None, default=None
            The time, above 0 and at most t, which is meant by None.

        Returns
        -------
        Tensor of shape (n, d)
            Proximal points.
        """
        time = None if time is None else check_step("time", time, self.t)
        return _Prox.apply(x, self.estimator, time)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Value function S(x, t), differentiable twice.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n,)
            Values.
        """
        return _Value.apply(x, self.estimator, self.t)

    def prior(self, x: torch.Tensor) -> torch.Tensor:
        """The prior J(x), differentiable once.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n,)
            Values.
        """
        return _Prior.apply(x, self.estimator)


def _rows(x):
    return x.detach().flatten(1).cpu().numpy()


def _like(rows, x):
    """An answer as a tensor of the dtype and device of x."""
    return to_tensor(rows).to(dtype=x.dtype, device=x.device)


def _by(factors, x):
    return factors.view(-1, *(1,) * (x.ndim - 1)) * x


class _Prox(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, est, time):
        ctx.save_for_backward(x)
        ctx.est, ctx.time = est, time
        return _like(est.prox(_rows(x), time=time), x).view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, directions):
        (x,) = ctx.saved_tensors
        rows = ctx.est._prox_derivative(_rows(x), _rows(directions), ctx.time)
        return _like(rows, x).view_as(x), None, None


class _Value(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, est, t):
        ctx.save_for_backward(x)
        ctx.est, ctx.t = est, t
        return _like(est.evolve(_rows(x), t), x)

    @staticmethod
    def backward(ctx, factors):
        (x,) = ctx.saved_tensors
        return _by(factors, (x - _Prox.apply(x, ctx.est, None)) / ctx.t), None, None


class _Prior(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, est):
        ctx.save_for_backward(x)
        ctx.est = est
        return _like(est.prior(_rows(x)), x)

    @staticmethod
    @once_differentiable
    def backward(ctx, factors):
        (x,) = ctx.saved_tensors
        gradient = _like(ctx.est.prior_gradient(_rows(x)), x).view_as(x)
        return _by(factors, gradient), None
