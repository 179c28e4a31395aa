"""Error of a network's iterates, layer by layer."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skhj.inspection.panels import check_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ConvergenceDisplay"]


class ConvergenceDisplay:
    """Mean squared error of the iterates of an unrolled network against the layer.

    Build it with `from_estimator`; the constructor takes computed arrays.

    Parameters
    ----------
    errors : ndarray of shape (n_layers + 1,)
        Mean squared error of the start and after each layer.
    label : str
        What the curve is, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot.
    figure_ : matplotlib Figure
        Its figure.
    line_ : matplotlib Line2D
        The curve.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.inspection import ConvergenceDisplay
    >>> display = ConvergenceDisplay(errors=np.array([1.0, 0.1]), label="eunet")
    >>> display.errors.shape
    (2,)
    """

    def __init__(self, *, errors: np.ndarray, label: str) -> None:
        self.errors = errors
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        label: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Compare an estimator's iterates with the true models.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with a method ``trajectory``.
        X : array-like of shape (n, M)
            Measurements.
        y : array-like of shape (n, N) or (n,)
            True models.
        label : str or None, default=None
            What to call the curve; None takes the estimator's ``network``.
        ax : matplotlib Axes or None, default=None
            Where to plot at once, such as the ``ax_`` of another estimator's display;
            None leaves that to ``plot``, if there are no further arguments.
        **kwargs : dict
            Passed to ``plot``, which is then called at once.

        Returns
        -------
        ConvergenceDisplay
            The display.

        Raises
        ------
        ValueError
            If y is not of the shape of the estimator's models.
        """
        check_is_fitted(estimator)
        trajectory = estimator.trajectory(X)
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        models = y[:, None] if y.ndim == 1 else y
        if models.shape != trajectory.shape[1:]:
            raise ValueError(
                f"y must be of shape {trajectory.shape[1:]}, as the estimator's models "
                f"for this X, got {y.shape}"
            )
        errors = np.array([np.mean((iterate - models) ** 2) for iterate in trajectory])
        if label is None:
            label = str(getattr(estimator, "network", type(estimator).__name__))
        display = cls(errors=errors, label=label)
        return display.plot(ax=ax, **kwargs) if ax is not None or kwargs else display

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the errors on a logarithmic scale.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to ``ax.semilogy``.

        Returns
        -------
        ConvergenceDisplay
            The display, with ``ax_``, ``figure_`` and ``line_``.
        """
        from matplotlib.ticker import MaxNLocator

        ax = check_axes(ax)
        options = {"marker": ".", "label": self.label, **kwargs}
        (self.line_,) = ax.semilogy(self.errors, **options)
        ax.set(xlabel="layer", ylabel="mean squared error")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
