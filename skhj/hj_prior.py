"""Estimator of a prior from samples of its Hamilton-Jacobi value function."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skhj import hamilton_jacobi as hj
from skhj.base import PriorEstimator
from skhj.learned_prior import LearnedPrior
from skhj.networks import SemiconvexNetwork, make_core
from skhj.progress import CallbackSupportMixin, FitProgress, with_callbacks
from skhj.semiconvex_regression import fit_semiconvex
from skhj.training import resolve_device

__all__ = ["HJPriorRegressor"]


class HJPriorRegressor(CallbackSupportMixin, PriorEstimator):
    r"""Learn a prior from samples of its Hamilton-Jacobi value function.

    From samples of :math:`S(x, t) = \min_y J(y) + |x - y|^2 / (2t)`, and of its
    gradient where that is known, the estimator learns S by a network for which
    :math:`\psi(x) = |x|^2/2 - t S(x, t)` is convex, and the smallest prior J that
    generates it, :math:`J(y) = (\psi^*(y) - |y|^2/2) / t`.

    Parameters
    ----------
    t : float, default=1.0
        Time of the samples, positive. It has the units of |x|^2 / S: points scaled
        by ``a`` ask for ``a**2 * t``, values scaled by ``c`` for ``t / c``.
    network : {"icnn"} or nn.Module class, default="icnn"
        Convex network. "icnn" is an input-convex network with a wide shallow branch.
        A class is called with the number of features; its modules map (n, d) to (n,)
        and must be convex in their input, and a method ``project_`` is called after
        each step where there is one.
    hidden_layer_sizes : tuple of int, default=(96, 96)
        Widths of the deep branch of "icnn"; may be empty.
    wide_units : int, default=256
        Units of the shallow branch of "icnn"; may be 0.
    softplus_beta : float, default=5.0
        Sharpness of the softplus of "icnn" at the start of training.
    max_iter : int, default=100
        Largest number of passes over the data, for each of the two networks;
        half of them for a prior's network that only starts Newton's method.
        Training ends when half as many pass without progress on the hold-out.
    batch_size : int or "auto", default="auto"
        Samples a step. "auto" takes a sixteenth of the samples, from 32 to 256.
    learning_rate : float, default=0.02
        Largest step size of Adam; it is reached after a tenth of the steps and falls
        to zero along a half cosine.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, each in units of what the
        best quadratic leaves. It matters to the prior's network, whose gradients are
        always known, and to the value's where ``gradient`` is given.
    prior_method : {"auto", "network", "newton", "inversion"}, default="auto"
        How ``prior`` is computed. "network": a second network, one pass a query.
        "newton": that network's answer refined by Newton's method towards the
        conjugate of the fitted potential, of which it is a lower bound. "inversion":
        conjugate gradients from scratch for each query, without a second network; the
        slow baseline. "auto": "newton", or where gradients are given, the one of the
        first two that is closer to the prior on the hold-out.
    validation_fraction : float, default=0.1
        Share of the samples held out to choose the best weights.
    device : str, torch.device or None, default=None
        Where to compute. None takes a CUDA device where there is one, else the CPU.
    random_state : int, RandomState instance or None, default=None
        Source of the hold-out, the initial weights and the shuffling.
    verbose : int, default=0
        Positive: print a line an epoch.

    Attributes
    ----------
    n_features_in_ : int
        Number of features d seen in ``fit``.
    feature_names_in_ : ndarray of shape (d,)
        Names of the features, where X had string names.
    n_iter_ : int
        Number of epochs run for the value's network.
    loss_curve_ : ndarray of shape (n_iter_,)
        Training loss of the value's network. The best quadratic's is about 1, or
        1 + ``gradient_weight`` where gradients are given.
    prior_loss_curve_ : ndarray of shape (n_iter_,)
        Training loss of the prior's network; empty with "inversion".
    prior_method_ : str
        The method that ``prior`` uses.
    value_weights_, prior_weights_ : dict of str to ndarray
        Weights of the two networks; the latter None with "inversion".

    Raises
    ------
    FloatingPointError
        If the loss stops being finite in ``fit``; the message says what to lower.

    Notes
    -----
    The two networks and the exact gradient they share (with p = prox(x), x is a
    gradient of psi* at p) are in section 3 of the paper. Computation is in double
    precision, training in single; answers come in the dtype of X.

    References
    ----------
    Akande, Langlois, Onwunta, "Deep learning methods for inverse problems using
    connections between proximal operators and Hamilton-Jacobi equations",
    arXiv 2512.23829.

    Examples
    --------
    >>> from skhj import HJPriorRegressor
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import ConcaveQuadratic
    >>> problem = ConcaveQuadratic(kappa=0.5)
    >>> X, y, _ = make_value_samples(problem, 300, 2, t=1.0, random_state=0)
    >>> est = HJPriorRegressor(t=1.0, max_iter=5, random_state=0).fit(X, y)
    >>> est.prior([[1.0, 2.0]]).round(6)
    array([-1.25])
    >>> est.prox([[1.0, 2.0]]).round(6)
    array([[2., 4.]])
    """

    _parameter_constraints = {
        "t": [Interval(Real, 0, None, closed="neither")],
        "network": [StrOptions({"icnn"}), type],
        "hidden_layer_sizes": ["array-like"],
        "wide_units": [Interval(Integral, 0, None, closed="left")],
        "softplus_beta": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "gradient_weight": [Interval(Real, 0, None, closed="left")],
        "prior_method": [StrOptions({"auto", "network", "newton", "inversion"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "device": [str, torch.device, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        t=1.0,
        *,
        network="icnn",
        hidden_layer_sizes=(96, 96),
        wide_units=256,
        softplus_beta=5.0,
        max_iter=100,
        batch_size="auto",
        learning_rate=0.02,
        gradient_weight=1.0,
        prior_method="auto",
        validation_fraction=0.1,
        device=None,
        random_state=None,
        verbose=0,
    ):
        self.t = t
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.wide_units = wide_units
        self.softplus_beta = softplus_beta
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.gradient_weight = gradient_weight
        self.prior_method = prior_method
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, gradient=None):
        """Learn the value function and the prior.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, at least two.
        y : array-like of shape (n,)
            Values S(x, t).
        gradient : array-like of shape (n, d) or None, default=None
            Gradients of S by x, where known. From a denoiser's outputs p = prox(x),
            the gradient is (x - p) / t.

        Returns
        -------
        HJPriorRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not of the form asked for.
        """
        self._forget_fit()
        self._check_network()
        X, y, gradient = self._check_samples(X, y, gradient)
        device = resolve_device(self.device)
        rng = check_random_state(self.random_state)
        held_out = np.zeros(len(X), dtype=bool)
        n_held_out = int(np.ceil(self.validation_fraction * len(X)))
        held_out[rng.permutation(len(X))[: min(n_held_out, len(X) - 1)]] = True

        with_prior = self.prior_method != "inversion"
        progress = FitProgress(self, n_phases=1 + with_prior)
        learn = partial(
            self._learn, held_out=held_out, device=device, rng=rng, progress=progress
        )
        value_fit = learn(
            "value function", X, -y, _minus(gradient), max_iter=self.max_iter
        )
        model, prior_fit = LearnedPrior(value_fit.network, None, self.t), None
        if with_prior:
            # Given gradients make exact pairs; else the fitted network makes them.
            S, slope = y, gradient
            if gradient is None:
                S, slope = model.value_and_gradient(X)
            P = hj.prox_from_gradient(X, slope, self.t)
            J = hj.prior_at_prox(X, P, S, self.t)
            slope = hj.prior_gradient_from_point(P, X, self.t)
            prior_fit = learn(
                "prior", P, J, slope, max_iter=self._prior_epochs(gradient)
            )
            model.prior_network = prior_fit.network
        method = self.prior_method
        if method == "auto":
            method = "newton"
            if gradient is not None:
                method = _closest_method(model, P[held_out], J[held_out])
        progress.end()
        return self._keep(model, method, value_fit, prior_fit)

    def _check_network(self):
        if isinstance(self.network, type) and not issubclass(self.network, nn.Module):
            raise ValueError(
                "network must be 'icnn' or a subclass of torch.nn.Module (the class "
                "itself, not an object), got "
                f"{self.network!r}"
            )
        sizes = list(self.hidden_layer_sizes)
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(
                f"hidden_layer_sizes must be positive integers, got {sizes}"
            )

    def _prior_epochs(self, gradient):
        """Epochs of the prior's network: fewer where Newton's method refines it."""
        answers = self.prior_method == "network" or (
            self.prior_method == "auto" and gradient is not None
        )
        return self.max_iter if answers else -(-self.max_iter // 2)

    def _learn(
        self, name, X, w, gradient, *, max_iter, held_out, device, rng, progress
    ):
        """Fit one of the two networks."""
        seed = int(rng.randint(np.iinfo(np.int32).max))
        n_seen = int((~held_out).sum())
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = int(np.clip(n_seen // 16, 32, 256))
        progress.begin(name, max_iter)
        fit = fit_semiconvex(
            make_core(n_features=X.shape[1], seed=seed, **self._architecture()),
            X,
            w,
            gradient,
            t=self.t,
            held_out=held_out,
            device=device,
            gradient_weight=self.gradient_weight,
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=self.learning_rate,
            generator=torch.Generator().manual_seed(seed),
            verbose=self.verbose,
            progress=progress,
        )
        progress.end()
        if not fit.converged and max_iter == self.max_iter:
            warnings.warn(
                f"the network of the {name} was still improving when its training "
                f"ended; raise max_iter (it is {self.max_iter})",
                ConvergenceWarning,
                stacklevel=5,
            )
        return fit

    def _architecture(self):
        if self.network != "icnn":
            return {"network": self.network}
        return {
            "network": "icnn",
            "hidden_layer_sizes": tuple(self.hidden_layer_sizes),
            "wide_units": self.wide_units,
            "softplus_beta": self.softplus_beta,
        }

    def _keep(self, model, method, value_fit, prior_fit):
        """Set every fitted attribute, once all of them are known."""
        self._model = model
        self._fitted_architecture = self._architecture()
        self.prior_method_ = method
        self.value_weights_ = value_fit.network.to_arrays()
        self.loss_curve_ = value_fit.training.loss_curve
        self.n_iter_ = len(self.loss_curve_)
        self.prior_weights_, self.prior_loss_curve_ = None, np.empty(0)
        if prior_fit is not None:
            self.prior_weights_ = prior_fit.network.to_arrays()
            self.prior_loss_curve_ = prior_fit.training.loss_curve
        self._time = self.t
        return self

    def __getstate__(self):
        # The state is numpy: a model from a GPU loads without one.
        state = super().__getstate__().copy()
        state.pop("_model", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "value_weights_" in state:
            self._model = self._load_model()

    def _load_model(self):
        try:
            device = resolve_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        networks = [
            SemiconvexNetwork.from_arrays(
                make_core(
                    n_features=self.n_features_in_, seed=0, **self._fitted_architecture
                ),
                weights,
            ).to(device)
            if weights is not None
            else None
            for weights in (self.value_weights_, self.prior_weights_)
        ]
        return LearnedPrior(*networks, self._time)

    def _value_and_prox(self, X):
        S, gradient = self._model.value_and_gradient(X)
        return S, hj.prox_from_gradient(X, gradient, self._time)

    def _prior_and_gradient(self, X):
        answer = self._model.prior(X, self.prior_method_)
        n_unsolved = int((~answer.solved).sum())
        if n_unsolved:
            warnings.warn(
                f"the conjugate was not solved to its tolerance at {n_unsolved} of "
                f"{len(X)} points: the prior there is a lower bound of the fitted one",
                ConvergenceWarning,
                stacklevel=3,
            )
        return answer.value, answer.gradient


def _minus(gradient):
    return None if gradient is None else -gradient


def _closest_method(model, P, J):
    """Return the method whose prior is closer to J at P, and the cheaper of equals."""
    errors = {
        method: np.mean((model.prior(P, method).value - J) ** 2)
        for method in ("network", "newton")
    }
    return min(errors, key=errors.get)
