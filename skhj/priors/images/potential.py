r"""The potential of images, t J(y), and the energy of denoising.

.. math::

    t J(y) = \sum_k \sum_{pixels} \psi_k\big((v_k \star y)\big), \qquad
    v_k = \sqrt{\mu_k + m_k}\, w_k,

with filters :math:`w_k` of joint spectral norm 1, slopes :math:`\mu_k` at the origin,
and concavities :math:`\kappa_k = m_k/(\mu_k + m_k)` of the profiles. As a function of
:math:`w_k \star y` the curvature is at least :math:`-m_k`, so
:math:`|y|^2/2 + t J(y)` is convex where all :math:`m_k \le 1`: J is its own backward
viscosity prior at time t and, more so, at all shorter times.
"""

from typing import NamedTuple

import torch

from skhj.numerics.memory_gradient import row_products
from skhj.priors.images.filters import FilterBank
from skhj.priors.images.profiles import ClipProfiles

__all__ = ["Denoising", "ImagePotential"]


class ImagePotential(NamedTuple):
    """A sum of profiles of filtered images, for images of any shape.

    Attributes
    ----------
    filters : FilterBank
        The filters v.
    profiles : ClipProfiles
        Their profiles.
    """

    filters: FilterBank
    profiles: ClipProfiles

    def value(self, images):
        """Potential of each image, shape (n,)."""
        return self.profiles.value(self.filters.forward(images)).flatten(1).sum(1)

    def gradient(self, images):
        """Its gradient, of the images' shape."""
        responses = self.filters.forward(images)
        return self.filters.transpose(self.profiles.derivative(responses))

    def slope(self, images, directions):
        """Its derivative along a direction for each image, shape (n,)."""
        derivative = self.profiles.derivative(self.filters.forward(images))
        return row_products(derivative, self.filters.forward(directions))

    def hessian(self, images):
        """Its Hessian at some images, as a function of directions."""
        of_responses = self.profiles.hessian(self.filters.forward(images))

        def product(directions):
            return self.filters.transpose(
                of_responses(self.filters.forward(directions))
            )

        return product

    def scaled(self, factor):
        """The potential times a positive number, such as s/t for a time s below t."""
        root = factor**0.5
        filters = self.filters._replace(weights=root * self.filters.weights)
        return ImagePotential(filters, self.profiles.scaled(root))

    def detached(self):
        """The same potential, its numbers cut from the graph they came from."""
        filters = self.filters._replace(weights=self.filters.weights.detach())
        return ImagePotential(filters, self.profiles.detached())


class Denoising(NamedTuple):
    """The energy |y - b|^2 / 2 + t J(y) of noisy images b.

    Attributes
    ----------
    potential : ImagePotential
        The potential t J.
    noisy : Tensor of shape (n, C, H, W)
        The images b.
    """

    potential: ImagePotential
    noisy: torch.Tensor

    damping = 1.0  # type: ignore[misc]  # of all, not a field

    def features(self, images):
        """Responses of the filters."""
        return self.potential.filters.forward(images)

    def gradient_and_weights(self, images, responses, out=None):
        """Gradient of the energy, and half-quadratic weights of the responses."""
        filters, profiles = self.potential
        weights = torch.empty_like(responses) if out is None else out
        scratch = []

        def slopes(part, rows):
            if not scratch:  # the first block is the largest
                scratch.append(torch.empty_like(part))
            derivative = scratch[0][:, :, : part.shape[2]]
            profiles.slopes_and_weights(part, derivative, weights[:, :, rows])
            return derivative

        gradient = images - self.noisy + filters.transpose(responses, slopes)
        return gradient, weights
