"""What every model of a prior answers: value function and prior, on numpy arrays."""

import numpy as np

from skhj.numerics.blocks import row_blocks
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.priors.solved import solved_in_blocks

__all__ = ["Model"]


class Model:
    """Base of the models, of one function or of two.

    A subclass has the attributes ``t``, the time of the samples, and ``method``, how it
    computes the prior; and answers in double precision.
    """

    @property
    def functions(self):
        """The function of the value and that of the prior; None for one it has not."""
        raise NotImplementedError

    def value(self, X):
        """Value function S(x, t) at points, with gradients, as a `Solved`."""
        return self.evolve(X, self.t)

    def prior(self, Y):
        """Prior at points, with gradients, as a `Solved`."""
        raise NotImplementedError

    def evolve(self, X, time):
        """Value function S(x, time) for 0 < time < t, with gradients, as a `Solved`."""
        raise NotImplementedError

    def prox_derivative(self, X, V, time):
        """Derivative of the prox at a time, 0 < time <= t, along directions (n, d)."""
        raise NotImplementedError

    def profiles(self, n_points):
        """Functions of one variable that it is a sum of, as `Profiles`, or None."""
        for function in self._present:
            if hasattr(function, "profiles"):
                return function.profiles(n_points)
        return None

    def shift_(self, constant):
        """Add a constant to the value function and the prior, in place."""
        # The function of the value is minus it.
        for function, sign in zip(self.functions, (-1, 1), strict=True):
            if function is not None:
                function.shift_(sign * constant)

    def to(self, device):
        """Put the functions on a device, in place."""
        for function in self._present:
            function.to(device)

    def to_arrays(self):
        """Arrays of each of the functions, a dict or None."""
        return tuple(f if f is None else f.to_arrays() for f in self.functions)

    @property
    def _present(self):
        return [function for function in self.functions if function is not None]

    def _in_blocks(self, function, X, row_size):
        """Answers of a function of tensors, on as many threads as a step can use."""
        with threads_for(len(X) * self._n_numbers):
            return solved_in_blocks(function, X, device=self._device, row_size=row_size)

    def _by_matrices(self, product, *arrays):
        """A product with a matrix for each row, of arrays (n, d), as an array."""
        d = arrays[0].shape[1]
        rows = [to_tensor(array, device=self._device) for array in arrays]
        with threads_for(len(rows[0]) * self._n_numbers):
            parts = [
                product(*(part[block] for part in rows)).cpu().numpy()
                for block in row_blocks(len(rows[0]), d * d)
            ]
        return np.concatenate(parts)

    @property
    def _device(self):
        return self._present[0].unit_center.device

    @property
    def _n_numbers(self):
        return sum(
            tensor.numel() for f in self._present for tensor in f.state_dict().values()
        )
