"""Estimator of models from measurements of them, by unrolled networks."""

from math import prod
from numbers import Integral, Real

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from skhj.estimators.device import resolve_device
from skhj.estimators.hold_out import hold_out
from skhj.estimators.inverse_estimator import ModelEstimator
from skhj.estimators.progress import (
    CallbackSupportMixin,
    FitProgress,
    with_callbacks,
)
from skhj.exceptions import warn
from skhj.inverse.defaults import default_embedding_dim, default_schedule
from skhj.inverse.fit import fit_unrolled
from skhj.inverse.learned_inverse import load_inverse
from skhj.operators import as_operator, check_adjoint
from skhj.operators.image_shape import check_image_shape
from skhj.training import Schedule, Trainer

__all__ = ["EmbeddedInverseSolver"]

# Variance of b - A(x), over that of b, that is more than chance, and the measurements
# that it takes to say so.
LARGEST_MISFIT, ENOUGH_MEASUREMENTS = 1.5, 30
# What is loaded from the fitted attributes.
LOADED = "_inverse", "_forward"


class EmbeddedInverseSolver(CallbackSupportMixin, ModelEstimator):
    r"""Recover models x from measurements b = A(x) + noise.

    From pairs (b, x) the estimator learns the conditional mean of x given b. It starts
    from the best linear estimate, unrolls descent steps on the misfit
    :math:`|A x - b|^2`, and learns what regularises them:

    - "optenet": in an embedding x = E z, steps on the misfit plus a learned potential
      of z, the same in every layer: a descent method.
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
    potential_depth : int, default=2
        Layers of each potential.
    image_shape : tuple of int or None, default=None
        Shape (H, W) of models that are flattened images: embeddings, potentials and
        proximal operators are then convolutional.
    resolution : {"half", "full"}, default="half"
        Resolution of the embedding of images.
    precondition : bool, default=True
        Whether the covariances of the pairs give the start, the best linear estimate,
        and the units of the steps: but for large images, the better of two after
        trials of a quarter of ``max_iter`` passes each. False is the literal iteration:
        its units are one scale for x and one for b, its start is A^T b.
    loss : {"mse", "energy"}, default="mse"
        "mse": ``predict`` is the conditional mean. "energy": noise of learned size is
        added before each layer, and the energy score makes the answers draws from the
        posterior, see ``sample``; ``predict`` averages a hundred of them.
    noise_level : float, "auto" or None, default="auto"
        Standard deviation of white noise in the measurements to come, in their units:
        it is drawn afresh in each step, around what the operator makes of the models;
        measurements given to ``fit`` with less noise, or none, get the rest. "auto"
        takes the level of b - A x where the operator is linear, of at most four
        million entries, and nothing speaks against white noise. None learns from the
        measurements as they are, as does "auto" elsewhere.
    bounds : tuple of float or None, default=None
        Smallest and largest value of a model; answers are clipped to them.
    max_iter : int or "auto", default="auto"
        Largest number of passes over the data. "auto" takes as many as see 300,000
        samples, from 10 to 40, thrice as many for ``loss="energy"``; of images, as
        many as see sixty million pixels, from 2 to 40. The trials of ``precondition``
        come on top.
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
        Positive: print a line an epoch.

    Attributes
    ----------
    n_features_in_ : int
        Number of measurements M seen in ``fit``.
    feature_names_in_ : ndarray of shape (M,)
        Names of the measurements, where X had string names.
    n_iter_ : int
        Number of epochs run.
    loss_curve_, validation_curve_ : ndarray of shape (n_iter_,)
        Losses of the training samples and of the hold-out, in units in which the mean
        squared error of the linear estimate is about 1. The latter is empty without
        early stopping.
    correction_ : float
        Share of the network's correction that ``predict`` adds to the linear estimate,
        from 0 to 1; always 1 without early stopping and for ``loss="energy"``.
    weights_ : dict of str to ndarray
        Weights of the network.

    Notes
    -----
    The squared errors of all unknowns count alike, each in its own units: where these
    differ, scale the models first. Without an operator, what the measurements say of
    the models must show in a linear fit: the network refines one.

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
        "operator": "no_validation",
        "network": [StrOptions({"eunet", "optenet", "proximal"})],
        "embedding": [StrOptions({"shared", "layer", "time"})],
        "embedding_dim": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "potential_depth": [Interval(Integral, 1, None, closed="left")],
        "image_shape": ["array-like", None],
        "resolution": [StrOptions({"half", "full"})],
        "precondition": ["boolean"],
        "loss": [StrOptions({"mse", "energy"})],
        "noise_level": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="left"),
            None,
        ],
        "bounds": ["array-like", None],
        "max_iter": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "device": [str, torch.device, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        operator=None,
        *,
        network="eunet",
        embedding="layer",
        embedding_dim="auto",
        n_layers=4,
        potential_depth=2,
        image_shape=None,
        resolution="half",
        precondition=True,
        loss="mse",
        noise_level="auto",
        bounds=None,
        max_iter="auto",
        batch_size="auto",
        learning_rate="auto",
        early_stopping=True,
        validation_fraction=0.1,
        device=None,
        random_state=None,
        verbose=0,
    ):
        self.operator = operator
        self.network = network
        self.embedding = embedding
        self.embedding_dim = embedding_dim
        self.n_layers = n_layers
        self.potential_depth = potential_depth
        self.image_shape = image_shape
        self.resolution = resolution
        self.precondition = precondition
        self.loss = loss
        self.noise_level = noise_level
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
    def fit(self, X, y):
        """Learn to recover models from measurements.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements b, at least two.
        y : array-like of shape (n, N) or (n,)
            Models x.

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
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=2,
        )
        if issparse(y):
            raise TypeError(
                "y must be a dense array, got a sparse one: use its method toarray"
            )
        y = np.asarray(y, dtype=np.float64)
        models = y.reshape(len(y), -1)
        image_shape = self._check_image_shape(models.shape[1])
        _check_size(X, "X")
        _check_size(models, "y")
        operator = self._check_operator(X, models, image_shape)
        device = resolve_device(self.device)
        rng = check_random_state(self.random_state)
        held_out = hold_out(len(X), self.validation_fraction, rng)
        bounds = self._check_bounds()
        seed = int(rng.randint(np.iinfo(np.int32).max))
        schedule = self._schedule(*models[~held_out].shape, image_shape)
        architecture = self._architecture(models.shape[1], image_shape, seed)
        with FitProgress(self).fit() as progress:
            trainer = Trainer(
                Schedule(**schedule),
                torch.Generator().manual_seed(seed),
                device,
                self.verbose,
                progress,
            )
            with progress.task("network", schedule["max_iter"]):
                fit = fit_unrolled(
                    X,
                    models,
                    operator,
                    held_out=held_out,
                    architecture=architecture,
                    preconditioned=self.precondition,
                    noise_level=self.noise_level,
                    early_stopping=self.early_stopping,
                    trainer=trainer,
                )
        if not fit.helps:
            warn(
                "the network is no better than the linear estimate on the hold-out"
                + (", which predict returns" if fit.inverse.correction == 0 else "")
                + ": give more samples, a larger validation_fraction, or a larger "
                "max_iter if it is small",
                ConvergenceWarning,
            )
        return self._keep(fit, operator, architecture, bounds, y.ndim)

    def _forget_fit(self):
        """Drop what an earlier fit learned, so that a failed fit leaves nothing."""
        for name in list(vars(self)):
            if name.endswith("_") or name.startswith(("_fitted", *LOADED)):
                delattr(self, name)

    def _check_image_shape(self, n_unknowns):
        if self.image_shape is None:
            return None
        image_shape = check_image_shape(self.image_shape)
        if prod(image_shape) != n_unknowns:
            raise ValueError(
                f"image_shape must be that of the models, {n_unknowns} pixels, got "
                f"{image_shape}, {prod(image_shape)} pixels"
            )
        return image_shape

    def _check_operator(self, X, models, image_shape):
        if self.operator is None:
            return None
        shape = X.shape[1], models.shape[1]
        operator = as_operator(self.operator, shape=shape, image_shape=image_shape)
        check_adjoint(operator, models=torch.tensor(models))
        size, left = (b.var(axis=0).sum() for b in (X, X - operator.data(models)))
        # Noise that has nothing to do with A(x) makes b vary more than itself.
        if left > LARGEST_MISFIT * size > 0 and X.size >= ENOUGH_MEASUREMENTS:
            warn(
                "operator does not explain the measurements: b - A(x) has "
                f"{left / size:.3g} times the variance of b; check its sign and units, "
                "and whether a scaler changed those of X or y"
            )
        return operator

    def _check_bounds(self):
        """Smallest and largest value of a model, as floats."""
        if self.bounds is None:
            return -np.inf, np.inf
        try:
            bounds = np.asarray(self.bounds, dtype=np.float64)
        except (TypeError, ValueError):
            bounds = np.array(np.nan)
        if bounds.shape != (2,) or not bounds[0] < bounds[1]:
            raise ValueError(
                "bounds must be two numbers, the smallest value of a model and a "
                f"larger one, got {self.bounds!r}"
            )
        return tuple(bounds.tolist())

    def _schedule(self, n_seen, n_unknowns, image_shape):
        """Numbers of passes and of samples a step, and the learning rate."""
        defaults = default_schedule(n_seen, n_unknowns, image_shape, self.loss)
        return {
            name: default if getattr(self, name) == "auto" else getattr(self, name)
            for name, default in defaults.items()
        }

    def _architecture(self, n_unknowns, image_shape, seed):
        embedding_dim = self.embedding_dim
        if embedding_dim == "auto":
            embedding_dim = default_embedding_dim(n_unknowns, image_shape)
        return {
            "network": self.network,
            "embedding": self.embedding,
            "embedding_dim": embedding_dim,
            "n_layers": self.n_layers,
            "potential_depth": self.potential_depth,
            "image_shape": image_shape,
            "resolution": self.resolution,
            "noisy": self.loss == "energy",
            "seed": seed,
        }

    def _keep(self, fit, operator, architecture, bounds, y_ndim):
        """Set every fitted attribute, once all of them are known."""
        inverse = fit.inverse
        self._inverse, self._forward = inverse, operator
        # What the user gave is kept, and made a ForwardOperator again.
        self._fitted_operator = self.operator
        self._fitted_matrix = fit.estimated_matrix
        self._fitted_architecture = architecture
        self._fitted_bounds, self._fitted_ndim = bounds, y_ndim
        self._fitted_linear = inverse.linear._asdict()
        self._fitted_units = inverse.units._asdict()
        self.correction_ = inverse.correction
        self.weights_ = {
            name: tensor.cpu().numpy()
            for name, tensor in inverse.network.state_dict().items()
        }
        self.loss_curve_ = fit.training.loss_curve
        self.validation_curve_ = fit.training.validation_curve
        self.n_iter_ = len(self.loss_curve_)
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "weights_")

    def __getstate__(self):
        # The state is numpy: a model from a GPU loads without one.
        state = super().__getstate__().copy()
        for name in LOADED:
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "weights_" in state:
            self._load()

    def _load(self):
        """Make the inverse and the operator of the fitted attributes."""
        try:
            device = resolve_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        architecture = self._fitted_architecture
        linear = self._fitted_linear
        self._forward = self._fitted_operator
        if self._forward is not None:
            self._forward = as_operator(
                self._forward,
                shape=(linear["data_mean"].size, linear["model_mean"].size),
                image_shape=architecture["image_shape"],
            )
        self._inverse = load_inverse(
            self.weights_,
            linear,
            self._fitted_units,
            self._forward,
            architecture,
            correction=self.correction_,
            device=device,
        )


def _check_size(array, name):
    """Refuse what has no variance in double precision although it varies."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.ptp(array, axis=0).max()
        square = np.square(spread) * len(array)
    if not np.isfinite(square) or (spread > 0 and square < np.finfo(float).tiny):
        raise ValueError(
            f"{name} must be of a size whose square is a finite number and not zero, "
            f"got values that spread by {spread:.3g}: scale it"
        )
