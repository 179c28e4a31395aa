"""Estimator of models from measurements of them, by unrolled networks."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skhj.estimators.counted_rows import count_rows
from skhj.estimators.device import resolve_device, resolve_device_or_cpu
from skhj.estimators.hold_out import hold_out
from skhj.estimators.inverse_checks import (
    check_bounds,
    check_operator,
    check_shape_of_models,
)
from skhj.estimators.inverse_estimator import InverseEstimator, warn_of_fit
from skhj.estimators.inverse_options import InverseOptions
from skhj.estimators.process_state import keeps_process_state
from skhj.estimators.progress import CallbackSupportMixin, FitProgress, with_callbacks
from skhj.estimators.training_options import AUTO, COUNT, POSITIVE, TRAINING
from skhj.inverse.learned_inverse import InverseState, LearnedInverse
from skhj.numerics.rows import Rows
from skhj.operators import as_operator

__all__ = ["EmbeddedInverseSolver"]


class EmbeddedInverseSolver(CallbackSupportMixin, InverseEstimator):
    r"""Recover models x from measurements b = A(x) + noise.

    From pairs (b, x) the estimator learns the conditional mean of x given b. It starts
    from the best linear estimate, unrolls descent steps on the misfit
    :math:`|A x - b|^2`, and learns what regularises them:

    - "optenet": in an embedding x = r + E z, steps on the misfit plus a learned
      potential of z, the same in every layer: a descent method. The remainder r, what
      the embedding leaves of the linear estimate, stays: no learned E has to carry it.
    - "eunet": the same steps with an embedding and a potential for each layer.
    - "proximal": steps on the misfit, each followed by a learned proximal operator of
      x, without an embedding.

    Parameters
    ----------
    operator : object or None, default=None
        The forward operator A, of shape (M, N): an array or tensor, sparse or not; a
        scipy or PyLops linear operator; an object with ``A`` and ``A_adjoint``; a
        differentiable function of torch tensors, not necessarily linear. None
        estimates a linear operator from the pairs.
    network : {"eunet", "optenet", "proximal"}, default="eunet"
        What is unrolled.
    embedding : {"shared", "layer", "time"}, default="layer"
        Embedding of "eunet": one for all layers, one for each, or a function of the
        layer's time by a small network; "time" then makes the potential a function of
        time as well. The embedding of "optenet" is always shared.
    embedding_dim : int or "auto", default="auto"
        Dimension K of z, channels for images; hidden units of "proximal". "auto" takes
        four times the number of unknowns, from 64 to 256, and 32 channels.
    n_layers : int, default=4
        Number of steps.
    potential : {"learned", "l1"}, default="learned"
        A network, or an l1 norm of z with learned weights: of an over-complete
        dictionary E, whose literal iteration solves the lasso.
    potential_depth : int, default=2
        Layers of each learned potential.
    image_shape : tuple of int or None, default=None
        Shape (H, W) or (C, H, W) of models that are flattened images, or (N,) of
        signals: embeddings, potentials and proximal operators are then convolutional.
        None are vectors; where ``operator`` is the matrix of a convolution, signals,
        if a trial of a quarter of the passes prefers them; there is none where
        ``embedding_dim``, ``potential``, ``precondition``, ``loss``, ``missing`` or
        ``early_stopping`` is not the default. ``image_shape_`` tells.
    resolution : {"half", "full"}, default="half"
        Resolution of the embedding of images.
    precondition : bool, default=True
        Whether the covariances of the pairs give the start, the best linear estimate,
        and the units of the steps: but for large images, the better of two after
        trials of a quarter of ``max_iter`` passes each. False is the papers' literal
        iteration, x = E z from the start A^T b: one scale for x and one for b, no means
        where the operator is known and linear, no share of a linear estimate.
    loss : {"mse", "energy"}, default="mse"
        "mse": ``predict`` is the conditional mean. "energy": answers are draws from
        the posterior, see ``sample``, and ``predict`` is their mean. Draws of up to 64
        unknowns start from a mixture of linear estimates, whose number the hold-out
        chooses; noise of learned size before each layer and the energy score correct
        them, where the hold-out gains by it.
    noise_level : float, "auto" or None, default="auto"
        Standard deviation of white noise in the measurements to come, in their units:
        it is drawn afresh in each step, around what the operator makes of the models;
        measurements given to ``fit`` with less noise, or none, get the rest. "auto"
        takes the level of b - A x where the operator is linear, of at most four
        million entries, and nothing speaks against white noise. None learns from the
        measurements as they are, as does "auto" elsewhere.
    missing : {"error", "allow"}, default="error"
        "allow": NaN in X are measurements not made, in ``fit`` and after it, of a
        linear operator; estimate and misfit are of each sample's own.
    bounds : tuple of float or None, default=None
        Smallest and largest value of a model; answers are clipped to them.
    max_iter : int or "auto", default="auto"
        Largest number of passes over the data. "auto" takes as many as see 300,000
        samples, from 10 to 40, thrice as many for ``loss="energy"``; of images, as
        many as see sixty million pixels, from 2 to 40. The trials of ``precondition``
        and ``image_shape`` come on top.
    batch_size : int or "auto", default="auto"
        Samples a step. "auto" takes a sixteenth of the samples, from 16 to 256; 32
        images, of more than 2048 pixels fewer, but at least 8.
    learning_rate : float or "auto", default="auto"
        Largest step size of Adam; it is reached after a tenth of the steps and falls
        to zero along a half cosine. "auto" takes 0.005.
    early_stopping : bool, default=True
        Whether samples are held out, on which the units, the best weights and the size
        of the network's correction of the linear estimate are chosen. Training then
        ends when for half of ``max_iter`` passes the loss there is more than a per
        cent above its smallest. False trains on all samples and keeps the last
        weights, and all of the correction, which on few samples may be worse than the
        linear estimate.
    validation_fraction : float, default=0.1
        Share of the samples held out, of four or more at least two. They choose the
        linear estimate in any case; of fewer than 2000 samples, with others in turn.
    device : str, torch.device or None, default=None
        Where to compute. None takes a CUDA device where there is one, else the CPU.
    random_state : int, RandomState instance or None, default=None
        Source of the hold-out, the initial weights, the shuffling and the noise.
    verbose : int, default=0
        1 prints a line a phase of ``fit``, 2 one an epoch as well.

    Attributes
    ----------
    n_features_in_ : int
        Number of measurements M seen in ``fit``.
    feature_names_in_ : ndarray of shape (M,)
        Names of the measurements, where X had string names.
    n_iter_ : int
        Number of epochs run.
    image_shape_ : tuple of int or None
        Shape (C, H, W) of models taken for images or signals; None of vectors.
    loss_curve_, validation_curve_ : ndarray of shape (n_iter_,)
        Losses of the training samples and of the hold-out, in units in which the mean
        squared error of the linear estimate is about 1. The latter is empty without
        early stopping.
    correction_ : float or ndarray of shape (N,)
        Share of the network's correction that ``predict`` adds to the linear estimate,
        from 0 to 1; one for each output where the hold-out asks for less in some.
        Always 1 without early stopping. For ``loss="energy"`` 0 where draws of the
        mixture are as good without it, else 1.
    fit_seconds_ : dict of str to float
        Seconds that each phase of ``fit`` took.
    weights_ : dict of str to ndarray
        Weights of the network.

    Notes
    -----
    Squared errors of outputs count relative to what the linear estimate leaves of each,
    whatever their units; those of pixels, with ``image_shape``, alike. Without an
    operator, what the measurements say of the models must show in a linear fit.

    Computation is in double precision, training in single; answers come in the dtype
    of X.

    References
    ----------
    Eliasof, Haber, Treister, "An over complete deep learning method for inverse
    problems", arXiv 2402.04653.

    Mardani et al., "Neural proximal gradient descent for compressive imaging",
    NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj import EmbeddedInverseSolver
    >>> rng = np.random.RandomState(0)
    >>> X = rng.choice([-1.0, 1.0], size=(300, 2)) + 0.1 * rng.normal(size=(300, 2))
    >>> B = X @ [[1.0], [0.5]]
    >>> est = EmbeddedInverseSolver([[1.0, 0.5]], max_iter=20, random_state=0)
    >>> est.fit(B, X).predict(B).shape
    (300, 2)
    """

    _parameter_constraints = {
        **TRAINING,
        "operator": "no_validation",
        "network": [StrOptions({"eunet", "optenet", "proximal"})],
        "embedding": [StrOptions({"shared", "layer", "time"})],
        "embedding_dim": [AUTO, COUNT],
        "n_layers": [COUNT],
        "potential": [StrOptions({"learned", "l1"})],
        "potential_depth": [COUNT],
        "image_shape": ["array-like", None],
        "resolution": [StrOptions({"half", "full"})],
        "precondition": ["boolean"],
        "loss": [StrOptions({"mse", "energy"})],
        # Its square is the noise's variance.
        "noise_level": [AUTO, Interval(Real, 0, 1e150, closed="left"), None],
        "missing": [StrOptions({"error", "allow"})],
        "bounds": ["array-like", None],
        "max_iter": [AUTO, COUNT],
        "learning_rate": [AUTO, POSITIVE],
        "early_stopping": ["boolean"],
    }

    def __init__(
        self,
        operator: Any = None,
        *,
        network: str = "eunet",
        embedding: str = "layer",
        embedding_dim: int | Literal["auto"] = "auto",
        n_layers: int = 4,
        potential: str = "learned",
        potential_depth: int = 2,
        image_shape: Sequence[int] | None = None,
        resolution: str = "half",
        precondition: bool = True,
        loss: str = "mse",
        noise_level: float | Literal["auto"] | None = "auto",
        missing: str = "error",
        bounds: Sequence[float] | None = None,
        max_iter: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        device: str | torch.device | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.operator = operator
        self.network = network
        self.embedding = embedding
        self.embedding_dim = embedding_dim
        self.n_layers = n_layers
        self.potential = potential
        self.potential_depth = potential_depth
        self.image_shape = image_shape
        self.resolution = resolution
        self.precondition = precondition
        self.loss = loss
        self.noise_level = noise_level
        self.missing = missing
        self.bounds = bounds
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    @keeps_process_state
    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn to recover models from measurements.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements b, at least two. Memory maps, and arrays of dask, may be larger
            than memory: blocks of rows are read.
        y : array-like of shape (n, N) or (n,)
            Models x, likewise.
        sample_weight : array-like of shape (n,) or None, default=None
            How often each pair counts, two of them above 0: the fit is that of pairs
            repeated so often. Weights in no ratio of small whole numbers are rounded
            to such: as many copies as eight times the pairs are shared out by them.

        Returns
        -------
        EmbeddedInverseSolver
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not of the form asked for, or the operator
            does not match the data or its own adjoint.
        TypeError
            If y is sparse.
        FloatingPointError
            If the loss stops being finite; the message says what to lower.
        """
        self._forget_fit()
        X, y = self._check_pairs(X, y)
        counted = count_rows(sample_weight, X, y)
        arrays = X, y.reshape(len(y), -1)
        X, models = (Rows.of(array).take(counted.rows) for array in arrays)
        image_shape = check_shape_of_models(self.image_shape, models.shape[1])
        operator = check_operator(
            self.operator,
            X,
            models,
            image_shape,
            preconditioned=self.precondition,
            missing=self.missing,
        )
        device = resolve_device(self.device)
        rng = check_random_state(self.random_state)
        held_out = hold_out(len(X), self.validation_fraction, rng)
        bounds = check_bounds(self.bounds)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        n_seen = counted.n_of(~held_out)
        options = InverseOptions(self, n_seen, models.shape[1], seed)
        with FitProgress(self).fit(n_phases=6) as progress:
            fit = options.fit(
                X,
                models,
                operator,
                image_shape,
                held_out=held_out,
                counts=counted.counts,
                device=device,
                progress=progress,
            )
        warn_of_fit(fit)
        return self._keep(fit, operator, bounds, y.ndim, progress.seconds)

    def _keep(self, fit, operator, bounds, ndim, seconds):
        """Set every fitted attribute, once all of them are known."""
        state = fit.inverse.to_state()
        return self._keep_fit(
            # What the user gave is kept, and made a ForwardOperator again.
            _fitted_operator=self.operator,
            _fitted_setting=state.setting,
            _fitted_architecture=state.architecture,
            image_shape_=state.architecture.image_shape,
            _fitted_bounds=bounds,
            _fitted_ndim=ndim,
            _loaded_inverse=fit.inverse,
            _loaded_operator=operator,
            correction_=state.correction,
            weights_=state.weights,
            loss_curve_=fit.training.loss_curve,
            validation_curve_=fit.training.validation_curve,
            n_iter_=len(fit.training.loss_curve),
            fit_seconds_=seconds,
        )

    def _load_with(self, operator):
        setting, architecture = self._fitted_setting, self._fitted_architecture
        if operator is not None:
            shape = setting.units.data_mean.size, setting.units.model_mean.size
            image_shape = architecture.image_shape
            operator = as_operator(operator, shape=shape, image_shape=image_shape)
        state = InverseState(setting, architecture, self.weights_, self.correction_)
        device = resolve_device_or_cpu(self.device)
        inverse = LearnedInverse.from_state(state, operator, device)
        return {"_loaded_inverse": inverse, "_loaded_operator": operator}
