"""Estimator of models from measurements by a prior that is known or was learned."""

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skhj.estimators.arrays import FLOATS, in_dtype, relative_misfit
from skhj.estimators.fitted_state import FittedState
from skhj.estimators.given_prior import (
    check_prior,
    frozen,
    prepared_prior,
    regulariser_of,
)
from skhj.estimators.inverse_checks import check_bounds
from skhj.estimators.process_state import keeps_process_state
from skhj.estimators.shared_operator import SharedOperator
from skhj.estimators.solver_checks import (
    check_known_models,
    check_solver_operator,
    check_solver_shape,
    noise_precision,
    report_search,
    report_unsolved,
)
from skhj.exceptions import held_back
from skhj.inverse.reconstruction.algorithms import ALGORITHMS, Problem, choose_algorithm
from skhj.inverse.reconstruction.filtered import FilteredPrior
from skhj.inverse.reconstruction.reconstructor import Reconstructor
from skhj.inverse.reconstruction.strength import StrengthSearch
from skhj.operators import as_operator
from skhj.operators.spectral_norm import spectral_norm

__all__ = ["PriorInverseSolver", "SolverInfo"]


class SolverInfo(NamedTuple):
    """How the answers to some measurements were found.

    Attributes
    ----------
    objective : ndarray of shape (n,)
        What was minimised, at the answers.
    n_iter : ndarray of shape (n,), dtype int64
        Steps made.
    residual : ndarray of shape (n,)
        What is left of the condition of a minimum: the norm of the objective's
        gradient, or of what stands for it where the prior has kinks, relative to that
        of the misfit's gradient at zero.
    """

    objective: np.ndarray
    n_iter: np.ndarray
    residual: np.ndarray


