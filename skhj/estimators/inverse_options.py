"""What the parameters of EmbeddedInverseSolver stand for, and whose fit is kept."""

from dataclasses import replace
from functools import partial

import torch

from skhj.estimators.mixtures import fit_mixture
from skhj.inverse.candidates import SettingChoice
from skhj.inverse.defaults import Defaults
from skhj.inverse.fit import UnrolledFitter
from skhj.inverse.masking import MaskedChoice
from skhj.inverse.noise import EstimatedNoise, KnownNoise, MeasuredNoise
from skhj.inverse.objectives import MeanObjective
from skhj.inverse.posterior.draw_objective import DrawObjective
from skhj.inverse.posterior.selection import MixtureSelection
from skhj.inverse.signals import is_convolution
from skhj.inverse.unrolled.architecture import Architecture
from skhj.operators import DenseOperator
from skhj.training import Schedule, Trainer

__all__ = ["InverseOptions"]


class InverseOptions:
    """The parameters as objects that fit.

    Parameters
    ----------
    est : EmbeddedInverseSolver
        The estimator.
    n_seen, n_unknowns : int
        Number of samples to train on, and of unknowns of each.
    seed : int
        Seed of weights, noise and shuffling.
    """

    def __init__(self, est, n_seen, n_unknowns, seed):
        self.est, self.seed = est, seed
        self.n_seen, self.n_unknowns = n_seen, n_unknowns

    def fit(self, B, X, operator, image_shape, *, device, progress, **options):
        """Fit an inverse, of signals where a trial prefers them to vectors.

        Parameters
        ----------
        B, X : Rows of shape (n, M), (n, N)
            Data and models.
        operator : ForwardOperator or None
            The operator.
        image_shape : tuple of int or None
            Shape of models that are images.
        device : torch.device
            Where to train.
        progress : FitProgress
            Told of each phase and epoch.
        **options : dict
            Of `UnrolledFitter.fit`.

        Returns
        -------
        UnrolledFit
            The fit.
        """
        generator = torch.Generator().manual_seed(self.seed)
        schedule = self._schedule(image_shape)
        trainer = Trainer(schedule, generator, device, self.est.verbose, progress)
        if self._may_be_signals(operator, image_shape):
            pairs = B, X, operator
            with trainer.task("vectors or signals"):
                image_shape, options["place"] = self._preferred(
                    (None, (1, 1, self.n_unknowns)), pairs, trainer, options
                )
            # A fit must not depend on whether there were trials.
            trainer = self._scheduled(trainer.seeded(self.seed), image_shape)
        return self._fitter(image_shape).fit(B, X, operator, trainer=trainer, **options)

    def _preferred(self, shapes, pairs, trainer, options):
        """The shape whose trial errs the least, and the place of its candidate."""
        trials = [
            self._fitter(shape).trial(
                *pairs, trainer=self._scheduled(trainer, shape).silent(), **options
            )
            for shape in shapes
        ]
        best = min(range(len(shapes)), key=lambda i: trials[i][0])
        return shapes[best], trials[best][1]

    def _fitter(self, image_shape):
        """Fit networks of models of a shape, vectors where it is None."""
        est = self.est
        choice = SettingChoice(preconditioned=est.precondition)
        mixtures = MixtureSelection(partial(fit_mixture, seed=self.seed))
        draws = DrawObjective(mixtures=mixtures)
        objective = {"mse": MeanObjective(), "energy": draws}[est.loss]
        default_dim = Defaults().embedding_dim(self.n_unknowns, image_shape)
        return UnrolledFitter(
            Architecture(
                network=est.network,
                embedding=est.embedding,
                embedding_dim=_given(est.embedding_dim, default_dim),
                n_layers=est.n_layers,
                potential=est.potential,
                potential_depth=est.potential_depth,
                remainder=est.precondition,
                image_shape=image_shape,
                resolution=est.resolution,
                noisy=objective.draws,
                seed=self.seed,
            ),
            objective,
            self._noise(),
            MaskedChoice(choice) if est.missing == "allow" else choice,
            est.early_stopping,
        )

    def _noise(self):
        level = self.est.noise_level
        if level is None:
            return MeasuredNoise()
        return EstimatedNoise() if level == "auto" else KnownNoise(level)

    def _schedule(self, image_shape):
        """Numbers of passes and of samples a step, and the learning rate."""
        est = self.est
        defaults = Defaults().schedule(
            self.n_seen, self.n_unknowns, image_shape, draws=est.loss == "energy"
        )
        return Schedule(
            max_iter=_given(est.max_iter, defaults.max_iter),
            batch_size=_given(est.batch_size, defaults.batch_size),
            learning_rate=_given(est.learning_rate, defaults.learning_rate),
        )

    def _scheduled(self, trainer, image_shape):
        return replace(trainer, schedule=self._schedule(image_shape))

    def _may_be_signals(self, operator, image_shape):
        """Whether unknowns have an order in the operator, and nothing else is asked."""
        est = self.est
        is_usual = (
            image_shape is None
            and est.loss == "mse"
            and est.missing == "error"
            and est.potential == "learned"
            and est.embedding_dim == "auto"
            and est.precondition
            and est.early_stopping
        )
        is_matrix = isinstance(operator, DenseOperator)
        return is_usual and is_matrix and is_convolution(operator.dense().numpy())


def _given(parameter, default):
    """A parameter, or what "auto" stands for."""
    return default if parameter == "auto" else parameter
