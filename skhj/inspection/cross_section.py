"""Cross-sections of what an estimator of a prior has learned."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skhj.inspection.panels import check_axes
from skhj.numerics.given_numbers import given_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

__all__ = ["CrossSectionDisplay"]

RESPONSES = {
    "value": ("predict", "value function S"),
    "prox": ("prox", "prox, same component"),
    "prior": ("prior", "prior J"),
}
BOUNDS = {"value": "value_bounds", "prior": "prior_bounds"}


class CrossSectionDisplay:
    """Cross-sections of a value function, a prox or a prior along single features.

    Build it with `from_estimator`; the constructor takes computed arrays.

    Parameters
    ----------
    features : list of int
        The features that vary, one curve each.
    grid : ndarray of shape (n_features_shown, n_points)
        Values that each of them takes.
    response : ndarray of shape (n_features_shown, n_points)
        The learned function there.
    reference : ndarray of shape (n_features_shown, n_points) or None
        The true function there, where known.
    label : str
        What the function is, for the vertical axis.
    bounds : ndarray of shape (2, n_features_shown, n_points) or None, default=None
        Lower and upper bounds of the true function, where the estimator has them; they
        may be infinite.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : list of matplotlib Line2D
        The curves, learned and reference in turn.
    bands_ : list of matplotlib PolyCollection
        What lies between the bounds, one band for each feature where these are finite.

    Examples
    --------
    >>> from skhj import HJPriorRegressor
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.inspection import CrossSectionDisplay
    >>> from skhj.problems import ConcaveQuadratic
    >>> problem = ConcaveQuadratic()
    >>> X, y, _ = make_value_samples(problem, 300, 2, random_state=0)
    >>> est = HJPriorRegressor(max_iter=5, random_state=0).fit(X, y)
    >>> display = CrossSectionDisplay.from_estimator(
    ...     est, X, features=[0, 1], reference=problem.prior
    ... )
    >>> display.response.shape
    (2, 101)
    """

    def __init__(
        self,
        *,
        features: Sequence[int],
        grid: np.ndarray,
        response: np.ndarray,
        reference: np.ndarray | None,
        label: str,
        bounds: np.ndarray | None = None,
    ) -> None:
        self.features = features
        self.grid = grid
        self.response = response
        self.reference = reference
        self.label = label
        self.bounds = bounds

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        features: Sequence[int] = (0,),
        origin: ArrayLike | None = None,
        reference: Callable[[np.ndarray], np.ndarray] | None = None,
        response: str = "prior",
        n_points: int = 101,
        ax: "Axes | None" = None,
    ) -> Self:
        """Evaluate an estimator along features, through a common origin.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of a prior. Where it has bounds of what is shown, as
            `PQMPrior` has of value and prior, these are kept too.
        X : array-like of shape (n, d)
            Points whose range, feature by feature, the cross-sections span.
        features : sequence of int, default=(0,)
            The features that vary; the others stay at the origin.
        origin : array-like of shape (d,) or None, default=None
            Point that all cross-sections pass through; None takes the mean of X.
        reference : callable or None, default=None
            The true function, which maps points (m, d) to what the estimator does.
        response : {"prior", "value", "prox"}, default="prior"
            What to show; of "prox", the component of the feature that varies.
        n_points : int, default=101
            Points of a cross-section.
        ax : matplotlib Axes or None, default=None
            Where to plot at once; None leaves that to ``plot``.

        Returns
        -------
        CrossSectionDisplay
            The display.

        Raises
        ------
        ValueError
            If a feature, the origin or the response is not one of this data, or
            ``n_points`` is no number of points.
        """
        check_is_fitted(estimator)
        X = check_array(given_numbers(X, "X"), input_name="X")
        d = X.shape[1]
        if not isinstance(response, str) or response not in RESPONSES:
            raise ValueError(
                f"response must be one of {sorted(RESPONSES)}, got {response!r}"
            )
        features = np.atleast_1d(features).tolist()
        if not all(isinstance(k, int) and 0 <= k < d for k in features):
            raise ValueError(
                f"features must be ints between 0 and {d - 1}, got {features}"
            )
        if not (isinstance(n_points, Integral) and 2 <= n_points <= 10**6):
            raise ValueError(
                f"n_points must be an int from 2 to a million, got {n_points!r}"
            )
        origin = X.mean(axis=0) if origin is None else given_numbers(origin, "origin")
        if origin.shape != (d,):
            raise ValueError(f"origin must be of shape ({d},), got {origin.shape}")
        if not np.isfinite(origin).all():
            raise ValueError(f"origin must be finite, got {origin}")
        if reference is not None and not callable(reference):
            raise TypeError(f"reference must be callable or None, got {reference!r}")
        method, label = RESPONSES[response]
        bracket = getattr(estimator, BOUNDS.get(response, ""), None)
        grid, learned, true, bounds = [], [], [], []
        for feature in features:
            points = np.tile(origin, (n_points, 1))
            points[:, feature] = np.linspace(
                X[:, feature].min(), X[:, feature].max(), n_points
            )
            grid.append(points[:, feature])
            learned.append(_component(getattr(estimator, method)(points), feature))
            if reference is not None:
                true.append(_component(np.asarray(reference(points)), feature))
            if bracket is not None:
                bounds.append(bracket(points))
        display = cls(
            features=features,
            grid=np.array(grid),
            response=np.array(learned),
            reference=np.array(true) if true else None,
            label=label,
            bounds=np.stack(bounds, axis=1) if bounds else None,
        )
        return display if ax is None else display.plot(ax=ax)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the cross-sections, the reference dashed, the bounds as a band.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        CrossSectionDisplay
            The display, with ``ax_``, ``figure_``, ``lines_`` and ``bands_``.
        """
        ax = check_axes(ax)
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        for row, feature in enumerate(self.features):
            name = f"feature {feature}" if len(self.features) > 1 else "learned"
            self.lines_ += ax.plot(self.grid[row], self.response[row], label=name)
            if self.reference is not None:
                self.lines_ += ax.plot(
                    self.grid[row],
                    self.reference[row],
                    "--",
                    color="black",
                    linewidth=1,
                    label="true" if row == 0 else None,
                )
        self._plot_bounds(ax)
        ax.set(xlabel="value of the feature", ylabel=self.label)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_bounds(self, ax):
        if self.bounds is None:
            return
        learned = self.lines_[:: 1 if self.reference is None else 2]
        for row, line in enumerate(learned):
            lower, upper = self.bounds[:, row]
            finite = np.isfinite(upper - lower)
            if finite.any():
                band = ax.fill_between(
                    self.grid[row],
                    lower,
                    np.where(finite, upper, lower),
                    where=finite,
                    color=line.get_color(),
                    alpha=0.2,
                    label="bounds" if not self.bands_ else None,
                )
                self.bands_.append(band)


def _component(values, feature):
    return values if values.ndim == 1 else values[:, feature]
