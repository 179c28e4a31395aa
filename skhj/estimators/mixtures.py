"""Mixtures of Gaussians of largest likelihood, by scikit-learn."""

from skhj.numerics.gaussian_mixture import GaussianMixture
from skhj.numerics.threads import threads_for

__all__ = ["fit_mixture"]


def fit_mixture(
    samples, n_components, *, seed, n_starts=5, tol=1e-4, most=10_000, floor=1e-6
):
    """Fit a mixture of Gaussians to standardised samples.

    Parameters
    ----------
    samples : ndarray of shape (n, D)
        Samples.
    n_components : int
        Number of components.
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

    Returns
    -------
    GaussianMixture
        The mixture.
    """
    # It loads a third of scikit-learn: at the top, all who import skhj would wait.
    from sklearn.mixture import GaussianMixture as Fit

    fit = Fit(
        n_components,
        n_init=n_starts if n_components > 1 else 1,
        random_state=seed,
        init_params="k-means++",
        reg_covar=floor,
        max_iter=most,
        tol=tol,
    )
    n, D = samples.shape
    with threads_for(n * D**2 * n_components):
        fit.fit(samples)
    return GaussianMixture(fit.weights_, fit.means_, fit.covariances_)
