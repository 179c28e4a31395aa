r"""A prior of images as a model: value function, prox and prior at any time up to t."""

from copy import deepcopy

import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.conjugate_gradients import conjugate_gradients_by_row
from skhj.numerics.memory_gradient import MemoryGradient
from skhj.numerics.profiles import Profiles
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.priors.images.denoise import denoise
from skhj.priors.model import Model
from skhj.priors.solved import Solved

__all__ = ["ImageModel"]


class ImageModel(Model):
    r"""Value function and prior of flattened images, on numpy arrays.

    Every value function up to time t is :math:`S(x, s) = \min_y J(y) + |x - y|^2/(2s)`:
    a strongly convex problem, solved for the proximal points in single precision;
    values and gradients of J are in double.

    Parameters
    ----------
    function : ImagePrior
        The prior.
    t : float
        Time of the samples.
    image_shape : tuple of int
        Channels, height and width of an image.
    solver : MemoryGradient, default=MemoryGradient(max_iter=500)
        Minimises. The steepest profiles that are fitted ask for some 300 steps.
    """

    # The function answers by itself.
    method = "network"

    def __init__(
        self,
        function,
        t,
        image_shape,
        solver=MemoryGradient(max_iter=500),  # noqa: B008
    ):
        self.function = function.double()
        self.t = t
        self.image_shape = image_shape
        self.solver = solver

    @property
    def functions(self):
        """The function of the value, of which there is none, and that of the prior."""
        return None, self.function

    @property
    def offset(self):
        """The constant that J has beside its potential."""
        return float(self.function.offset)

    @property
    def device(self):
        """Where it is."""
        return self.function.filters.device

    @property
    def _n_products(self):
        """Multiplications of one image's filters: threads wait after each image's."""
        C, H, W = self.image_shape
        return H * W * self.function.filters.numel()

    def prior(self, Y):
        """Prior at images, as a `Solved`."""
        with threads_for(self._n_products):
            value, gradient = self._prior(self._images(Y, torch.float64))
        rows = torch.ones(len(value), dtype=torch.bool)
        return self._solved(value, gradient, rows)

    def evolve(self, X, time):
        """Value function S(x, time) for 0 < time <= t, as a `Solved`."""
        noisy = self._images(X, torch.float64)
        # What is added to all pixels changes nothing else, and would be rounded.
        level = noisy.mean((1, 2, 3), keepdim=True)
        potential = self.potential(torch.float32).scaled(time / self.t)
        with threads_for(self._n_products):
            minimum = denoise(potential, (noisy - level).float(), solver=self.solver)
            prox = minimum.point.double() + level
            value = self._prior(prox)[0]
        value = value + hj.half_squared_norm((noisy - prox).flatten(1)) / time
        gradient = hj.value_gradient_from_prox(noisy, prox, time)
        return self._solved(value, gradient, minimum.residual <= self.solver.tolerance)

    def prox_derivative(self, X, V, time):
        """Derivative of the prox at a time along directions.

        That is (I + s H)^{-1}, with the Hessian H of J at the proximal image.
        """
        prox = hj.prox_from_gradient(X, self.evolve(X, time).gradient, time)
        potential = self.potential(torch.float64).scaled(time / self.t)
        directions = self._images(V, torch.float64)
        with threads_for(self._n_products):
            hessian = potential.hessian(self._images(prox, torch.float64))
            found = conjugate_gradients_by_row(
                lambda v: v + hessian(v),
                directions,
                torch.zeros_like(directions),
                max_iter=self.solver.max_iter,
                tolerance=self.solver.tolerance,
            )
        return found.point.flatten(1).cpu().numpy()

    def profiles(self, n_points, n_reaches=1.5):
        """Its filters, and the functions of their responses that J is the sum of.

        Parameters
        ----------
        n_points : int
            Points of each function.
        n_reaches : float, default=1.5
            Where they end, in units of the response at which they become straight.

        Returns
        -------
        Profiles
            The functions; those of norms are shown along one of their filters.
        """
        filters, profiles = self.potential(torch.float64)
        steps = torch.linspace(-n_reaches, n_reaches, n_points).to(profiles.reach)
        responses = profiles.reach * steps
        along = torch.zeros(1, len(filters.weights), 1, n_points).to(responses)
        along[0, :: profiles.rank] = responses
        values = profiles.value(along)[0, :, 0] / self.t
        numbers = (filters.weights, responses[:, 0], values)
        arrays = (number.cpu().numpy() for number in numbers)
        return Profiles.sorted(*arrays, profiles.rank)

    def shift_(self, constant):
        """Add a constant to the value function and the prior, in place."""
        self.function.offset += constant

    def _prior(self, images):
        potential = self.potential(images.dtype)
        value = potential.value(images) / self.t + self.function.offset
        return value, potential.gradient(images) / self.t

    @torch.no_grad()
    def potential(self, dtype):
        """The potential t J in some precision."""
        # A copy: the constant stays in double, and other threads may be asking too.
        single = dtype != torch.float64
        function = deepcopy(self.function).to(dtype) if single else self.function
        return function.potential(reflect=True).detached()

    def _images(self, X, dtype):
        """Rows as images, on the function's device."""
        images = to_tensor(
            X, dtype=str(dtype).removeprefix("torch."), device=self.device
        )
        return images.reshape(len(X), *self.image_shape)

    def _solved(self, value, gradient, solved):
        gradient = gradient.flatten(1)
        return Solved(*(part.cpu().numpy() for part in (value, gradient, solved)))
