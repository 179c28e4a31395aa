"""What an unrolled network is built on, one class a kind of misfit.

A setting is made of arrays and plain objects: it is what a saved model keeps. Its
method ``physics`` makes the misfit of the arrays that are the network's buffers.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from skhj.inverse.linear.dense import LinearEstimate
from skhj.inverse.linear.spectral import SpectralEstimate
from skhj.inverse.noise import FreshNoise
from skhj.inverse.posterior.selection import JointMixture
from skhj.inverse.units import DenseUnits, SpectralUnits
from skhj.inverse.unrolled.dense_misfit import DensePhysics
from skhj.inverse.unrolled.nonlinear_misfit import NonlinearParts, NonlinearPhysics
from skhj.inverse.unrolled.spectral_misfit import SpectralPhysics
from skhj.numerics.tensors import to_tensor

__all__ = ["DenseSetting", "NonlinearSetting", "Setting", "SpectralSetting"]


@dataclass(frozen=True)
class Setting:
    """What all kinds share.

    A subclass has ``arrays`` and ``physics``, which make the misfit and its buffers;
    ``estimated_data``, of an operator that had to be estimated; and ``n_products``.

    Parameters
    ----------
    linear : LinearEstimate or SpectralEstimate
        The linear estimate.
    units : DenseUnits or SpectralUnits
        Units of the network.
    mixture : JointMixture or None, default=None
        Where draws start; None lets them start from the linear estimate.
    """

    linear: LinearEstimate | SpectralEstimate
    units: DenseUnits | SpectralUnits
    mixture: JointMixture | None = field(default=None, kw_only=True)

    # Whether the operator is, and whether covariances of all unknowns are affordable.
    is_linear, has_covariances = True, True
    # Whether data may be missing.
    is_masked = False

    @property
    def row_size(self):
        """Numbers that the work on one sample holds at a time."""
        return self.units.model_mean.size

    def augment(self, pairs, noise_level, generator):
        """What is drawn afresh in each step: noise, where its level is known.

        Parameters
        ----------
        pairs : Pairs
            Data and models.
        noise_level : float or None
            Standard deviation of the noise.
        generator : torch.Generator
            Its source.

        Returns
        -------
        callable or None
            Maps inputs to those of a step; None leaves them.
        """
        if noise_level is None:
            return None
        return FreshNoise(self.units, noise_level, generator)

    def with_linear(self, linear):
        """The same setting with another linear estimate."""
        return replace(self, linear=linear)

    def with_mixture(self, mixture):
        """The same setting whose draws start from a mixture."""
        return replace(self, mixture=mixture)

    def noiseless_data(self, X, operator):
        """Data (n, M) that an operator, or else the estimated one, makes of models.

        A linear one has an offset, that of the data given.
        """
        if operator is None:
            return self.estimated_data(X)
        data = operator.data(X - self.linear.model_mean.ravel())
        data += self.linear.data_mean.ravel()
        return data


@dataclass(frozen=True)
class DenseSetting(Setting):
    """A linear operator that is a matrix in units of vectors.

    Parameters
    ----------
    linear : LinearEstimate
        The linear estimate.
    units : DenseUnits
        Units of the network.
    matrix : ndarray of shape (M, N) or None, default=None
        The operator, where it had to be estimated.
    """

    matrix: np.ndarray | None = None

    @staticmethod
    def n_products(n_samples, size):
        """Multiplications in the covariance of samples, and its eigendecomposition."""
        return n_samples * size**2 + size**3

    def arrays(self, preconditioner, bounds):
        """What the misfit is made of.

        Parameters
        ----------
        preconditioner : Preconditioner
            Change of units.
        bounds : tuple of ndarray of shape (N,)
            Range of the models.

        Returns
        -------
        dict of str to ndarray
            Arrays by their names.
        """
        factor, spread = self._in_answers(preconditioner)
        return {"matrix": preconditioner.matrix, "factor": factor, "spread": spread}

    def _in_answers(self, p):
        """Maps of u, and of steps away from the start, to the network's answers."""
        to_answers = self.units.analysis.T @ p.basis
        return to_answers @ p.factor, to_answers @ p.spread

    def physics(self, arrays, operator):
        """Misfit in these units.

        Parameters
        ----------
        arrays : dict of str to ndarray
            Its buffers, by their names.
        operator : ForwardOperator or None
            The operator, which only a non-linear one needs.

        Returns
        -------
        nn.Module
            The physics.
        """
        names = "matrix", "factor", "spread"
        return DensePhysics(*(to_tensor(arrays[name]) for name in names))

    def estimated_data(self, X):
        """Data (n, M) that the estimated operator makes of models (n, N)."""
        linear = self.linear
        return linear.data_mean + (X - linear.model_mean) @ self.matrix.T


@dataclass(frozen=True)
class NonlinearSetting(DenseSetting):
    """An operator that is not linear, in units of vectors."""

    is_linear = False

    def arrays(self, preconditioner, bounds):
        """What the misfit is made of, see `DenseSetting.arrays`."""
        p = preconditioner
        parts = NonlinearParts(
            self.linear.model_mean,
            p.basis @ p.factor,
            self.linear.data_mean,
            p.whitening,
            *bounds,
            *self._in_answers(p),
        )
        return parts._asdict()

    def physics(self, arrays, operator):
        """Misfit in these units, see `DenseSetting.physics`."""
        parts = (to_tensor(arrays[name]) for name in NonlinearParts._fields)
        return NonlinearPhysics(operator, NonlinearParts(*parts))

    def noiseless_data(self, X, operator):
        """Data (n, M) that the operator makes of models (n, N)."""
        return operator.data(X)


@dataclass(frozen=True)
class SpectralSetting(Setting):
    """An operator that multiplies waves of images.

    Parameters
    ----------
    linear : SpectralEstimate
        The linear estimate.
    units : SpectralUnits
        Units of the network.
    """

    has_covariances = False

    @staticmethod
    def n_products(n_samples, size):
        """Multiplications in the fast transforms of samples."""
        return n_samples * size * np.log2(2 * size)

    def arrays(self):
        """What the misfit is made of, by name."""
        factor = self.linear.factor / self.units.sizes
        return {"multiplier": self.linear.normal, "factor": factor}

    def physics(self, arrays, operator):
        """Misfit in these units, see `DenseSetting.physics`."""
        parts = to_tensor(arrays["multiplier"]), to_tensor(arrays["factor"])
        return SpectralPhysics(*parts, self.units.waves, self.units.data_mean.shape)

    def estimated_data(self, X):
        """Data (n, N) that the estimated operator makes of models (n, N)."""
        return self.linear.data(X)