class PriorInverseSolver(
    SharedOperator, FittedState, MultiOutputMixin, RegressorMixin, BaseEstimator
):
    r"""Recover models from measurements by a prior that is known or was learned.

    For measurements :math:`b = A x + \text{noise}` the answer is a minimiser of

    .. math:: \frac{|A x - b|^2}{2 s^2} + \lambda J(x)

    with the noise level s, the prior J and its strength :math:`\lambda`.

    Parameters
    ----------
    operator : object
        The operator A, of shape (M, N): an array, a sparse matrix, a linear operator of
        scipy or PyLops, an object with ``A`` and ``A_adjoint``, or a differentiable
        function of torch tensors, linear or not; see `skhj.operators.as_operator`.
    prior : object
        The prior J, one of

        - an estimator with the methods ``prox`` and ``prior``, such as
          `HJPriorRegressor` and `PQMPrior`. A fitted one is used as it is. One that is
          not is fitted by ``fit(B, X)``, a copy of it, to the models X with noise of
          variance ``t`` and those without;
        - an object of `skhj.problems`;
        - a proximal operator of pyproximal.
    strength : "auto" or float, default="auto"
        The weight :math:`\lambda`. "auto" is chosen by ``fit``.
    noise_level : float or None, default=None
        Standard deviation s of the noise. None counts as one.
    bounds : tuple of float or None, default=None
        Smallest and largest entry of a model.
    image_shape : tuple of int or None, default=None
        Shape of models that are flattened images, (H, W) or (C, H, W), or signals,
        (N,). An image prior learned on another shape is used for this one.
    algorithm : {"auto", "gradient", "forward-backward", "admm"}, default="auto"
        The minimiser.

        - "gradient": steps along the gradient of the whole objective, where the prior
          has one. For image priors and linear operators without bounds, each step
          minimises a quadratic above the objective over the plane of the gradient and
          of the last step [1]_; otherwise accelerated projected gradient steps [2]_.
        - "forward-backward": gradient steps on the misfit and proximal steps on the
          prior, accelerated [2]_. The prior's prox is asked for at the step's own time,
          which for a learned prior is at most its t.
        - "admm": alternating directions [3]_, for linear operators.
        - "auto": "gradient" for image priors, "admm" for others, "forward-backward" if
          the operator is not linear.
    max_iter : int, default=5000
        Largest number of steps for a row of measurements.
    tol : "auto" or float, default="auto"
        Residual at which a row is solved, see `SolverInfo`. "auto" is 1e-8, or 1e-5 for
        image priors.
    random_state : int, RandomState instance or None, default=None
        Source of the noise for a prior that is fitted here, of the models that are held
        out of that, and of the pairs that choose the strength.
    verbose : int, default=0
        Positive: print a line a strength tried.

    Attributes
    ----------
    strength_ : float
        The weight of the prior.
    algorithm_ : str
        The algorithm.
    prior_ : object
        The prior, fitted, for the models' shape.
    strength_limit_ : float
        Largest strength for which the objective is known to be convex, so that every
        answer is a global minimiser: with A^T A >= a and J of curvature >= -m it is
        :math:`a / (m s^2)`. Zero where A has a null space, not a number where
        nothing is known of J.
    strengths_, strength_scores_ : ndarray of shape (n_tried,)
        Strengths that were tried, ascending, and the mean squared error of the models,
        or without these the mean squared misfit over the noise's; empty where the
        strength was given.
    n_features_in_ : int
        Number of measurements M.

    Warns
    -----
    ConvergenceWarning
        If a row was not solved within ``max_iter``; the message has the residual, and
        says where the objective may not be convex. If no strength was found between two
        that are worse.

    Notes
    -----
    Answers to rows are independent of each other. ``predict`` starts from the mean of
    the models given to ``fit``, else from zero.

    `sklearn.base.clone`, and so cross-validation, shares the operator, and a fitted
    prior, which becomes a `sklearn.frozen.FrozenEstimator`: a search over strengths
    does not learn the prior anew.

    References
    ----------
    .. [1] Chouzenoux, Idier, Moussaoui, "A majorize-minimize strategy for subspace
       optimization applied to image restoration", IEEE Trans. Image Processing 20,
       2011.
    .. [2] Li, Lin, "Accelerated proximal gradient methods for nonconvex programming",
       NeurIPS 2015.
    .. [3] Boyd et al., "Distributed optimization and statistical learning via the
       alternating direction method of multipliers", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj import PriorInverseSolver
    >>> from skhj.problems import L1
    >>> A = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    >>> solver = PriorInverseSolver(A, L1(), strength=0.1).fit([[1.0, 1.0]])
    >>> solver.predict([[1.0, 1.0]]).round(3)
    array([[0.  , 0.  , 0.95]])
    """

    _parameter_constraints = {
        "operator": "no_validation",
        "prior": "no_validation",
        "strength": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "noise_level": [Interval(Real, 0, None, closed="neither"), None],
        "bounds": ["array-like", None],
        "image_shape": ["array-like", None],
        "algorithm": [StrOptions({"auto", *ALGORITHMS})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        operator: Any,
        prior: Any,
        *,
        strength: float | Literal["auto"] = "auto",
        noise_level: float | None = None,
        bounds: Sequence[float] | None = None,
        image_shape: Sequence[int] | None = None,
        algorithm: str = "auto",
        max_iter: int = 5000,
        tol: float | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.operator = operator
        self.prior = prior
        self.strength = strength
        self.noise_level = noise_level
        self.bounds = bounds
        self.image_shape = image_shape
        self.algorithm = algorithm
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    def _shared_parameters(self):
        return super()._shared_parameters() | {"prior": frozen(self.prior)}

    @_fit_context(prefer_skip_nested_validation=False)
    @keeps_process_state
    def fit(self, B: ArrayLike, X: ArrayLike | None = None) -> Self:
        """Choose the strength, and fit the prior where it is not.

        Parameters
        ----------
        B : array-like of shape (n, M)
            Measurements.
        X : array-like of shape (n, N) or None, default=None
            Their models. With them ``strength="auto"`` has the least mean squared
            error; without, the misfit of the noise, which ``noise_level`` must tell.

        Returns
        -------
        PriorInverseSolver
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not of the form asked for, or the operator
            does not match the data or its own adjoint.
        """
        self._forget_fit()
        B = self._check_measurements(B, reset=True).astype(np.float64)
        bounds = check_bounds(self.bounds)
        check_prior(self.prior)
        image_shape = check_solver_shape(self.image_shape)
        rng = check_random_state(self.random_state)
        X = check_known_models(X, B, image_shape and prod(image_shape))
        prior, judges = prepared_prior(self.prior, X, image_shape, rng)
        operator = check_solver_operator(self.operator, B, X, prior, image_shape)
        problem = Problem(
            operator,
            spectral_norm(operator) if operator.is_linear else np.nan,
            regulariser_of(prior),
            noise_precision(self.noise_level),
            bounds,
        )
        algorithm = self._check_algorithm(problem)
        tol = self._default_tol(problem) if self.tol == "auto" else self.tol
        solver = Reconstructor(problem, algorithm, self.max_iter, tol)
        start = np.zeros(operator.shape[1]) if X is None else X.mean(0)
        strength, strengths, scores = self._find_strength(solver, B, X, judges, start)
        return self._keep_fit(
            strength_=strength,
            strengths_=strengths,
            strength_scores_=scores,
            strength_limit_=problem.strength_limit,
            algorithm_=algorithm,
            prior_=prior,
            _fitted_operator=self.operator,
            _fitted_start=start,
            _fitted_problem=(problem.norm, problem.precision, bounds),
            _fitted_image_shape=image_shape,
            _fitted_limits=(self.max_iter, tol),
            _loaded_solver=solver,
        )

    def _load_with(self, operator):
        norm, precision, bounds = self._fitted_problem
        shape = self.n_features_in_, len(self._fitted_start)
        operator = as_operator(
            operator, shape=shape, image_shape=self._fitted_image_shape
        )
        regulariser = regulariser_of(self.prior_)
        problem = Problem(operator, norm, regulariser, precision, bounds)
        solver = Reconstructor(problem, self.algorithm_, *self._fitted_limits)
        return {"_loaded_solver": solver}

    @overload
    def predict(
        self, B: ArrayLike, *, return_info: Literal[False] = ...
    ) -> np.ndarray: ...

    @overload
    def predict(
        self, B: ArrayLike, *, return_info: Literal[True]
    ) -> tuple[np.ndarray, SolverInfo]: ...

    def predict(
        self, B: ArrayLike, *, return_info: bool = False
    ) -> np.ndarray | tuple[np.ndarray, SolverInfo]:
        """Models of measurements.

        Parameters
        ----------
        B : array-like of shape (n, M)
            Measurements.
        return_info : bool, default=False
            Whether to tell how they were found, too.

        Returns
        -------
        ndarray of shape (n, N)
            Models, in the float dtype of B.
        info : SolverInfo
            Objective, steps and residual of each row; only with ``return_info``.
        """
        check_is_fitted(self)
        B = self._check_measurements(B, reset=False)
        rows = B.astype(np.float64)
        solver, strength = self._loaded_solver, self.strength_
        with held_back():
            found = solver.solve(rows, strength, self._fitted_start)
        report_unsolved(found, solver, strength, self.strength_limit_)
        # Not held back: where the prior is asked beyond its data, it says so once.
        objective = solver.energy(rows, found.models, strength)
        models = in_dtype(found.models, B.dtype)
        if not return_info:
            return models
        return models, SolverInfo(objective, found.n_iter, found.residual)

    def objective(self, B: ArrayLike, X: ArrayLike) -> np.ndarray:
        """Value of what ``predict`` minimises, at any models.

        Parameters
        ----------
        B : array-like of shape (n, M)
            Measurements.
        X : array-like of shape (n, N)
            Models.

        Returns
        -------
        ndarray of shape (n,)
            Values; bounds are not a part of it.
        """
        check_is_fitted(self)
        B = self._check_measurements(B, reset=False).astype(np.float64)
        X = check_known_models(X, B, len(self._fitted_start))
        return self._loaded_solver.energy(B, X, self.strength_)

    def residual(self, B: ArrayLike) -> np.ndarray:
        """Relative misfit |A x - b| / |b| of the answers x.

        Parameters
        ----------
        B : array-like of shape (n, M)
            Measurements.

        Returns
        -------
        ndarray of shape (n,)
            Misfits.
        """
        models = self.predict(B)
        B = self._check_measurements(B, reset=False)
        data = self._loaded_solver.problem.operator.data(models.astype(np.float64))
        return in_dtype(relative_misfit(data, B.astype(np.float64)), B.dtype)

    def _check_measurements(self, B, *, reset):
        validate_data(self, B, skip_check_array=True, reset=reset)
        return check_array(B, dtype=FLOATS, input_name="B")

    def _check_algorithm(self, problem):
        if self.algorithm == "auto":
            return choose_algorithm(problem)
        obstacle = ALGORITHMS[self.algorithm].obstacle(problem)
        if obstacle:
            raise ValueError(f"algorithm={self.algorithm!r} {obstacle}")
        return self.algorithm

    @staticmethod
    def _default_tol(problem, *, images=1e-5, others=1e-8):
        """Photographs are within 0.02 dB of the minimiser's PSNR at 1e-5."""
        return images if isinstance(problem.prior, FilteredPrior) else others

    def _find_strength(self, solver, B, X, judges, start):
        """The strength, and those tried with their scores."""
        if self.strength != "auto":
            return float(self.strength), np.empty(0), np.empty(0)
        if X is None and self.noise_level is None:
            raise ValueError(
                "strength='auto' needs the models X in fit, or noise_level"
            )
        search = StrengthSearch(solver, start, self.verbose)
        with held_back():
            if X is None:
                choice = search.by_discrepancy(B)
            else:
                choice = search.by_error(B[judges], X[judges])
        report_search(choice)
        return choice.strength, choice.strengths, choice.scores
