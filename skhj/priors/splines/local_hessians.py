"""Hessians of a function, roughly, by quadratics fitted to neighbours."""

from dataclasses import dataclass

import numpy as np

from skhj.numerics.threads import threads_for

__all__ = ["LocalHessians"]


@dataclass(frozen=True)
class LocalHessians:
    """Quadratics fitted to neighbours, or affine functions to their gradients.

    Parameters
    ----------
    neighbours : float, default=6.0
        Neighbours of a fit for each of its coefficients: enough to average over noise,
        and few enough to stay near.
    fewest_neighbours : float, default=1.5
        The fewest for each coefficient that make sense: less would be interpolation.
    largest_fit : int, default=600
        Number of coefficients beyond which fits cost too much, and ask for too many
        samples: quadratics of more than 33 features.
    fewest_fits, most_fits : int, default=50, 400
        Number of local fits at least and at most.
    cost : float, default=2e10
        Products that all fits together may take, some seconds of one core.
    conditioning : float, default=1e-9
        Share of the largest diagonal entry that is added to the normal equations.
        Their answers are rough anyway.
    """

    neighbours: float = 6
    fewest_neighbours: float = 1.5
    largest_fit: int = 600
    fewest_fits: int = 50
    most_fits: int = 400
    cost: float = 2e10
    conditioning: float = 1e-9

    def at_some(self, samples, rng):
        """Hessians at some of the points.

        Parameters
        ----------
        samples : ScaledSamples
            Values or gradients; where there are both, the gradients are fitted.
        rng : numpy.random.RandomState
            Chooses the points.

        Returns
        -------
        ndarray of shape (k, d, d) or None
            Symmetric matrices; None if samples are too few or features too many.
        """
        n, d = samples.V.shape
        n_coefficients = 1 + d
        if samples.gradients is None:
            n_coefficients += d * (d + 1) // 2
        n_neighbours = min(n, int(self.neighbours * n_coefficients))
        enough = n_neighbours >= self.fewest_neighbours * n_coefficients
        if n_coefficients > self.largest_fit or not enough:
            return None
        n_products = n_neighbours * n_coefficients**2
        n_fits = int(np.clip(self.cost / n_products, self.fewest_fits, self.most_fits))
        with threads_for(n_products):
            return self._fit(samples, rng.permutation(n)[:n_fits], n_neighbours)

    def _fit(self, samples, centres, n_neighbours):
        """Hessians at some samples, by so many neighbours of each."""
        spread = samples.V.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        U, hessians = samples.V / spread, []
        for centre in centres:
            away = U - U[centre]
            squared = (away * away).sum(axis=1)
            near = np.argpartition(squared, n_neighbours - 1)[:n_neighbours]
            if samples.gradients is None:
                H = self._of_values(away[near], samples.values[near])
            else:
                H = self._of_gradients(away[near], samples.gradients[near] * spread)
            hessians.append((H + H.T) / np.outer(spread, spread))
        return np.array(hessians)

    def _of_gradients(self, away, gradients):
        """Half the slope of the affine fit: the Hessian is this plus its transpose."""
        affine = np.column_stack([np.ones(len(away)), away])
        return self._least_squares(affine, gradients)[1:] / 2

    def _of_values(self, away, values):
        """Coefficients of products: the Hessian is this plus its transpose."""
        n, d = away.shape
        rows, cols = np.triu_indices(d)
        design = np.ones((n, 1 + d + len(rows)))
        design[:, 1 : 1 + d] = away
        for i in range(d):
            products = slice(1 + d + np.searchsorted(rows, i), None)
            design[:, products][:, : d - i] = away[:, i:] * away[:, i, None]
        H = np.zeros((d, d))
        H[rows, cols] = self._least_squares(design, values)[1 + d :]
        return H

    def _least_squares(self, design, targets):
        """Coefficients by normal equations."""
        gram = design.T @ design
        gram[np.diag_indices_from(gram)] += self.conditioning * gram.diagonal().max()
        return np.linalg.solve(gram, design.T @ targets)
