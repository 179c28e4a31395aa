"""Mixtures of linear estimates: as many as samples held out ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import covariance, range_whitening, symmetric_power
from skhj.numerics.gaussian_mixture import GaussianMixture, log_density

__all__ = ["JointMixture", "MixtureSelection"]


class JointMixture(NamedTuple):
    """A mixture of Gaussians of models x beside statistics t = T (b - M) of data.

    Attributes
    ----------
    mixture : GaussianMixture
        Of (x - m, t), K components; x over their sizes.
    statistic : ndarray of shape (r, M)
        The T.
    """

    mixture: GaussianMixture
    statistic: np.ndarray


@dataclass(frozen=True)
class MixtureSelection:
    r"""Fits mixtures of Gaussians to pairs, and chooses one on samples held out.

    Given b, each component is a linear estimate with what it leaves, and the mixture
    says how probable each is. Models that cannot be told apart by data are different
    components: no continuous map of Gaussian noise separates them.

    The data enter by numbers that lose nothing of them where the operator is linear
    and noise is white: the whitened linear estimate. Then the operator makes the
    statistics of components of models alone; else pairs (x, t) are fitted.

    Parameters
    ----------
    fit : callable
        Maps standardised samples (n, D) and a number of components to the
        `GaussianMixture` of largest likelihood.
    n_components : tuple of int, default=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
        Numbers that are tried, in turn, until one is more than twice the best so far.
    largest : int, default=64
        Models of more unknowns are left to one linear estimate: a covariance of each
        component asks for more samples than there are.
    samples_each : int, default=3
        Samples of each component, over the numbers in one, that are asked for.
    most_samples : int, default=20_000
        Of more samples, so many are fitted, and so many held out judge.
    floor : float, default=1e-8
        Variance of statistics that the noise has at least, relative to what models
        make of them: densities stay finite without noise.
    """

    fit: Callable
    n_components: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    largest: int = 64
    samples_each: int = 3
    most_samples: int = 20_000
    floor: float = 1e-8

    def choose(self, pairs, linear, A=None, noise_level=None):
        """Choose a mixture.

        Parameters
        ----------
        pairs : Pairs
            Data and models.
        linear : LinearEstimate
            The linear estimate.
        A : ndarray of shape (M, N) or None, default=None
            The operator, where it is known and linear.
        noise_level : float or None, default=None
            Standard deviation of white noise in the data, where it is known.

        Returns
        -------
        JointMixture or None
            The mixture; None for too many unknowns, too few samples, or samples whose
            density is no number.
        """
        N, M = linear.gain.shape
        if self.largest < N or pairs.seen.sum() < self.samples_each * N:
            return None
        B, X = _centred(pairs.of(pairs.seen), linear)
        direct = A is None and M <= N
        T = _statistic(B, None if direct else linear.gain)
        t = B.map(lambda b: b @ T.T)
        if A is None:
            fitted, complete = X.map(_beside, t), _unchanged
        else:
            left = t.map(lambda t, x: t - x @ (T @ A).T, X)
            fitted, complete = X, _Seen(T @ A, self._noise(left, t, T, noise_level))
        fitted = fitted.spread(self.most_samples)[:]
        B, X = _centred(pairs.of(pairs.held_out), linear)
        B, X = (rows.spread(self.most_samples)[:] for rows in (B, X))
        unseen = X, B @ T.T
        best = self._best(fitted, complete, unseen)
        return None if best is None else JointMixture(best, T)

    def _noise(self, left, t, T, noise_level):
        """Covariance of what the operator leaves of statistics."""
        white = noise_level is not None
        S = noise_level**2 * T @ T.T if white else covariance(left)
        return S + self.floor * np.eye(len(S)) * max(covariance(t).trace(), 1e-300)

    def _best(self, samples, complete, unseen):
        """The mixture that says most of models held out, given their data."""
        n, D = samples.shape
        d = unseen[0].shape[1]
        pairs = np.concatenate(unseen, axis=1)
        whitening = symmetric_power(covariance(samples), -1 / 2, floor=1e-10)
        white = samples @ whitening
        best, best_gains = None, None
        for K in self.n_components:
            too_few = n < K * self.samples_each * D
            if best is not None and (too_few or 2 * len(best.weights) < K):
                break
            mixture = _mapped(self.fit(white, K), whitening)
            joint = complete(mixture)
            of_data = GaussianMixture(
                joint.weights, joint.means[:, d:], joint.covariances[:, d:, d:]
            )
            try:
                gains = log_density(joint, pairs) - log_density(of_data, pairs[:, d:])
            except np.linalg.LinAlgError:  # too thin for double precision
                break
            if best is None or _is_more(gains - best_gains):
                best, best_gains = joint, gains
        return best


class _Seen(NamedTuple):
    """Completes a mixture of models by statistics t = A x + noise."""

    A: np.ndarray
    noise: np.ndarray

    def __call__(self, mixture):
        m, C = mixture.means, mixture.covariances
        CAt = C @ self.A.T
        of_t = self.A @ CAt + self.noise
        rows = [[C, CAt], [CAt.transpose(0, 2, 1), of_t]]
        means = np.concatenate([m, m @ self.A.T], axis=1)
        return GaussianMixture(mixture.weights, means, np.block(rows))


def _centred(pairs, linear):
    """Data and models less the means of their linear estimate."""
    B, X = pairs
    return B.map(lambda b: b - linear.data_mean), X.map(lambda x: x - linear.model_mean)


def _beside(models, statistics):
    return np.concatenate([models, statistics], axis=1)


def _unchanged(mixture):
    return mixture


def _statistic(B, gain):
    """Map T of centred data B to white numbers: all of b, or its linear estimate's."""
    estimates = B if gain is None else B.map(lambda b: b @ gain.T)
    T = range_whitening(estimates).T
    return T if gain is None else T @ gain


def _mapped(mixture, whitening):
    """A mixture of samples, of that of ``samples @ whitening``."""
    colouring = np.linalg.inv(whitening)
    means, covariances = mixture.means @ colouring, mixture.covariances
    return GaussianMixture(mixture.weights, means, colouring @ covariances @ colouring)


def _is_more(differences):
    """Whether their mean is positive by more than its standard error."""
    return differences.mean() > differences.std() / np.sqrt(len(differences))
