"""Mixtures of Gaussians of largest likelihood, by scikit-learn."""

from dataclasses import dataclass

from sklearn.mixture import GaussianMixture as Fit

from skhj.numerics.gaussian_mixture import GaussianMixture
from skhj.numerics.threads import threads_for

__all__ = ["MixtureFit"]


@dataclass(frozen=True)
class MixtureFit:
    """Fits mixtures of Gaussians to standardised samples.

    Parameters
    ----------
    seed : int
        Source of the starts.
    n_starts : int, default=5
        Starts from samples far apart; the best is kept.
    tol : float, default=1e-4
        Gain of the mean log-likelihood at which a fit ends.
    most : int, default=10_000
        Largest number of iterations, far beyond those that ``tol`` leaves.
    floor : float, default=1e-6
        Variance added to each direction.
    """

    seed: int
    n_starts: int = 5
    tol: float = 1e-4
    most: int = 10_000
    floor: float = 1e-6

    def __call__(self, samples, n_components):
        """`GaussianMixture` of samples (n, D)."""
        fit = Fit(
            n_components,
            n_init=self.n_starts if n_components > 1 else 1,
            random_state=self.seed,
            init_params="k-means++",
            reg_covar=self.floor,
            max_iter=self.most,
            tol=self.tol,
        )
        n, D = samples.shape
        with threads_for(n * D**2 * n_components):
            fit.fit(samples)
        return GaussianMixture(fit.weights_, fit.means_, fit.covariances_)
