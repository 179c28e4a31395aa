"""Estimator of certified priors, by max-plus minorants."""

from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skhj.estimators.arrays import FLOATS, in_dtype
from skhj.estimators.metric_option import check_metric
from skhj.estimators.missing_gradients import estimate_gradient
from skhj.estimators.prior_estimator import PriorEstimator
from skhj.estimators.process_state import keeps_process_state
from skhj.exceptions import warn
from skhj.max_plus.constants import (
    prior_constants,
    sample_allowance,
    unconstrained_constants,
)
from skhj.max_plus.maximum import maximum
from skhj.max_plus.pieces import (
    Pieces,
    pam_pieces,
    pqm_pieces,
    value_upper_pieces,
    within_range,
)
from skhj.max_plus.reachability import measure_reachability, project_reachable
from skhj.max_plus.selection import select_pieces
from skhj.max_plus.value import ValueSolver

__all__ = ["PQMPrior"]


class PQMPrior(PriorEstimator):
    r"""Bound a prior from samples of its value function, without training.

    From values and gradients of :math:`S(x, t) = \min_y J(y) + |x - y|^2/(2t)` the
    prior is the maximum of one quadratic a sample,

    .. math:: J_{PQM}(y) = \max_k J_k + \langle g_k, y - y_k \rangle
        - \frac{1 - \alpha}{2t} |y - y_k|^2, \qquad y_k = x_k - t g_k, \;
        J_k = S_k - \frac{t}{2} |g_k|^2,

    exact at every y_k, and S, the prox and every other time follow from it exactly.

    Where :math:`tJ + |\cdot|^2/2` *is* alpha-strongly convex, a constant the caller
    knows, J_PQM and its S are lower bounds everywhere: a certificate. With "auto" the
    constant, and so the bound, is an estimate from above. Upper bounds ask for the
    smoothness of psi* in the same way.

    The error decays as n^(-2/d): in many dimensions these are bounds, not a regressor.
    For a smooth prior and n = 4000 the mean error over the deviation of J was 0.36
    (alpha=0), 0.07 (known alpha), 0.03 ("local") at d = 8. Outside the convex hull of
    the samples S falls as -|dx|^2 / (2 t alpha).

    Parameters
    ----------
    t : float, default=1.0
        Time of the samples, positive.
    alpha : {"auto", "local"} or float, default="auto"
        Strong convexity of t J + |.|^2 / 2. "auto" is the largest constant consistent
        with the samples, "local" the largest of each piece: far more accurate, exact
        at samples, and no lower bound. A float in [0, 1) is a known constant; 0 is
        PAM, which holds for any prior and needs no gradients.
    smoothness : "auto" or float, default="auto"
        Smoothness L of psi*, for the upper bounds: psi* - L |.|^2 / 2 is concave.
        "auto" is the least the samples allow, ``inf`` is right for every prior.
    gradient_estimator : {"auto", "local"} or estimator, default="auto"
        Without gradients: "local" fits quadratics to neighbours, an estimator with
        ``fit``, ``predict`` and ``prox`` is fitted to the values, and replaces them.
        "auto" is "local" for at most three features, `HJPriorRegressor` above.
    on_inconsistent : {"warn", "project", "raise"}, default="warn"
        If no prior generates the samples: keep them (alpha "auto" is then 0); replace
        them by the envelope of their tangents, which lowers noisy values; or raise.
    noise_std : float, default=0.0
        Standard deviation of the noise of ``y``: widens the tests of consistency.
    metric : array-like of shape (d,) or (d, d), or None, default=None
        Symmetric positive definite matrix M, or its diagonal, of the metric
        (x - y)' M^-1 (x - y) / (2t).
    n_pieces : int or None, default=None
        Keep this many pieces at most, each chosen where the others err the most.
    tol : float, default=1e-10
        Duality gap of the value function, relative to the spread of its values.
    max_rounds : int, default=100
        Largest number of passes over the pieces for a value.
    random_state : int, RandomState instance or None, default=None
        Passed to the `HJPriorRegressor` of ``gradient_estimator="auto"``.

    Attributes
    ----------
    alpha_ : float
        The constant of the pieces; with "local", the least of theirs.
    alpha_local_ : ndarray of shape (n,)
        The largest constant of each sample; of zeros where there are no gradients.
    smoothness_ : float
        Smoothness of psi*, at least ``alpha_``; ``inf`` without gradients.
    reachable_ : bool
        Whether the samples as given, of values alone with estimated gradients, are
        those of a value function.
    n_pieces_ : int
        Number of pieces.
    points_, slopes_, values_, beta_ : ndarray
        The pieces, relative to the offsets, for M = L L' in the coordinates L^-1 x.
    X_offset_ : ndarray of shape (d,)
        Mean of the points in these.
    y_offset_ : float
        Mean of the values.
    has_gradients_ : bool
        Whether there were gradients, given or estimated.
    estimated_constants_ : tuple of str
        Which of "alpha" and "smoothness", and so the bounds, are estimates.

    See Also
    --------
    HJPriorRegressor : Learns the prior, by splines, sums of norms or networks.

    References
    ----------
    Gaubert, McEneaney, Qu, "Curse of dimensionality reduction in max-plus based
    approximation methods: theoretical estimates and improved pruning algorithms",
    CDC 2011.

    Examples
    --------
    >>> from skhj import PQMPrior
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import L1
    >>> X, y, gradient = make_value_samples(L1(), 500, 2, random_state=0)
    >>> prior = PQMPrior(t=1.0).fit(X, y, gradient=gradient)
    >>> round(prior.alpha_, 6)
    1.0
    >>> prior.prior([[1.0, -2.0], [0.0, 0.0]]).round(6) + 0.0
    array([3., 0.])
    """

    _parameter_constraints = {
        "t": [Interval(Real, 0, 1e150, closed="neither")],
        "alpha": [StrOptions({"auto", "local"}), Interval(Real, 0, 1, closed="left")],
        "smoothness": [StrOptions({"auto"}), Interval(Real, 0, None, closed="right")],
        "gradient_estimator": [
            StrOptions({"auto", "local"}),
            HasMethods(["fit", "predict", "prox"]),
        ],
        "on_inconsistent": [StrOptions({"warn", "project", "raise"})],
        "noise_std": [Interval(Real, 0, np.inf, closed="left")],
        "metric": ["array-like", None],
        "n_pieces": [None, Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_rounds": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        t: float = 1.0,
        *,
        alpha: float | Literal["auto", "local"] = "auto",
        smoothness: float | Literal["auto"] = "auto",
        gradient_estimator: Any = "auto",
        on_inconsistent: str = "warn",
        noise_std: float = 0.0,
        metric: ArrayLike | None = None,
        n_pieces: int | None = None,
        tol: float = 1e-10,
        max_rounds: int = 100,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.t = t
        self.alpha = alpha
        self.smoothness = smoothness
        self.gradient_estimator = gradient_estimator
        self.on_inconsistent = on_inconsistent
        self.noise_std = noise_std
        self.metric = metric
        self.n_pieces = n_pieces
        self.tol = tol
        self.max_rounds = max_rounds
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @keeps_process_state
    def fit(
        self, X: ArrayLike, y: ArrayLike, gradient: ArrayLike | None = None
    ) -> Self:
        """Make the pieces from samples of a value function.

        Takes one pass over the pairs of samples, n^2 d operations; none with alpha=0.
        Two arrays of the size of X are kept, three more needed meanwhile; all other
        workspace, that of queries too, is below 32 MiB.

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
        PQMPrior
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not of the form asked for, or if
            ``on_inconsistent="raise"`` and no prior generates the samples.

        Warns
        -----
        UserWarning
            If no prior generates the samples, or none with the given ``alpha``.
        """
        self._forget_fit()
        X, y, gradient = self._check_samples(X, y, gradient, dtype=FLOATS)
        allowance = sample_allowance(X, y, gradient, noise_std=self.noise_std)
        S = y.astype(np.float64)
        if gradient is not None:
            gradient = gradient.astype(np.float64)  # a copy, which the pieces keep
        elif self.alpha != 0:
            S, gradient = estimate_gradient(
                self.gradient_estimator,
                X.astype(np.float64),
                S,
                t=self.t,
                noise_std=self.noise_std,
                random_state=self.random_state,
            )
        offsets = X.mean(axis=0, dtype=np.float64), S.mean()
        X, S = X - offsets[0], S - offsets[1]
        constants = unconstrained_constants(len(X))
        if gradient is not None:
            constants = prior_constants(X, S, gradient, t=self.t, allowance=allowance)
        reachable = bool(constants.alpha.min() >= 0)
        if not reachable and self.on_inconsistent == "project":
            S, gradient = project_reachable(X, S, gradient, t=self.t)
            allowance = sample_allowance(X, S, gradient)  # that of noise is used up
            constants = prior_constants(X, S, gradient, t=self.t, allowance=allowance)
        elif not reachable:
            self._report_inconsistent(X, S, gradient, allowance)
        pieces = self._make_pieces(X, S, gradient, constants)
        fitted = self._attributes_of(pieces, constants)
        return self._keep_fit(
            **fitted,
            reachable_=reachable,
            has_gradients_=gradient is not None,
            X_offset_=offsets[0],
            y_offset_=offsets[1],
            _fitted_time=self.t,
            _fitted_metric=check_metric(self.metric, self.n_features_in_),
        )

    def _report_inconsistent(self, X, S, gradient, allowance):
        result = measure_reachability(X, S, gradient, t=self.t, allowance=allowance)
        i, j = result.pair
        message = (
            f"no prior generates these samples at t={self.t}: by sample {i} the value "
            f"of sample {j} is {result.worst_violation:.3g} too large; the largest "
            f"time without a violation is t={result.largest_t:.3g}"
        )
        if self.on_inconsistent == "raise":
            raise ValueError(
                f"{message}. Set noise_std where the values are noisy, or "
                "on_inconsistent to 'warn' or 'project'"
            )
        warn(message)

    def _make_pieces(self, X, S, gradient, constants):
        """Pieces of the prior with the alpha asked for, all or the best of them."""
        consistent = np.maximum(constants.alpha, 0)
        if self.alpha == "local":
            alpha = consistent
        elif self.alpha == "auto":
            alpha = consistent.min()
        else:
            alpha = self.alpha
            if gradient is not None and alpha > consistent.min():
                warn(
                    f"alpha={alpha} is larger than the samples allow, "
                    f"{consistent.min():.6g}: the prior is not exact at all of them"
                )
        if gradient is None:
            pieces = pam_pieces(X, S, t=self.t)
        else:
            pieces = pqm_pieces(X, S, gradient, t=self.t, alpha=alpha)
        if self.n_pieces is not None and self.n_pieces < len(X):
            pieces = pieces.take(select_pieces(pieces, self.n_pieces)[0])
        return pieces

    def _attributes_of(self, pieces, constants):
        """Fitted attributes that describe the pieces, by name."""
        alpha = float(1 - self.t * np.max(pieces.beta))
        smoothness = self._check_smoothness(constants.smoothness)
        asked = ("alpha", self.alpha), ("smoothness", self.smoothness)
        return {
            "points_": pieces.points,
            "slopes_": pieces.slopes,
            "values_": pieces.values,
            "beta_": np.asarray(pieces.beta),
            "n_pieces_": len(pieces.values),
            "alpha_": alpha,
            "alpha_local_": np.maximum(constants.alpha, 0),
            "smoothness_": float(max(smoothness, alpha)),
            "estimated_constants_": tuple(k for k, v in asked if isinstance(v, str)),
        }

    def _check_smoothness(self, least, *, rounding=1e-6):
        """The smoothness asked for, where the samples allow it."""
        if self.smoothness == "auto":
            return least
        if np.isfinite(least) and self.smoothness < (1 - rounding) * least:
            raise ValueError(
                f"smoothness must be at least {least:.6g}, the least that the samples "
                f"allow, for the bounds not to cross, got {self.smoothness}"
            )
        return self.smoothness

    @property
    def _pieces(self):
        beta = self.beta_ if self.beta_.ndim else float(self.beta_)
        return Pieces(self.points_, self.slopes_, self.values_, beta)

    def _center(self, X):
        """Queries in the coordinates of the pieces."""
        return within_range(X - self.X_offset_)

    def _prior_and_gradient(self, X):
        Y = self._center(X)
        best = maximum(self._pieces, Y, dtype=X.dtype)
        gradient = self._pieces.take(best.index).gradient_at(Y)
        return best.value + self.y_offset_, gradient

    def _value_and_prox(self, X):
        return self._solve(X, self._fitted_time)

    def _evolved(self, X, time):
        return self._solve(X, time)

    def _solve(self, X, time):
        solver = ValueSolver(tol=self.tol, max_rounds=self.max_rounds)
        solution = solver.solve(self._pieces, self._center(X), time)
        unsolved = solver.unsolved(solution, self._pieces, time)
        if unsolved:
            warn(unsolved, RuntimeWarning)
        return solution.value + self.y_offset_, solution.prox + self.X_offset_

    def prior_bounds(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the true prior.

        Certified where ``alpha`` and ``smoothness`` are known constants of it and the
        samples exact; estimates of bounds where the samples give the constants.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        lower : ndarray of shape (n,)
            The prior of the pieces.
        upper : ndarray of shape (n,)
            The least of the pieces' majorants; ``inf`` where ``smoothness_`` is.
        """
        return self.prior(X), self._upper_bound(X, 0.0)

    def value_bounds(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the true value function S(x, t).

        Certified under the same conditions as `prior_bounds`, and estimates where
        ``estimated_constants_`` has a name: "alpha" for the lower ones, "smoothness"
        for the upper. An infinite ``smoothness`` is always right, given gradients.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        lower : ndarray of shape (n,)
            The value function of the pieces.
        upper : ndarray of shape (n,)
            The least of the majorants' value functions; ``inf`` without gradients.
        """
        lower = self.predict(X)
        return lower, self._upper_bound(X, self._fitted_time)

    def _upper_bound(self, X, time):
        X = self._check_points(X)
        if not self.has_gradients_ or (time == 0 and np.isinf(self.smoothness_)):
            return np.full(len(X), np.inf, dtype=X.dtype)
        upper = value_upper_pieces(
            self._pieces, time, t=self._fitted_time, smoothness=self.smoothness_
        )
        best = maximum(upper, self._center(X), dtype=X.dtype)
        return in_dtype(self.y_offset_ - best.value, X.dtype)
