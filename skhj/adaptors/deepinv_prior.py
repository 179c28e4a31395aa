"""A fitted prior as an explicit prior of deepinv."""

from functools import cache
from typing import TYPE_CHECKING

import torch
from sklearn.base import BaseEstimator

from skhj.adaptors.fitted_prior import check_step
from skhj.adaptors.torch_prior import TorchPrior

if TYPE_CHECKING:
    from deepinv.optim import Prior

__all__ = ["to_deepinv"]


def to_deepinv(est: BaseEstimator) -> "Prior":
    """Make a prior of deepinv of a fitted prior.

    Parameters
    ----------
    est : estimator
        A fitted `HJPriorRegressor`, or `PQMPrior`, whose prox has no derivative.

    Returns
    -------
    deepinv.optim.Prior
        An explicit prior of tensors of shape (n, d), or (n, C, H, W) for images: value,
        gradient, and prox at any step ``gamma`` up to the estimator's t. A larger one
        raises a ValueError.

    Raises
    ------
    ImportError
        If deepinv is not installed.
    ValueError
        If ``est`` is no estimator of a prior.
    NotFittedError
        If it is not fitted.
    """
    return _prior_class()(est)


@cache
def _prior_class():
    # Made when it is asked for: the package is optional.
    from deepinv.optim import Prior

    class LearnedPrior(Prior):
        """The prior of a fitted estimator."""

        def __init__(self, est):
            super().__init__()
            self.module = TorchPrior(est)
            self.explicit_prior = True

        def fn(self, x, *args, **kwargs):
            return self.module.prior(x)

        def grad(self, x, *args, **kwargs):
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                return torch.autograd.grad(self.fn(x).sum(), x)[0]

        def prox(self, x, *args, gamma=1.0, **kwargs):
            # A step may be a tensor of one number.
            time = check_step("gamma", float(gamma), self.module.t)
            return self.module.prox(x, time)

        def __reduce__(self):
            return to_deepinv, (self.module.estimator,)

    return LearnedPrior
