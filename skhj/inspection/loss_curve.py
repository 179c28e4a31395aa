"""Losses of a fit, epoch by epoch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skhj.inspection.panels import check_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["LossCurveDisplay"]

CURVES = {
    "loss_curve_": "training",
    "validation_curve_": "hold-out",
    "prior_loss_curve_": "training, prior",
}


class LossCurveDisplay:
    """Losses of an estimator's networks against the epoch.

    Build it with `from_estimator`; the constructor takes computed arrays.

    Parameters
    ----------
    curves : dict of str to ndarray
        Losses, by what they are of.
    label : str or None, default=None
        What the estimator is, before the names of the curves in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : list of matplotlib Line2D
        The curves, in the order of ``curves``.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.inspection import LossCurveDisplay
    >>> display = LossCurveDisplay(curves={"training": np.array([1.0, 0.1])})
    >>> list(display.curves)
    ['training']
    """

    def __init__(
        self, *, curves: Mapping[str, np.ndarray], label: str | None = None
    ) -> None:
        self.curves = curves
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        label: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Take the losses that a fit kept.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with ``loss_curve_``, and perhaps ``validation_curve_``
            or ``prior_loss_curve_``; those that are empty are left out.
        label : str or None, default=None
            What to call the estimator in the legend, to compare it with another.
        ax : matplotlib Axes or None, default=None
            Where to plot at once; None leaves that to ``plot``, if there are no further
            arguments.
        **kwargs : dict
            Passed to ``plot``, which is then called at once.

        Returns
        -------
        LossCurveDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no losses.
        """
        check_is_fitted(estimator)
        curves = {
            name: np.asarray(getattr(estimator, attribute))
            for attribute, name in CURVES.items()
            if np.size(getattr(estimator, attribute, ()))
        }
        if not curves:
            raise ValueError(
                f"estimator must have losses in one of {list(CURVES)}, got "
                f"{type(estimator).__name__}"
            )
        display = cls(curves=curves, label=label)
        return display.plot(ax=ax, **kwargs) if ax is not None or kwargs else display

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the losses, on a logarithmic scale where all are positive.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        **kwargs : dict
            Passed to ``ax.plot``.

        Returns
        -------
        LossCurveDisplay
            The display, with ``ax_``, ``figure_`` and ``lines_``.
        """
        from matplotlib.ticker import MaxNLocator

        ax = check_axes(ax)
        self.lines_: list[Line2D] = []
        for name, losses in self.curves.items():
            label = name if self.label is None else f"{self.label}, {name}"
            epochs = np.arange(1, len(losses) + 1)
            # A single loss is a point, not a line.
            marker = "." if len(losses) == 1 else None
            options = {"label": label, "marker": marker, **kwargs}
            self.lines_ += ax.plot(epochs, losses, **options)
        if all((losses > 0).all() for losses in self.curves.values()):
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
