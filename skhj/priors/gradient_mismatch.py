r"""Whether gradients belong to the values that they were given with.

Between two samples a value grows by about the mean of their gradients along the way,

.. math:: S_j - S_i \approx \langle g_i + g_j, x_j - x_i \rangle / 2,

exactly so for quadratics. The slope of one side over the other is the factor between
the values' gradients and the given ones, of all features or of each, whatever a model
makes of them. Where both sides have errors it lies between the slope of the left over
the right and the inverse of that of the right over the left (Frisch).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import t as student

__all__ = ["GradientFactors", "GradientTest", "gradient_mismatch"]


class GradientFactors(NamedTuple):
    """Factors by which given gradients exceed those of the values.

    Attributes
    ----------
    of_all : float
        The factor of all features; 1 where nothing speaks against that.
    of_each : dict of int to float
        Factors of single features that are off, where all have no factor in common.
    """

    of_all: float = 1.0
    of_each: dict = {}

    def __bool__(self):
        return self.of_all != 1.0 or bool(self.of_each)


@dataclass(frozen=True)
class GradientTest:
    """Whether the growth between samples contradicts their gradients.

    Parameters
    ----------
    explained : float, default=1e-3
        Share of the gradients' variance on the hold-out, up to which a model leaves of
        them what rounding and noise may: values and gradients of one function agree.
    margin : float, default=0.1
        Deviation of a factor from 1 that is left to the curvature's changes.
    level : float, default=1e-4
        Probability of a false alarm, were the errors normal.
    per_feature : int, default=5
        Pairs for each feature from which features are told apart.
    most : int, default=4000
        Samples that are looked at.
    neighbours : int, default=8
        Neighbours among which each sample looks for a partner.
    turn : float, default=0.25
        Size of the difference of the gradients of near samples along the way between
        them, squared and relative to that of their sum, up to which pairs tell.
    alike : float, default=0.8
        Share of the values and of the gradients on the hold-out that a model explains,
        each up to a factor of its own, from which it tells these factors.
    fewest : int, default=5
        Numbers held out from which it does.
    """

    explained: float = 1e-3
    margin: float = 0.1
    level: float = 1e-4
    per_feature: int = 5
    most: int = 4000
    neighbours: int = 8
    turn: float = 0.25
    alike: float = 0.8
    fewest: int = 5

    def factors(self, samples, model):
        """Factors of the given gradients that are not 1, for certain.

        Parameters
        ----------
        samples : Samples
            What the model was learned from.
        model : ValueModel or PriorModel
            The model, of both.

        Returns
        -------
        GradientFactors
            True where there are any.
        """
        is_given = samples.values is not None and samples.gradients is not None
        if not is_given or gradient_mismatch(samples, model) <= self.explained:
            return GradientFactors()
        return self._by_pairs(samples) or self._by_model(samples, model)

    def _by_pairs(self, samples):
        """Factors that near samples show, where the gradient hardly turns between."""
        rows = np.random.default_rng(0).permutation(len(samples.X))[: self.most]
        X, S, gradients = samples.take(rows)[:3]
        i, j = self._near(X).T
        steps = X[j] - X[i]
        along = (gradients[i] + gradients[j]) / 2 * steps
        turn = ((gradients[j] - gradients[i]) / 2 * steps).sum(axis=1)
        if (turn**2).sum() > self.turn * (along.sum(axis=1) ** 2).sum():
            # Far ones tell the sign alone.
            none = np.empty((len(steps), 0))
            factor = self._factor(S[j] - S[i], along.sum(axis=1), none, self.level)[0]
            return GradientFactors(min(factor, 0.0) or 1.0)
        return self._judge(S[j] - S[i], along)

    def _by_model(self, samples, model):
        """The factor that a model shows of which both are multiples.

        A model of both is a compromise, too large for one and too small for the other.
        """
        unseen = samples.take(samples.held_out)
        answer = model.value(unseen.X)
        slopes = []
        of_both = zip(unseen[1:3], answer[:2], strict=True)
        for given, own in of_both:
            given, own = ((a - a.mean(axis=0)).ravel() for a in (given, own))
            if len(own) < self.fewest or _share_explained(given, own) < self.alike:
                return GradientFactors()
            slopes.append(_slope(given, own, len(own) - 1, self.level))
        (of_value, *bounds), (of_gradient, lowest, highest) = slopes
        factor, room = of_gradient / of_value, 1 + self.margin
        if bounds[0] <= 0:
            return GradientFactors()
        if lowest / bounds[1] > room or highest / bounds[0] < 1 / room:
            return GradientFactors(float(factor))
        return GradientFactors()

    def _near(self, X):
        """Pairs of near samples, without a common one."""
        k = min(self.neighbours + 1, len(X))
        distances, columns = cKDTree(X).query(X, k=range(1, k + 1))
        order = np.argsort(distances[:, 1:], axis=None)
        i, j = np.repeat(np.arange(len(X)), k - 1)[order], columns[:, 1:].ravel()[order]
        free, near = np.ones(len(X), dtype=bool), []
        for first, second in zip(i, j, strict=True):
            if first != second and free[first] and free[second]:
                free[[first, second]] = False
                near.append((first, second))
        return np.array(near, dtype=int).reshape(-1, 2)

    def _judge(self, growth, along):
        """Factors that pairs show: of all features together, else of single ones."""
        n, d = along.shape
        none = np.empty((n, 0))
        of_all, _ = self._factor(growth, along.sum(axis=1), none, self.level)
        if n < self.per_feature * (d + 1) or d == 1:
            return GradientFactors(of_all)
        of_each, in_common = {}, of_all != 1
        for k in range(d):
            others = np.delete(along, k, axis=1)
            factor, likely = self._factor(growth, along[:, k], others, self.level / d)
            in_common &= abs(likely - of_all) < abs(likely - 1)
            if factor != 1:
                of_each[k] = factor
        return GradientFactors(of_all) if in_common else GradientFactors(1.0, of_each)

    def _factor(self, growth, along, others, level):
        """Factor between two columns, given others: 1 where it may be that; likely."""
        basis = _orthonormal(others)
        growth, along = (a - basis @ (basis.T @ a) for a in (growth, along))
        free = len(growth) - basis.shape[1] - 1
        squares = (growth**2).sum(), (along**2).sum()
        if free < 2 or min(squares) <= 1e-20 * max(squares):
            return 1.0, 1.0
        slope, lowest, highest = _slope(growth, along, free, level)
        inverse, inverse_lowest, _ = _slope(along, growth, free, level)
        likely = float(np.sign(slope) * np.sqrt(abs(inverse / slope))) if slope else 1.0
        # Too small, too large or of the wrong sign, by more than errors could do.
        is_off = max(lowest, inverse_lowest) > 1 + self.margin or highest < 0
        return likely if is_off else 1.0, likely


def gradient_mismatch(samples, model):
    """Share of the given gradients' variance that a model leaves on the hold-out.

    Parameters
    ----------
    samples : Samples
        What the model was learned from, gradients among it.
    model : ValueModel or PriorModel
        The model.

    Returns
    -------
    float
        The share.
    """
    unseen, given = samples.take(samples.held_out), samples.gradients
    errors = model.value(unseen.X).gradient - unseen.gradients
    spread = ((given - given.mean(axis=0)) ** 2).mean()
    with np.errstate(over="ignore"):
        return float((errors**2).mean() / max(spread, 1e-300))


def _orthonormal(columns):
    """Orthonormal basis of the columns that are not zero."""
    size = np.sqrt((columns**2).sum(axis=0))
    kept = size > 1e-12 * max(size.max(initial=0.0), 1e-300)
    U, s, _ = np.linalg.svd(columns[:, kept] / size[kept], full_matrices=False)
    return U[:, s > 1e-9 * s.max(initial=0.0)]


def _share_explained(growth, along):
    """Squared correlation of two columns about the origin."""
    product = (growth**2).sum() * (along**2).sum()
    return (growth @ along) ** 2 / max(product, 1e-300)


def _slope(y, x, free, level):
    """Slope of y over x, and its bounds, whatever the errors' variances.

    The bounds hold without any one of the pairs, too.
    """
    squares, products = (x**2).sum(), x * y
    slope = products.sum() / squares
    leverage = np.minimum(x**2 / squares, 1 - 1e-9)
    errors = x * (y - slope * x) / (1 - leverage)
    correction = len(y) / free
    # As many pairs count as have a say.
    effective = squares**2 / (x**4).sum() - 1
    quantile = student.ppf(1 - level / 2, max(min(free, effective), 1))
    error = quantile * np.sqrt(correction * (errors**2).sum()) / squares
    without_one = (products.sum() - products) / (squares * (1 - leverage))
    lowest, highest = without_one.min(), without_one.max()
    return slope, min(slope - error, lowest), max(slope + error, highest)
