"""One orthogonal basis for many symmetric matrices."""

import numpy as np

__all__ = ["joint_diagonalisation"]


def joint_diagonalisation(matrices, *, tol=1e-8, max_sweeps=100):
    """Orthogonal matrix that makes symmetric matrices as diagonal as it can.

    Minimises the sum of the squares off the diagonals by plane rotations, each of
    the best angle (Cardoso, Souloumiac).

    Parameters
    ----------
    matrices : ndarray of shape (k, d, d)
        Symmetric matrices.
    tol : float, default=1e-8
        Largest sine of the rotations of a sweep that ends it.
    max_sweeps : int, default=100
        Largest number of sweeps over all planes.

    Returns
    -------
    ndarray of shape (d, d)
        Orthogonal Q, such that Q A Q^T is nearly diagonal for each A of the matrices.

    References
    ----------
    Cardoso, Souloumiac, "Jacobi angles for simultaneous diagonalization", SIAM
    Journal on Matrix Analysis and Applications 17, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.joint_diagonalisation import joint_diagonalisation
    >>> Q = joint_diagonalisation(np.array([[[2.0, 1.0], [1.0, 2.0]]]))
    >>> np.allclose(abs(Q), np.sqrt(0.5))
    True
    """
    A = np.array(matrices, dtype=np.float64)
    d = A.shape[1]
    # The mean's eigenvectors are the answer where all agree and are distinct.
    Q = np.linalg.eigh(A.mean(axis=0))[1].T
    A = Q @ A @ Q.T
    for _ in range(max_sweeps):
        largest = 0.0
        for p in range(d - 1):
            for q in range(p + 1, d):
                # Over all angles, the squares on the diagonal are a quadratic form
                # in (cos, sin) of twice the angle.
                difference, twice = A[:, p, p] - A[:, q, q], 2 * A[:, p, q]
                on = difference @ difference - twice @ twice
                off = 2 * difference @ twice
                angle = np.arctan2(off, on) / 4
                c, s = np.cos(angle), np.sin(angle)
                largest = max(largest, abs(s))
                if abs(s) <= tol:
                    continue
                rotation = np.array([[c, s], [-s, c]])
                A[:, [p, q]] = rotation @ A[:, [p, q]]
                A[:, :, [p, q]] = A[:, :, [p, q]] @ rotation.T
                Q[[p, q]] = rotation @ Q[[p, q]]
        if largest <= tol:
            break
    return Q
