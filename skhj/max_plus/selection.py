"""Few pieces out of many.

References
----------
Gaubert, McEneaney, Qu, "Curse of dimensionality reduction in max-plus based
approximation methods: theoretical estimates and improved pruning algorithms", CDC
2011.
"""

import numpy as np

__all__ = ["select_pieces"]


def select_pieces(pieces, n_pieces):
    """Choose pieces one by one, each where the maximum so far errs the most.

    The errors are those at the points where pieces touch, where each is the value.

    Parameters
    ----------
    pieces : Pieces
        The candidates.
    n_pieces : int
        Number to choose, at most.

    Returns
    -------
    ndarray of shape (n_chosen,)
        Indices, in the order chosen; fewer than ``n_pieces`` where the maximum is
        exact at all points already.
    ndarray of shape (n_chosen,)
        Largest error left after each choice.
    """
    # The highest value is a fair start: every other piece is added where it is wrong.
    chosen, errors = [int(pieces.values.argmax())], []
    current = np.full(len(pieces.values), -np.inf)
    while True:
        newest = pieces.take(np.array(chosen[-1:]))
        np.maximum(current, newest.at(pieces.points), out=current)
        error = pieces.values - current
        # A chosen piece is exact where it touches, up to round-off.
        error[chosen] = 0
        worst = int(error.argmax())
        errors.append(float(error[worst]))
        if errors[-1] <= 0 or len(chosen) == n_pieces:
            return np.array(chosen), np.array(errors)
        chosen.append(worst)
