"""Units in which splines are fitted: centred points of unit size."""

from typing import NamedTuple

import numpy as np

from skhj.priors.splines.ridge_sum import ScaledSamples

__all__ = ["Units"]


class Units(NamedTuple):
    """Units v = (x - m) / s and f = (t / s^2) (w - e).

    Attributes
    ----------
    center : ndarray of shape (d,)
        The point m, the mean of the samples.
    length : float
        The scale s, the root of their mean squared distance from it.
    intercept : float
        The number e, the mean of the values.
    time : float
        The time t.
    """

    center: np.ndarray
    length: float
    intercept: float
    time: float

    @classmethod
    def of(cls, samples):
        """Units of the samples that are seen.

        Parameters
        ----------
        samples : Samples
            Of the function w.

        Returns
        -------
        Units
            Their units.

        Raises
        ------
        ValueError
            If some ratio of units, or a square in them, is no finite number.
        """
        X, w, t = samples.X[samples.seen], samples.values, float(samples.t)
        center = X.mean(axis=0)
        length = float(np.sqrt(((X - center) ** 2).mean())) or 1.0
        w = np.zeros(1) if w is None else w[samples.seen]
        intercept = float(w.mean())
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            square = np.square(length)
            squares = np.square(t / square * (w - intercept)).sum()
            sizes = np.array([intercept, square / t, t, t / square, squares])
        if not np.isfinite(sizes).all():
            raise ValueError(
                "X, y and t must be of sizes whose squares and ratios are finite "
                f"numbers, got points of spread {length:.3g}, values of spread "
                f"{np.ptp(w):.3g} and t={t:.3g}"
            )
        return cls(center, length, intercept, t)

    @property
    def squared_error(self):
        """Squared error of values that is one in these units, a finite number."""
        with np.errstate(over="ignore"):
            square = np.square(np.float64(self.length**2 / self.time))
        return float(np.minimum(square, np.finfo(float).max))

    def scaled(self, samples, gradient_weight):
        """Samples in these units, the seen and the unseen alike.

        Parameters
        ----------
        samples : Samples
            Of the function w.
        gradient_weight : float
            Weight of the gradients where the values have 1, both in units of what the
            best affine function leaves.

        Returns
        -------
        ScaledSamples
            Of the function f.
        """
        V, s, t = (samples.X - self.center) / self.length, self.length, self.time
        w, gradients = samples.values, samples.gradients
        values = None if w is None else (t / s**2) * (w - self.intercept)
        gradients = None if gradients is None else (t / s) * gradients
        if values is not None and gradients is not None:
            gradient_weight *= _ratio(
                *(array[samples.seen] for array in (V, values, gradients))
            )
        return ScaledSamples(V, values, gradients, 1.0, gradient_weight)


def _ratio(V, values, gradients):
    """What the best affine functions leave: of the values, over the gradients."""
    left = values - V @ np.linalg.lstsq(V, values, rcond=None)[0]
    varied = gradients - gradients.mean(axis=0)
    return (left**2).mean() / max((varied**2).sum(1).mean(), 1e-300)
