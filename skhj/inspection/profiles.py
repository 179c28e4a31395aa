"""What a fitted sum is made of: directions, filters or columns, and their functions."""

from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skhj.inspection.panels import image_of, make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["ProfilesDisplay"]


class ProfilesDisplay:
    """Directions that an estimator found, above the functions that act along them.

    - Of `HJPriorRegressor` with "ridge": directions, and the splines whose sum is the
      value function but for a constant.
    - Of priors of images: filters, and the functions of their responses whose sum is
      the prior.
    - Of `EmbeddedInverseSolver`: columns of the embedding, of which answers are sums.

    Build it with `from_estimator`; the constructor takes computed arrays.

    Parameters
    ----------
    directions : ndarray of shape (K, d), (K, h, w) or (K, C, h, w)
        Directions, drawn as stems, or as images.
    arguments, values : ndarray of shape (K, n_points) or None, default=None
        The functions, one below each direction; None where there are none.
    label : str, default="function"
        What the functions are, for the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the last plot, which the panels divide.
    axes_ : ndarray of Axes, of shape (1 or 2, K)
        The panels.
    figure_ : matplotlib Figure
        Their figure.
    images_ : list of matplotlib AxesImage
        The directions, where they are images.
    lines_ : list of matplotlib Line2D
        The functions.

    Examples
    --------
    >>> from skhj import HJPriorRegressor
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.inspection import ProfilesDisplay
    >>> from skhj.problems import L1
    >>> X, y, G = make_value_samples(L1(), 300, 3, t=0.5, random_state=0)
    >>> est = HJPriorRegressor(t=0.5, random_state=0).fit(X, y, gradient=G)
    >>> display = ProfilesDisplay.from_estimator(est)
    >>> display.directions.shape, display.values.shape
    ((3, 3), (3, 201))
    """

    def __init__(
        self,
        *,
        directions: np.ndarray,
        arguments: np.ndarray | None = None,
        values: np.ndarray | None = None,
        label: str = "function",
    ) -> None:
        self.directions = directions
        self.arguments = arguments
        self.values = values
        self.label = label

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, n_shown: int = 8, ax: "Axes | None" = None
    ) -> Self:
        """Take the directions and functions of an estimator's ``profiles_``.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with ``profiles_``.
        n_shown : int, default=8
            Directions to show at most: those whose functions have the widest range, or
            the longest columns.
        ax : matplotlib Axes or None, default=None
            Where to plot at once; None leaves that to ``plot``.

        Returns
        -------
        ProfilesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator's model is no such sum, or ``n_shown`` no number of
            directions.
        """
        check_is_fitted(estimator)
        if not (isinstance(n_shown, Integral) and n_shown >= 1):
            raise ValueError(f"n_shown must be a positive int, got {n_shown!r}")
        profiles = getattr(estimator, "profiles_", None)
        if profiles is None:
            name = getattr(estimator, "network_", getattr(estimator, "network", None))
            raise ValueError(
                "estimator must be a sum of functions along directions or of columns "
                f"of an embedding, got {type(estimator).__name__} with network {name!r}"
            )
        directions, arguments, values, rank = profiles
        if values is not None:
            # Functions of a norm are shown below each of its filters.
            arguments, values = (
                np.repeat(numbers, rank, axis=0)[:n_shown]
                for numbers in (arguments, values)
            )
        shape = getattr(estimator, "image_shape", None)
        directions = directions[:n_shown]
        if directions.ndim == 2 and shape is not None and len(shape) > 1:
            directions = directions.reshape(len(directions), *shape)
        label = "prior J" if directions.ndim == 4 else "value function S"
        display = cls(
            directions=directions, arguments=arguments, values=values, label=label
        )
        return display if ax is None else display.plot(ax=ax)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the directions, and below each its function.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to divide into panels; None makes a new figure.

        Returns
        -------
        ProfilesDisplay
            The display, with ``ax_``, ``axes_``, ``figure_``, ``images_`` and
            ``lines_``.
        """
        n_rows = 1 if self.values is None else 2
        self.ax_, self.axes_ = make_panels(ax, n_rows, len(self.directions))
        self.figure_ = self.ax_.figure
        self.images_: list[AxesImage] = []
        self.lines_: list[Line2D] = []
        for panel, direction in zip(self.axes_[0], self.directions, strict=True):
            self._draw_direction(panel, direction)
        if self.arguments is not None and self.values is not None:
            functions = zip(self.axes_[1], self.arguments, self.values, strict=True)
            for panel, arguments, values in functions:
                self.lines_ += panel.plot(arguments, values)
                panel.sharey(self.axes_[1, 0])
                panel.tick_params(labelleft=panel is self.axes_[1, 0])
            self.axes_[1, 0].set_ylabel(self.label)
        return self

    def _draw_direction(self, panel, direction):
        panel.set(xticks=[], yticks=[])
        if direction.ndim > 1:
            largest = np.abs(direction).max()
            self.images_.append(
                panel.imshow(
                    image_of(direction), cmap="RdBu_r", vmin=-largest, vmax=largest
                )
            )
        else:
            panel.axhline(0, color="gray", linewidth=0.5)
            panel.vlines(np.arange(len(direction)), 0, direction)
