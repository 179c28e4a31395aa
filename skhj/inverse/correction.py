"""How much of a network's correction of a linear estimate is applied."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from skhj.numerics.rows import gathered, total

__all__ = ["CorrectionRule"]


@dataclass(frozen=True)
class CorrectionRule:
    """Chooses the share of least squares, less what its gain may owe to chance.

    With a mean gain g on some samples and its standard error e, the share is
    multiplied by 1 - e^2 / g^2.

    Parameters
    ----------
    chance : float, default=0.1
        Probability of a gain that is chance: the share is zero where it is larger.
    """

    chance: float = 0.1

    def share(self, linear, answers, X):
        """Share of the correction that is best on some samples.

        Parameters
        ----------
        linear, answers : ndarray or Rows of shape (n, N)
            Linear estimates, and those with the whole correction.
        X : ndarray or Rows of shape (n, N)
            Models.

        Returns
        -------
        float
            The share, from 0 to 1.
        """
        squared, product = total(_sums, linear, answers, X)
        if squared.sum() == 0 or len(X) < 2:
            return 0.0
        share = np.clip(product.sum() / squared.sum(), 0, 1)

        def gain(linear, answers, models):
            step, left = answers - linear, models - linear
            return np.sum(left**2 - (left - share * step) ** 2, axis=1)

        gains = gathered(gain, linear, answers, X)
        mean, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
        # Of few samples the standard error is not well known either.
        if mean <= stats.t.isf(self.chance, len(X) - 1) * error:
            return 0.0
        return float(share * (1 - (error / mean) ** 2))

    def by_output(self, share, linear, answers, X):
        """The share, or less for outputs that it would make worse.

        Parameters
        ----------
        share : float
            Share of all corrections.
        linear, answers, X : ndarray or Rows of shape (n, N)
            See `share`.

        Returns
        -------
        float or ndarray of shape (N,)
            The share, one for each output where it is not the same.
        """
        squared, product = total(_sums, linear, answers, X)
        best = product / np.where(squared > 0, squared, 1)
        # The error is a parabola in the share.
        worse = 2 * best < share
        if share == 0 or not worse.any():
            return share
        return np.where(worse, np.clip(best, 0, share), share)


def _sums(linear, answers, models):
    """Sums over samples of squared steps, and of steps times what is left."""
    step = answers - linear
    return np.sum(step**2, axis=0), np.sum(step * (models - linear), axis=0)
