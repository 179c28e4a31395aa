"""Estimator of a prior from samples of its Hamilton-Jacobi value function."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import _fit_context, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skhj import hamilton_jacobi as hj
from skhj.estimators import prior_options as options
from skhj.estimators.device import resolve_device, resolve_device_or_cpu
from skhj.estimators.metric_option import check_metric
from skhj.estimators.prior_estimator import PriorEstimator
from skhj.estimators.prior_reports import report_answer, report_fit
from skhj.estimators.process_state import keeps_process_state
from skhj.estimators.progress import CallbackSupportMixin, FitProgress, with_callbacks
from skhj.estimators.training_options import AUTO, COUNT, POSITIVE, TRAINING
from skhj.operators.image_shape import check_image_shape, with_channels
from skhj.priors.kinds import NAMES, kinds_of
from skhj.priors.search import PriorSearch

__all__ = ["HJPriorRegressor"]


class HJPriorRegressor(CallbackSupportMixin, PriorEstimator):
    r"""Learn a prior from samples of its Hamilton-Jacobi value function.

    From samples of :math:`S(x, t) = \min_y J(y) + |x - y|^2 / (2t)`, and of its
    gradient where that is known, the estimator learns S by a model for which
    :math:`\psi(x) = |x|^2/2 - t S(x, t)` is convex, and the smallest prior J that
    generates it, :math:`J(y) = (\psi^*(y) - |y|^2/2) / t`. It can learn from proximal
    points, or from pairs of noisy and clean signals, as well.

    Parameters
    ----------
    t : float or "auto", default=1.0
        Time of the samples, positive. It has the units of |x|^2 / S: points scaled
        by ``a`` ask for ``a**2 * t``, values scaled by ``c`` for ``t / c``. "auto" is
        the largest at which values are reachable, of smooth priors about a bound.
    network : {"auto", "icnn", "ridge", "min-plus", "polyhedral", "envelope", \
            "sorted", "images"} or nn.Module class, default="auto"
        Model of the value function.

        - "ridge": convex splines along axes or learned directions, by least squares.
        - "min-plus": the minimum of few quadratics, whose prior is exact.
        - "polyhedral": for the prior itself, the largest of few affine functions.
        - "sorted": for the prior itself, weighted magnitudes, norms of groups or
          singular values in a basis that is learned, the largest first.
        - "icnn": an input-convex network with a wide shallow branch, or that alone.
        - "envelope": a network of the prior, trained through the minimisation over y.
        - "images": profiles of convolutions with learned filters, or of norms of a few,
          for points that are images; the prior is weakly convex by construction, and
          the same for images of any shape, see `for_images`.
        - "auto": splines, then, unless these leave next to nothing, the others; the
          best on the hold-out is kept. "images" alone with ``image_shape``.
        - A class is called with the number of features and ``network_params``; its
          modules map (n, d) to (n,), are convex, and a method ``project_``, if any, is
          called after each step.
    target : {"value", "prox"}, default="value"
        What y is in ``fit``: values S(x, t), or proximal points (or the clean signals
        of which X are noisy ones). With "prox", ``predict`` returns proximal points,
        and S and J are known up to a constant, chosen so that the least prior of a
        training point is zero.
    metric : array-like of shape (d,) or (d, d), or None, default=None
        M, positive definite, or its diagonal: (x - y)' M^-1 (x - y) for |x - y|^2, as
        with noise of covariance t M.
    image_shape : tuple of int or None, default=None
        Shape of points that are images, (H, W), or (C, H, W) with channels, or that are
        signals, (N,), of 6 pixels or more.
    hidden_layer_sizes : tuple of int, default=(96, 96)
        Widths of the deep branch of "icnn"; may be empty.
    wide_units : int, default=256
        Units of the shallow branch of "icnn"; may be 0.
    softplus_beta : float, default=5.0
        Sharpness of the softplus of "icnn" at the start.
    network_params : dict or None, default=None
        Keyword arguments of a ``network`` that is a class.
    net_params : dict or None, default=None
        Parameters of the `skorch.NeuralNet` that trains convex networks, such as
        ``optimizer``, ``callbacks`` (beside those here) or ``compile``.
    max_iter : int, default=100
        Largest number of passes over the data, for each network; half of them for one
        that only starts Newton's method. Training ends when half as many pass without
        progress on the hold-out. For images, one stands for 60 steps, 20 for signals,
        and for 8 of the kinds with few filters that are tried first from values.
    batch_size : int or "auto", default="auto"
        Samples a step. "auto": a sixteenth, from 32 to 256; images of 9,600 pixels.
    learning_rate : float, default=0.02
        Largest step of Adam, reached after a tenth of them; half a cosine leads to 0.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, each in units of what the best
        quadratic leaves (for splines, the best affine function), for the prior's
        network, and the value's where ``gradient`` is given.
    prox_loss : {"squared", "matching"}, default="squared"
        Loss of proximal points, with ``target="prox"``. From noisy signals the squared
        error learns the mean of the clean ones, proximal matching comes close to their
        mode, by "icnn" alone: splines know the squared error only.
    matching_width : float, default=0.5
        Last width of the proximal matching loss, in units of the root mean squared
        error that the squared loss leaves. Less is closer to the mode.
    prior_method : {"auto", "network", "newton", "inversion"}, default="auto"
        How ``prior`` is computed. "network": a second network, one pass a query.
        "newton": the conjugate of the fitted potential; by Newton's method, from that
        network's answer, of which it is a lower bound; in closed form where the
        potential is a sum of splines along a basis. "inversion": conjugate gradients
        from scratch for each query, without a second network: slow.
        "auto": the one of the first two that is closer to the prior on the hold-out;
        without gradients, the network where the value function of its prior explains
        the hold-out as well as the fitted one. A model of the prior itself needs none.
    validation_fraction : float, default=0.1
        Share of the samples held out to choose the best weights and the best model.
    device : str, torch.device or None, default=None
        Where to compute. None takes a CUDA device where there is one, else the CPU.
    random_state : int, RandomState instance or None, default=None
        Source of the hold-out, initial weights and shuffling.
    verbose : int, default=0
        1 prints a line a phase of ``fit``, 2 one an epoch as well.

    Attributes
    ----------
    n_features_in_ : int
        Number of features d seen in ``fit``.
    feature_names_in_ : ndarray of shape (d,)
        Names of the features, where X had string names.
    t_ : float
        The time.
    network_ : str
        The network that was kept: a name above, of a class, or "quadratic".
    candidates_ : list of dict
        The models, the one kept first: ``"name"``, ``"seconds"``,
        ``"validation_error"``, mean squared on the hold-out, of S or of the prox, and
        ``"why_not"``: empty, or why that one was not fitted, with an infinite error.
    n_iter_ : int
        Length of ``loss_curve_``: epochs of the value's network, steps of images, or 1.
    loss_curve_ : ndarray of shape (n_iter_,)
        Training loss of the value's network; the best quadratic's is about 1. Models
        without epochs give their error on the hold-out, images the loss of the prior's
        filters, "envelope" that of the rough network it starts from.
    prior_loss_curve_ : ndarray of shape (n_epochs,)
        Training loss of the prior's network, or of the steps of "envelope"; or empty.
    fit_seconds_ : dict of str to float
        Seconds of each phase: the models that were tried, and the prior's.
    outliers_ : ndarray of shape (n_outliers,)
        Rows that were left out, far from what the others say.
    prior_method_ : str
        The method that ``prior`` uses: one of the above, or "exact", in closed form.
    value_weights_, prior_weights_ : dict of str to ndarray
        Weights of the two functions, None for one that there is not.

    Warns
    -----
    ExtrapolationWarning
        If queries lie more than twice as far out as the farthest sample.
    ConvergenceWarning
        If a training had not settled, or a query was not solved.

    Notes
    -----
    The two networks are in section 3 of [1]_, "inversion" and proximal matching in
    [2]_. Computation is in double precision, training in single, by Adam, of "icnn"
    with values then by Gauss-Newton steps; answers come in the dtype of X.

    References
    ----------
    .. [1] Akande, Langlois, Onwunta, "Deep learning methods for inverse problems using
       connections between proximal operators and Hamilton-Jacobi equations",
       arXiv 2512.23829.
    .. [2] Fang, Buchanan, Sulam, "What's in a prior? Learned proximal networks for
       inverse problems", ICLR 2024.

    Examples
    --------
    >>> from skhj import HJPriorRegressor
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import ConcaveQuadratic
    >>> X, y, _ = make_value_samples(ConcaveQuadratic(kappa=0.5), 99, 2, random_state=0)
    >>> est = HJPriorRegressor(t=1.0, random_state=0).fit(X, y)
    >>> est.prior([[1.0, 2.0]]).round(6)
    array([-1.25])
    """

    _largest_point = 1e153  # sums of squares are numbers
    _parameter_constraints = {
        **TRAINING,
        "t": [AUTO, Interval(Real, 0, 1e150, closed="neither")],
        "network": [StrOptions(set(NAMES)), type],
        "target": [StrOptions({"value", "prox"})],
        "metric": ["array-like", None],
        "image_shape": ["array-like", None],
        "hidden_layer_sizes": ["array-like"],
        "wide_units": [Interval(Integral, 0, None, closed="left")],
        "softplus_beta": [POSITIVE],
        "network_params": [dict, None],
        "net_params": [dict, None],
        "max_iter": [COUNT],
        "learning_rate": [POSITIVE],
        "gradient_weight": [Interval(Real, 0, None, closed="left")],
        "prox_loss": [StrOptions({"squared", "matching"})],
        "matching_width": [POSITIVE],
        "prior_method": [StrOptions({"auto", "network", "newton", "inversion"})],
    }

    def __init__(
        self,
        t: float | Literal["auto"] = 1.0,
        *,
        network: str | type = "auto",
        target: str = "value",
        metric: ArrayLike | None = None,
        image_shape: Sequence[int] | None = None,
        hidden_layer_sizes: Sequence[int] = (96, 96),
        wide_units: int = 256,
        softplus_beta: float = 5.0,
        network_params: dict[str, Any] | None = None,
        net_params: dict[str, Any] | None = None,
        max_iter: int = 100,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: float = 0.02,
        gradient_weight: float = 1.0,
        prox_loss: str = "squared",
        matching_width: float = 0.5,
        prior_method: str = "auto",
        validation_fraction: float = 0.1,
        device: str | torch.device | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.t = t
        self.network = network
        self.target = target
        self.metric = metric
        self.image_shape = image_shape
        self.hidden_layer_sizes = hidden_layer_sizes
        self.wide_units = wide_units
        self.softplus_beta = softplus_beta
        self.network_params = network_params
        self.net_params = net_params
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.gradient_weight = gradient_weight
        self.prox_loss = prox_loss
        self.matching_width = matching_width
        self.prior_method = prior_method
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    @keeps_process_state
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        gradient: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the value function and the prior.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, at least two. Arrays on disk of more than 2^24 numbers in all are
            not read whole: the fit is of rows drawn at random.
        y : array-like of shape (n,) or (n, d)
            Values S(x, t); with ``target="prox"`` the proximal points of X, or the
            clean signals of which the rows of X are noisy ones.
        gradient : array-like of shape (n, d) or None, default=None
            Gradients of S by x, where known beside its values. From a denoiser's
            outputs p = prox(x), the gradient is (x - p) / t.
        sample_weight : array-like of shape (n,) or None, default=None
            How often each row counts, two of them above 0: the fit is that of rows
            repeated so often. Weights in no ratio of small whole numbers are rounded
            to such: as many copies as eight times the rows are shared out by them.

        Returns
        -------
        HJPriorRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not of the form asked for, or t="auto" and
            every time would do, as for a concave S.
        FloatingPointError
            If the loss stops being finite; the message says what to lower.
        """
        self._forget_fit()
        given = X, y, gradient, sample_weight
        X, S, G, counts, outliers = options.check_targets(self, *given)
        shape = options.check_shape(self.image_shape, X)
        rng = check_random_state(self.random_state)
        samples = options.samples_of(self, X, S, G, counts, rng)
        progress, device = FitProgress(self), resolve_device(self.device)
        n_seen = samples.repeated().n_seen
        settings = options.settings_of(self, n_seen, device, progress)
        search = PriorSearch(samples, settings, rng)
        kinds = kinds_of(self.network, settings.architecture, shape)
        with progress.fit(n_phases=len(kinds) + 2):
            candidates = search.run(kinds, wanted=self.network != "auto")
        best = candidates[0]
        of_prior = best.kind.prior_samples(samples, best.model)
        if S is None:
            best.model.shift_(-of_prior.values.min())
        report_fit(search, best, self.max_iter)
        target = "entry" if S is None and np.ndim(y) == 1 else self.target
        found = {"fit_seconds_": progress.seconds, "outliers_": outliers}
        models = [*candidates, *search.passed_over]
        return self._keep(models, samples, of_prior, target, found)

    def _keep(self, models, samples, of_prior, target, found):
        """Set every fitted attribute, now that all of them are known."""
        best = models[0]
        value_weights, prior_weights = best.model.to_arrays()
        return self._keep_fit(
            t_=samples.t,
            network_=best.kind.name,
            candidates_=[model.summary() for model in models],
            prior_method_=best.model.method,
            value_weights_=value_weights,
            prior_weights_=prior_weights,
            loss_curve_=best.loss_curve,
            prior_loss_curve_=best.prior_loss_curve,
            n_iter_=len(best.loss_curve),
            **found,
            _fitted_time=samples.t,
            _fitted_metric=check_metric(self.metric, self.n_features_in_),
            _fitted_kind=best.kind.saved(),
            _fitted_target=target,
            _fitted_reach=(best.kind.reach(samples.X), best.kind.reach(of_prior.X)),
            _loaded_model=best.model,
        )

    def _load(self):
        weights, method = (self.value_weights_, self.prior_weights_), self.prior_method_
        model = self._fitted_kind.load(*weights, t=self._fitted_time, method=method)
        model.to(resolve_device_or_cpu(self.device))
        return {"_loaded_model": model}

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Value function S(x, t), or with ``target="prox"`` the proximal points.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n,) or (n, d)
            What y was in ``fit``, in the float dtype of X.
        """
        check_is_fitted(self)
        if self._fitted_target == "value":
            return super().predict(X)
        return self.prox(X) if self._fitted_target == "prox" else self.prox(X)[:, 0]

    def for_images(self, image_shape: Sequence[int]) -> Self:
        """Return the same prior for images of another shape.

        Parameters
        ----------
        image_shape : tuple of int
            Shape of the images, (H, W), (C, H, W) or (N,) as ``image_shape``.

        Returns
        -------
        HJPriorRegressor
            A fitted estimator whose points are such images; it has the same weights.

        Raises
        ------
        ValueError
            If the prior is not one of images, or the shape is of another kind.
        """
        check_is_fitted(self)
        sizes = check_image_shape(image_shape, n_axes=(1, 2, 3))
        kind = self._fitted_kind.for_images(with_channels(sizes))
        other = clone(self).set_params(image_shape=sizes)
        other._copy_fit(self, n_features_in_=int(np.prod(sizes)), _fitted_kind=kind)
        # Names of single features are not those of the pixels of another shape.
        vars(other).pop("feature_names_in_", None)
        return other

    def _value_and_prox(self, X):
        answer = self._loaded_model.value(X)
        report_answer(answer, X, self._fitted_reach[0])
        P = hj.prox_from_gradient(X, answer.gradient, self._fitted_time)
        return answer.value, P

    def _prior_and_gradient(self, X):
        answer = self._loaded_model.prior(X)
        report_answer(answer, X, self._fitted_reach[1])
        return answer.value, answer.gradient

    def _evolved(self, X, time):
        answer = self._loaded_model.evolve(X, time)
        # The data have to reach where the characteristics through X end.
        ends = X + (self._fitted_time - time) * answer.gradient
        report_answer(answer, ends, self._fitted_reach[0])
        return answer.value, hj.prox_from_gradient(X, answer.gradient, time)
