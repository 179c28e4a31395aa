"""The search for the quadratics whose minimum a function is."""

from dataclasses import dataclass

import numpy as np

__all__ = ["PieceSearch"]


@dataclass(frozen=True)
class PieceSearch:
    r"""Local fits where the minimum is wrong; then assignment and least squares.

    A quadratic is fitted to the nearest samples of each of some anchors, and the fits
    that lower the error of the minimum most join it. Then each piece is fitted to the
    samples where it is the least, again and again. A fit to samples of one piece alone
    is that piece: where the values are exact, a few rounds find all of them.

    A piece has to lower the error by the share :math:`p \log(n) / n`, for p parameters
    and n samples (the information criterion of Schwarz), of which noise leaves about
    :math:`p / n`.

    Parameters
    ----------
    most_pieces : int, default=32
        Quadratics at most.
    anchors : int, default=32
        Points at which a quadratic is fitted to the nearest samples: some of them lie
        well inside of each of ten pieces.
    equations_per_coefficient : int, default=2
        Equations of such a fit, and fewest of a piece that is fitted again.
    max_iter : int, default=40
        Alternations at most; where the values are exact a dozen is enough.
    patience, progress : int and float, default=5 and 1e-3
        They end when so many have not lowered the error by this share.
    negligible : float, default=1e-24
        Share of the variance that is rounding.
    largest : float, default=1.0 - 1e-6
        Curvature at most; less than one leaves the potential strongly convex, as
        `skhj.priors.splines.fit.SplineSolver` does.

    References
    ----------
    Magnani, Boyd, "Convex piecewise-linear fitting", Optimization and Engineering 10,
    2009: the alternation. Schwarz, "Estimating the dimension of a model", Annals of
    Statistics 6, 1978.
    """

    most_pieces: int = 32
    anchors: int = 32
    equations_per_coefficient: int = 2
    max_iter: int = 40
    patience: int = 5
    progress: float = 1e-3
    negligible: float = 1e-24
    largest: float = 1.0 - 1e-6

    def round(self, pieces, equations, pool, rng):
        """Add pieces, improve all of them, and drop those that are not missed.

        Parameters
        ----------
        pieces : ndarray of shape (m, p) or None
            Parameters of the quadratics so far.
        equations, pool : Equations
            Samples to judge by and to fit to, and those among which anchors look for
            neighbours.
        rng : RandomState
            Source of the anchors.

        Returns
        -------
        pieces : ndarray of shape (m, p)
            Parameters.
        error : float
            Mean squared error of the minimum.
        """
        if pieces is None:
            pieces = equations.solve(self.largest)[None]
        fits = self._local_fits(pieces, pool, rng)
        pieces = self._choose(pieces, fits, equations)
        pieces, _ = self.alternate(pieces, equations)
        return self.alternate(self._prune(pieces, equations), equations)

    def _local_fits(self, pieces, pool, rng):
        """Fits to the nearest samples of those where the minimum is wrong."""
        n, p = pool.design.shape
        k = 1 + self._fewest(pool)
        left = ((pool.design @ pieces.T).min(axis=1) - pool.values) ** 2
        n_anchors = min(self.anchors, np.count_nonzero(left))
        if k >= n or not n_anchors:
            return np.empty((0, p))
        anchors = rng.choice(n, n_anchors, replace=False, p=left / left.sum())
        distances = (pool.V**2).sum(axis=1) - 2 * pool.V[anchors] @ pool.V.T
        nearest = np.argpartition(distances, k, axis=1)[:, :k]
        return np.array([pool.take(rows).solve(self.largest) for rows in nearest])

    def _fewest(self, equations):
        """Samples that have enough equations."""
        p = equations.design.shape[1]
        return -(-self.equations_per_coefficient * p // equations.n_each)

    def _worth(self, equations):
        """Factor of the error that one more piece is worth."""
        n, p = equations.design.shape
        return max(1 - p * np.log(n) / n, 0.0)

    def _choose(self, pieces, fits, equations):
        """Add fits one after the other, each the one that lowers the error most."""
        targets, chosen = equations.values, []
        lowest = (equations.design @ pieces.T).min(axis=1)
        excess = equations.design @ fits.T - targets[:, None]
        error = ((lowest - targets) ** 2).mean()
        for _ in range(min(self.most_pieces - len(pieces), len(fits))):
            below = np.minimum((lowest - targets)[:, None], excess)
            errors = np.einsum("nk,nk->k", below, below) / len(targets)
            best = errors.argmin()
            if errors[best] > (1 - self.progress) * error:
                break
            error = errors[best]
            chosen.append(best)
            lowest = np.minimum(lowest, excess[:, best] + targets)
        return np.vstack([pieces, fits[chosen]])

    def alternate(self, pieces, equations):
        """Fit each piece to the samples where it is the least, again and again.

        Parameters
        ----------
        pieces : ndarray of shape (m, p)
            Parameters of the quadratics to start from.
        equations : Equations
            Samples.

        Returns
        -------
        pieces : ndarray of shape (m, p)
            The best on the way.
        error : float
            Mean squared error of their minimum.
        """
        best, least, before, idle = pieces, np.inf, None, 0
        for _ in range(self.max_iter):
            values = equations.design @ pieces.T
            active = values.argmin(axis=1)
            error = _error(values, equations.values)
            idle = 0 if error < (1 - self.progress) * least else idle + 1
            if error < least:
                best, least = pieces, error
            if idle > self.patience or np.array_equal(active, before):
                break
            pieces, before = self._fitted(pieces, active, equations), active
        return best, least

    def merge(self, pieces, equations):
        """Drop pieces that the error does not miss once the others are fitted again.

        Parameters
        ----------
        pieces : ndarray of shape (m, p)
            Parameters of the quadratics.
        equations : Equations
            Samples.

        Returns
        -------
        ndarray of shape (m, p)
            Those that are left; noise had split some of them.
        """
        targets = equations.values
        while len(pieces) > 1:
            values = equations.design @ pieces.T
            error = _error(values, targets)
            if error <= self.negligible * targets.var():
                break
            least = int(np.argmin(_errors_without(values, targets)))
            fewer = np.delete(pieces, least, axis=0)
            fewer, without = self.alternate(fewer, equations)
            if self._worth(equations) * without > error:
                break
            pieces = fewer
        return pieces

    def _fitted(self, pieces, active, equations):
        """Each piece fitted to its samples; those that have none are left out."""
        fitted = []
        for i, piece in enumerate(pieces):
            rows = np.flatnonzero(active == i)
            if len(rows) >= self._fewest(equations):
                fitted.append(equations.take(rows).solve(self.largest))
            elif len(rows):
                fitted.append(piece)
        return np.array(fitted)

    def _prune(self, pieces, equations):
        """Drop pieces that the error does not miss, the others as they are."""
        values, targets = equations.design @ pieces.T, equations.values
        floor = self.negligible * targets.var()
        while len(pieces) > 1:
            without = _errors_without(values, targets)
            least = int(np.argmin(without))
            worth = self._worth(equations) * without[least]
            if worth > max(_error(values, targets), floor):
                break
            pieces = np.delete(pieces, least, axis=0)
            values = np.delete(values, least, axis=1)
        return pieces


def _errors_without(values, targets):
    """Mean squared errors of the minimum over all columns but one, for each."""
    active = values.argmin(axis=1)
    first, second = np.partition(values, 1, axis=1)[:, :2].T
    kept = (first - targets) ** 2
    more = (second - targets) ** 2 - kept
    added = np.bincount(active, more, minlength=values.shape[1])
    return kept.mean() + added / len(targets)


def _error(values, targets):
    """Mean squared error of the minimum over the columns."""
    return float(((values.min(axis=1) - targets) ** 2).mean())
