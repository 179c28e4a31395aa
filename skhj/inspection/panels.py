"""Axes to draw in: one, or a row or two of small ones in its place."""

__all__ = ["check_axes", "image_of", "make_panels"]


def check_axes(ax):
    """Axes to draw in, those of a new figure where none are given.

    Parameters
    ----------
    ax : matplotlib Axes or None
        What was given.

    Returns
    -------
    matplotlib Axes
        The axes.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots()[1]
    if not hasattr(ax, "get_subplotspec"):
        raise TypeError(f"ax must be matplotlib Axes or None, got {ax!r}")
    return ax


def make_panels(ax, n_rows, n_columns):
    """Divide axes into panels, or a new figure where there are none.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Axes whose place the panels take; they are emptied.
    n_rows, n_columns : int
        Number of panels.

    Returns
    -------
    ax : matplotlib Axes
        The axes that were divided.
    panels : ndarray of Axes, of shape (n_rows, n_columns)
        The panels.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        size = 1.6 * n_columns + 0.6, 1.6 * n_rows + 0.4
        _, ax = plt.subplots(figsize=size, layout="constrained")
    check_axes(ax).set_axis_off()
    grid = ax.get_subplotspec().subgridspec(n_rows, n_columns)
    return ax, grid.subplots(squeeze=False)


def image_of(numbers):
    """Lay the channels of an image out, one below the other.

    Parameters
    ----------
    numbers : ndarray of shape (C, h, w) or (h, w)
        The image.

    Returns
    -------
    ndarray of shape (C h, w) or (h, w)
        Rows and columns.
    """
    return numbers if numbers.ndim == 2 else numbers.reshape(-1, numbers.shape[-1])
