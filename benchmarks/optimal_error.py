r"""The best error that so many pieces can have.

References
----------
Gaubert, McEneaney, Qu, "Curse of dimensionality reduction in max-plus based
approximation methods: theoretical estimates and improved pruning algorithms", CDC
2011, Theorem 4.1.
"""

from math import gamma, pi, sqrt


def covering_density(n_features):
    r"""Density of the thinnest known lattice covering by balls, that of A*.

    The thinnest of all lattices for d <= 5, and of all coverings for d <= 2.

    Parameters
    ----------
    n_features : int
        Dimension d.

    Returns
    -------
    float
        The mean number of balls over a point, at least 1.

    Examples
    --------
    >>> from optimal_error import covering_density
    >>> covering_density(1)
    1.0
    """
    d = n_features
    return _ball_volume(d) * sqrt(d + 1) * (d * (d + 2) / (12 * (d + 1))) ** (d / 2)


def _ball_volume(d):
    return pi ** (d / 2) / gamma(d / 2 + 1)


def optimal_error(volume, n_pieces, n_features):
    r"""Largest error of the best ``n_pieces`` quadratics below psi*, asymptotically.

    Pieces of curvature alpha that touch psi* at y_k err at y by
    :math:`\frac12 |y - y_k|^2` in the metric of :math:`\psi^{*\prime\prime} - \alpha I`
    to leading order, so the best points are the centres of the thinnest covering of Y
    by balls of that metric, and the error is half its squared radius:

    .. math:: \frac12 \left( \frac{\theta_d}{\kappa_d n} \int_Y
        \det(\psi^{*\prime\prime} - \alpha I)^{1/2} \right)^{2/d},

    with :math:`\theta_d` the covering density and :math:`\kappa_d` the volume of the
    unit ball. Divide by t for the error of the prior.

    Parameters
    ----------
    volume : float
        The integral over Y of det(psi*'' - alpha I)^(1/2), the volume of Y in the
        metric.
    n_pieces : int
        Number n of pieces.
    n_features : int
        Dimension d.

    Returns
    -------
    float
        The error of psi*, in the maximum norm.

    Examples
    --------
    >>> from optimal_error import optimal_error
    >>> round(optimal_error(1.0, 10, 1), 12)  # ten tangents of y^2 / 2 on [0, 1]
    0.00125
    """
    density = covering_density(n_features) / _ball_volume(n_features)
    return (density * volume / n_pieces) ** (2 / n_features) / 2
