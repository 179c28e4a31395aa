"""Draws from a posterior, over the true model."""

from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skhj.inspection.panels import check_axes, image_of, make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["PosteriorDisplay"]


class PosteriorDisplay:
    """Draws from the posterior of one model, with the true model where it is known.

    Two unknowns are points of a plane, more are curves over their number, and images
    are shown by the mean and the standard deviation of the draws, and some of them.

    Build it with `from_estimator`; the constructor takes computed arrays.

    Parameters
    ----------
    draws : ndarray of shape (n_samples, N), (n_samples, H, W) or (n_samples, C, H, W)
        Draws.
    truth : ndarray of shape (N,), (H, W) or (C, H, W), or None, default=None
        The true model.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot; for images, panels divide them.
    figure_ : matplotlib Figure
        Its figure.
    axes_ : ndarray of Axes
        The panels of images, else the axes.
    images_ : dict of str to matplotlib AxesImage
        What the panels show: "true", "mean", "deviation", "draw 1", ...
    lines_ : list of matplotlib Line2D
        The draws, then the true model; empty for images.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.inspection import PosteriorDisplay
    >>> display = PosteriorDisplay(draws=np.zeros((10, 3)), truth=np.ones(3))
    >>> display.draws.shape
    (10, 3)
    """

    def __init__(self, *, draws: np.ndarray, truth: np.ndarray | None = None) -> None:
        self.draws = draws
        self.truth = truth

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        row: int = 0,
        n_samples: int = 100,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw models to one row of measurements.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with a method ``sample``, such as an
            `EmbeddedInverseSolver` with ``loss="energy"``.
        X : array-like of shape (n, M)
            Measurements.
        y : array-like of shape (n, N) or (n,), or None, default=None
            True models.
        row : int, default=0
            Which of the rows to draw models to.
        n_samples : int, default=100
            Draws.
        ax : matplotlib Axes or None, default=None
            Where to plot at once; None leaves that to ``plot``.

        Returns
        -------
        PosteriorDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator does not draw, ``row`` is none of X's, or y is not of the
            shape of the models.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "sample"):
            raise ValueError(
                "estimator must have a method sample, got "
                f"{type(estimator).__name__}, which has none"
            )
        n_rows = np.shape(X)[0]
        if not (isinstance(row, Integral) and 0 <= row < n_rows):
            raise ValueError(f"row must be an int from 0 to {n_rows - 1}, got {row!r}")
        draws = estimator.sample(X[row : row + 1], n_samples)[:, 0]
        truth = None
        if y is not None:
            y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
            truth = y.reshape(len(y), -1)
            if truth.shape != (n_rows, draws.shape[1]):
                raise ValueError(
                    f"y must be of shape {(n_rows, draws.shape[1])}, as the "
                    f"estimator's models for this X, got {y.shape}"
                )
            truth = truth[row]
        shape = getattr(estimator, "image_shape", None)
        if shape is not None and len(shape) > 1:
            draws = draws.reshape(n_samples, *shape)
            truth = truth if truth is None else truth.reshape(shape)
        display = cls(draws=draws, truth=truth)
        return display if ax is None else display.plot(ax=ax)

    def plot(self, ax: "Axes | None" = None, *, n_shown: int = 3) -> Self:
        """Draw the draws, and over them the true model.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        n_shown : int, default=3
            Draws of images to show one by one.

        Returns
        -------
        PosteriorDisplay
            The display, with ``ax_``, ``axes_``, ``figure_``, ``images_`` and
            ``lines_``.
        """
        self.images_: dict[str, AxesImage] = {}
        self.lines_: list[Line2D] = []
        if self.draws.ndim > 2:
            self._plot_images(ax, n_shown)
        else:
            ax = check_axes(ax)
            self.ax_, self.axes_ = ax, np.array([[ax]])
            draw = self._plot_points if self.draws.shape[1] == 2 else self._plot_curves
            draw(ax)
            ax.legend()
        self.figure_ = self.ax_.figure
        return self

    def _plot_images(self, ax, n_shown):
        shown = {} if self.truth is None else {"true": self.truth}
        shown["mean"] = self.draws.mean(axis=0)
        shown["deviation"] = self.draws.std(axis=0)
        models = self.draws[:n_shown]
        shown |= {f"draw {k}": model for k, model in enumerate(models, start=1)}
        self.ax_, self.axes_ = make_panels(ax, 1, len(shown))
        models = [image for name, image in shown.items() if name != "deviation"]
        limits = np.min(models), np.max(models)
        for panel, (name, image) in zip(self.axes_[0], shown.items(), strict=True):
            low, high = (0, None) if name == "deviation" else limits
            self.images_[name] = panel.imshow(image_of(image), vmin=low, vmax=high)
            panel.set(title=name, xticks=[], yticks=[])

    def _plot_points(self, ax):
        style = {"linestyle": "none", "marker": ".", "alpha": 0.5, "label": "draws"}
        self.lines_ += ax.plot(*self.draws.T, **style)
        if self.truth is not None:
            style = {"linestyle": "none", "marker": "x", "color": "black"}
            self.lines_ += ax.plot(*self.truth[:, None], label="true", **style)
        ax.set(xlabel="unknown 0", ylabel="unknown 1")

    def _plot_curves(self, ax):
        # Of single unknowns a curve would be nothing.
        marker = "." if self.draws.shape[1] == 1 else None
        lines = ax.plot(self.draws.T, color="C0", alpha=0.2, marker=marker)
        lines[0].set_label("draws")
        self.lines_ += lines
        if self.truth is not None:
            style = {"color": "black", "marker": marker, "label": "true"}
            self.lines_ += ax.plot(self.truth, **style)
        ax.set(xlabel="unknown", ylabel="value")
