r"""Priors of images that are sums of profiles of filtered images.

With a potential :math:`t J(x) = \sum_i \psi_i((V x)_i)` and a linear operator the
energy of reconstruction, times t over the strength :math:`\lambda`, is

.. math::

    \tfrac{1}{2} |c A x - c b|^2 + \sum_i \psi_i((V x)_i), \qquad
    c^2 = \frac{t}{\lambda s^2}:

one of `skhj.numerics.memory_gradient`, whose features are V x and c A x. Its steps need
no length, and the energy never increases.
"""

import torch

from skhj.inverse.reconstruction.misfit import Misfit
from skhj.inverse.reconstruction.regularisers import Regulariser
from skhj.numerics.memory_gradient import MemoryGradient, row_products

__all__ = ["FilteredPrior", "ImageEnergy"]


class FilteredPrior(Regulariser):
    """The prior of a model of images, in single precision and in double.

    Parameters
    ----------
    model : object
        The model: ``potential(dtype)``, ``offset``, ``t``, ``image_shape`` (C, H, W)
        and ``device``.
    solver : MemoryGradient, default=MemoryGradient(max_iter=2000, tolerance=1e-8)
        Minimiser of proximal points, which a solver's own steps ask to be exact.
    """

    has_gradient = True

    def __init__(
        self,
        model,
        solver=MemoryGradient(max_iter=2000, tolerance=1e-8),  # noqa: B008
    ):
        self.t = self.largest_time = model.t
        self.concavity = 1 / model.t
        self.device, self.image_shape = model.device, model.image_shape
        self.offset, self.solver = model.offset, solver
        self.potentials = {
            dtype: model.potential(dtype) for dtype in (torch.float32, torch.float64)
        }

    def row_size(self, shape):
        """Numbers held for one image by an operator of a shape."""
        return shape[1] * len(self._filters)

    def n_products(self, n_rows, shape):
        """Multiplications of a step: threads wait after each image's."""
        return shape[1] * self._filters.numel()

    @property
    def _filters(self):
        return self.potentials[torch.float64].filters.weights

    def images(self, x):
        """Rows as images."""
        return x.view(len(x), *self.image_shape)

    def value(self, x):
        """Values J(x)."""
        return self.potentials[x.dtype].value(self.images(x)) / self.t + self.offset

    def gradient(self, x):
        """Gradients of J."""
        return self.potentials[x.dtype].gradient(self.images(x)).flatten(1) / self.t

    def _prox(self, x, time):
        energy = ImageEnergy(Misfit(_Identity(), x, 1 / time), self, 1.0)
        away = energy.root**2 * (x - x.mean(1, keepdim=True))
        scale = row_products(away, away).sqrt()
        scale = torch.where(scale > 0, scale, 1)
        found = self.solver.minimise(energy, self.images(x), scale)
        return found.point.flatten(1)


class _Identity:
    """The operator of denoising."""

    is_linear = True

    def forward(self, x):
        return x

    def adjoint(self, r, x=None):
        return r


class ImageEnergy:
    """The energy above, of images.

    Parameters
    ----------
    misfit : Misfit
        Of a linear operator.
    prior : FilteredPrior
        The prior J.
    strength : float
        Its weight.
    """

    damping = 0.0

    def __init__(self, misfit, prior, strength):
        self.operator = misfit.operator
        self.root = (misfit.precision * prior.t / strength) ** 0.5
        self.data = self.root * misfit.measurements
        self.filters, self.profiles = prior.potentials[self.data.dtype]

    def features(self, images):
        """Responses of the filters and measurements, in one row for each image."""
        responses = self.filters.forward(images).flatten(1)
        measured = self.root * self.operator.forward(images.flatten(1))
        return torch.cat([responses, measured], 1)

    def gradient_and_weights(self, images, features, out=None):
        """Gradient of the energy, and half-quadratic weights of the features."""
        n, _, rows, columns = images.shape
        size = features.shape[1] - self.data.shape[1]
        responses = features[:, :size].reshape(n, -1, rows, columns)
        slopes = torch.empty_like(responses)
        weights = torch.ones_like(features) if out is None else out
        of_responses = weights[:, :size].view_as(responses)
        self.profiles.slopes_and_weights(responses, slopes, of_responses)
        left = features[:, size:] - self.data
        gradient = self.root * self.operator.adjoint(left, images.flatten(1))
        return self.filters.transpose(slopes) + gradient.view_as(images), weights
