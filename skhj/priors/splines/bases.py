r"""Bases in which a function may be a sum of functions of one coordinate.

If :math:`\psi(v) = \sum_j s_j(\langle a_j, v\rangle)`, all its Hessians are
:math:`\sum_j s_j'' \, a_j a_j^T`, and their mean M likewise: in the coordinates
:math:`M^{1/2} v` the directions are orthogonal, whatever they were, and common
eigenvectors of all Hessians. Those of quadratics fitted to neighbours are close
enough to find them by. In high dimension, where such fits ask for too many samples, the
directions are sought as eigenvectors of mean third and fourth derivatives.
"""

from dataclasses import dataclass

import numpy as np

from skhj.numerics.covariance import symmetric_power
from skhj.numerics.joint_diagonalisation import joint_diagonalisation
from skhj.priors.splines.local_hessians import LocalHessians
from skhj.priors.splines.moments import MomentBases

__all__ = ["BasisCandidates", "common_directions", "unit_rows"]


@dataclass(frozen=True)
class BasisCandidates:
    """Bases found in samples of a convex function.

    Parameters
    ----------
    far : float, default=4.0
        Points whose squared distance is more than this multiple of the median are left
        out, as they would rule all moments: one Gaussian point in a hundred in four
        features, fewer in more, and none that is uniform in a cube.
    flattest : float, default=1e-2
        Least curvature in the metric, as a share of the largest: noise of the mean
        Hessian may leave it less than nothing.
    local_hessians : LocalHessians
        Finds Hessians to diagonalise.
    moments : MomentBases
        Finds bases in high dimension.
    """

    far: float = 4.0
    flattest: float = 1e-2
    local_hessians: LocalHessians = LocalHessians()
    moments: MomentBases = MomentBases()

    def find(self, samples, rng):
        """Bases in which the samples' function may be additive.

        Parameters
        ----------
        samples : ScaledSamples
            Values or gradients of a convex function at centred points.
        rng : numpy.random.RandomState
            Source of the first guesses.

        Returns
        -------
        dict of str to ndarray of shape (d, d)
            Directions of unit norm in rows, by the name of what they were found from.
        """
        squared = (samples.V * samples.V).sum(axis=1)
        samples = samples.take(squared <= self.far * np.median(squared))
        bases = {}
        hessians = self.local_hessians.at_some(samples, rng)
        if hessians is not None:
            bases["local fits"] = common_directions(hessians, self.metric)
        bases |= self.moments.find(samples, rng, self.metric)
        return {name: unit_rows(basis) for name, basis in bases.items()}

    def metric(self, hessian):
        """The matrix with its curvatures raised to the least, positive definite."""
        curvatures, vectors = np.linalg.eigh(hessian)
        least = self.flattest * (abs(curvatures).max() or 1.0)
        return (vectors * np.maximum(curvatures, least)) @ vectors.T


def common_directions(hessians, metric):
    """Directions in which all Hessians are diagonal, or nearly.

    Parameters
    ----------
    hessians : ndarray of shape (k, d, d)
        Symmetric matrices.
    metric : callable
        Makes their mean positive definite.

    Returns
    -------
    ndarray of shape (d, d)
        Directions in rows, of any norm.
    """
    M = metric(hessians.mean(axis=0))
    inverse_root = symmetric_power(M, -1 / 2)
    common = joint_diagonalisation(inverse_root @ hessians @ inverse_root)
    return common @ symmetric_power(M, 1 / 2)


def unit_rows(A):
    """The rows over their norms."""
    return A / np.linalg.norm(A, axis=1, keepdims=True)
