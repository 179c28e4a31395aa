"""Whether an operator explains the data at all."""

from dataclasses import dataclass

__all__ = ["Explanation"]


@dataclass(frozen=True)
class Explanation:
    """Tells an operator that makes data vary more, not less, when it is subtracted.

    Noise that has nothing to do with A(x) makes b vary more than itself.

    Parameters
    ----------
    largest : float, default=1.5
        Variance of b - A(x), over that of b, that may be chance.
    enough : int, default=30
        Measurements, counted over all samples, that it takes to say so.
    """

    largest: float = 1.5
    enough: int = 30

    def misfit(self, B, data):
        """Variance of what an operator leaves, where it is too large.

        Parameters
        ----------
        B, data : ndarray of shape (n, M)
            Data, and those that the operator makes of the models.

        Returns
        -------
        float or None
            The variance of b - A(x) over that of b; None where it may be chance.
        """
        size, left = (b.var(axis=0).sum() for b in (B, B - data))
        if left > self.largest * size > 0 and B.size >= self.enough:
            return float(left / size)
        return None
